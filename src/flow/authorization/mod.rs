//! The authorization endpoint (RFC 6749 §4.1.1, OIDC Core §3.1.2) as a state machine over a stored row:
//!
//! ```text
//! request ──► Open ──login──► Authenticated ──consent──► Issued
//!               │                  │
//!               └──────────────────┴────────► Failed
//! ```
//!
//! [`request`] checks what came, [`next_step`] decides from stored state alone, [`response`] ends it. Steps never call one
//! another: a login or a consent writes what happened, and the browser returns to [`advance`].

pub mod consent;
pub mod next_step;
pub mod repeats;
pub mod request;
pub mod response;

use crate::domain::authorization::{Authorization, AuthorizationStage};
use crate::domain::browser::{Authentication, BrowserKey, BrowserSession, Origin};
use crate::domain::client::Client;
use crate::domain::clock::Timestamp;
use crate::domain::grant::Consent;
use crate::domain::id::AuthorizationId;
use crate::domain::source;
use crate::domain::user::User;
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::protocol::client_metadata::ConsentPolicy;
use crate::protocol::error::ErrorCode;
use crate::store::authorizations::Room;
use crate::store::{authorizations, backchannel_logouts, consents, sessions};
use next_step::{Situation, Step};
use request::CheckedRequest;
use response::AuthorizationResponse;

/// The browser as the request found it.
#[derive(Clone, Debug)]
pub struct Browser {
    /// Its cookie's digest.
    pub key: BrowserKey,
    /// Its live session and the person in it, if it is signed in.
    pub session: Option<(BrowserSession, User)>,
}

/// What the browser is shown next.
#[derive(Debug)]
pub enum Next {
    /// Somebody must sign in for this authorization.
    Login(Box<Interaction>),
    /// The person must allow the scopes.
    Consent(Box<Interaction>, Box<Authentication>),
    /// The answer to the relying party.
    Respond(AuthorizationResponse),
    /// The authorization has ended before: there is nothing to do, and nothing is issued twice.
    Over(Box<Client>),
    /// No authorization of this browser.
    Unknown,
}

/// An authorization with the client that asked.
#[derive(Debug)]
pub struct Interaction {
    /// The authorization.
    pub authorization: Authorization,
    /// The client that asked.
    pub client: Client,
}

impl Interaction {
    /// Whether it has its place in time and its client may still ask.
    fn is_alive(&self, now: Timestamp) -> bool {
        !self.client.disabled && now < self.authorization.expires_at
    }

    /// Whether it still waits for the person: only then a form of its pages does anything.
    pub fn is_waiting(&self, now: Timestamp) -> bool {
        let stage = &self.authorization.stage;
        self.is_alive(now) && matches!(stage, AuthorizationStage::Open | AuthorizationStage::Authenticated { .. })
    }

    fn over(self) -> Next {
        Next::Over(Box::new(self.client))
    }
}

/// Takes a checked request as far as possible without a page. A request that single sign-on answers at once costs one commit;
/// one that ends in an error, none.
///
/// # Errors
/// When something of ours fails.
pub async fn begin(op: &Op, checked: CheckedRequest, browser: &Browser, origin: &Origin) -> Result<Next, Internal> {
    let CheckedRequest { client, request } = checked;
    let now = op.env.now();
    let authorization = Authorization {
        id: AuthorizationId::generate(&op.env)?,
        browser: browser.key.clone(),
        request,
        stage: AuthorizationStage::Open,
        created_at: now,
        expires_at: now.plus(op.settings.lifetimes.authorization),
    };
    let interaction = Interaction { authorization, client };
    Ok(match decide(op, &interaction, browser).await? {
        Step::Login => {
            store(op, &interaction.authorization, origin).await?;
            Next::Login(Box::new(interaction))
        }
        Step::Consent(authentication) => {
            store(op, &interaction.authorization, origin).await?;
            Next::Consent(Box::new(interaction), authentication)
        }
        Step::Issue(authentication) => Next::Respond(response::issue_at_once(op, interaction, *authentication).await?),
        Step::Fail(code, description) => Next::Respond(response::error(op, &interaction, code, description)),
        Step::Over => interaction.over(),
    })
}

/// Goes on with a stored authorization of this browser, wherever it stands: the place to which every step returns.
///
/// # Errors
/// When something of ours fails.
pub async fn advance(op: &Op, id: &AuthorizationId, browser: &Browser) -> Result<Next, Internal> {
    let Some(interaction) = find_own(op, id, &browser.key).await? else { return Ok(Next::Unknown) };
    if !interaction.is_alive(op.env.now()) {
        return Ok(interaction.over());
    }
    let interaction = without_ended_login(op, interaction, browser).await?;
    let ended = match decide(op, &interaction, browser).await? {
        Step::Login => return Ok(Next::Login(Box::new(interaction))),
        Step::Consent(authentication) => return Ok(Next::Consent(Box::new(interaction), authentication)),
        Step::Issue(authentication) => response::issue(op, &interaction, *authentication).await?,
        Step::Fail(code, description) => fail(op, &interaction, code, description).await?,
        Step::Over => None,
    };
    Ok(ended.map_or_else(|| interaction.over(), Next::Respond))
}

/// What comes next, by what is stored now.
async fn decide(op: &Op, interaction: &Interaction, browser: &Browser) -> Result<Step, Internal> {
    let Interaction { authorization, client } = interaction;
    let consent = stored_consent(op, interaction, browser).await?;
    let session = browser.session.as_ref();
    Ok(next_step::next_step(&Situation { authorization, client, session, consent: consent.as_ref(), now: op.env.now() }))
}

/// Ends an authorization with an error for the relying party; `None` when a code had been issued for it before.
///
/// # Errors
/// When something of ours fails.
pub async fn fail(
    op: &Op,
    interaction: &Interaction,
    code: ErrorCode,
    description: &'static str,
) -> Result<Option<AuthorizationResponse>, Internal> {
    let error = response::error(op, interaction, code, description);
    if matches!(interaction.authorization.stage, AuthorizationStage::Failed(_)) {
        return Ok(Some(error));
    }
    let input = (interaction.authorization.id.clone(), code, op.env.now());
    let ended = op.store.write(input, |tx, (id, code, now)| {
        Box::pin(async move {
            let failed = authorizations::fail(tx, id, *code).await?;
            if failed {
                // No code will come: nobody waits for it any longer (decision 2.16).
                backchannel_logouts::release(tx, id, *now).await?;
            }
            Ok(failed)
        })
    });
    Ok(ended.await?.then_some(error))
}

/// An authorization whose login belongs to a session that was ended meanwhile (a logout, another account, an operator) is one
/// that nobody signed in for: the code that it would get is refused at the token endpoint. One read, and none where the
/// login's session is the browser's own.
async fn without_ended_login(op: &Op, mut interaction: Interaction, browser: &Browser) -> Result<Interaction, Internal> {
    let AuthorizationStage::Authenticated { authentication, .. } = &interaction.authorization.stage else {
        return Ok(interaction);
    };
    if browser.session.as_ref().is_none_or(|(session, _)| session.id != authentication.session_id) {
        let session = sessions::find(op.store.read(), &authentication.session_id).await?;
        if !session.is_some_and(|session| session.is_alive(op.env.now())) {
            interaction.authorization.stage = AuthorizationStage::Open;
        }
    }
    Ok(interaction)
}

/// What the person who would be signed in had allowed this client before; not looked up for a client that never asks.
async fn stored_consent(op: &Op, interaction: &Interaction, browser: &Browser) -> Result<Option<Consent>, Internal> {
    let Interaction { authorization, client } = interaction;
    if client.metadata.consent == ConsentPolicy::None {
        return Ok(None);
    }
    let user_id = match &authorization.stage {
        AuthorizationStage::Authenticated { authentication, .. } => &authentication.user_id,
        _other => match &browser.session {
            Some((session, _)) => &session.authentication.user_id,
            None => return Ok(None),
        },
    };
    Ok(consents::find(op.store.read(), user_id, &client.id).await?)
}

/// Keeps an authorization while its person signs in, within the room that its source and all of them have.
async fn store(op: &Op, authorization: &Authorization, origin: &Origin) -> Result<(), Internal> {
    let limits = &op.settings.limits;
    let room = Room { of_source: limits.authorizations_per_source, of_all: limits.authorizations };
    let input = (authorization.clone(), source::of(&origin.address), room);
    let write = op.store.write(input, |tx, (authorization, source, room)| {
        Box::pin(async move {
            authorizations::make_room(tx, source, *room, authorization.created_at).await?;
            authorizations::insert_from(tx, authorization, source).await
        })
    });
    Ok(write.await?)
}

/// The authorization of this browser, however far it got. The cookie decides, not the URL: another browser's authorization
/// does not exist (decision 2.2).
///
/// # Errors
/// When something of ours fails.
pub async fn find_own(op: &Op, id: &AuthorizationId, browser: &BrowserKey) -> Result<Option<Interaction>, Internal> {
    let found = authorizations::find_with_client(op.store.read(), id).await?;
    let own = found.filter(|(authorization, _)| authorization.browser == *browser);
    Ok(own.map(|(authorization, client)| Interaction { authorization, client }))
}
