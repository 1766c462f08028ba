//! The authorization endpoint (RFC 6749 §4.1.1, OIDC Core §3.1.2) as a state machine over a stored row:
//!
//! ```text
//! request ──► Open ──login──► Authenticated ──consent──► Issued
//!               │                  │
//!               └──────────────────┴────────► Failed
//! ```
//!
//! Steps never call one another: a login or a consent writes what happened, and the browser returns to [`advance`].

pub(crate) mod consent;
pub(crate) mod next_step;
pub(crate) mod offer;
pub(crate) mod repeats;
pub(crate) mod request;
pub(crate) mod response;

use std::time::Duration;

use crate::domain::authorization::{Authorization, AuthorizationStage};
use crate::domain::browser::{Authentication, BrowserKey, BrowserSession, RequestSource};
use crate::domain::client::Client;
use crate::domain::clock::Timestamp;
use crate::domain::grant::Consent;
use crate::domain::id::{AuthorizationId, UserId};
use crate::domain::user::{Upstream, User};
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::protocol::client_metadata::ConsentPolicy;
use crate::protocol::error::ErrorCode;
use crate::store::authorizations::Room;
use crate::store::{authorizations, backchannel_logouts, consents, devices, sessions};
use next_step::{Situation, Step};
use request::VerifiedRequest;
use response::{AuthorizationResponse, Delivery};

#[derive(Clone, Debug)]
pub(crate) struct Browser {
    pub key: BrowserKey,
    /// A live one.
    pub session: Option<(BrowserSession, User)>,
}

#[derive(Debug)]
pub(crate) enum Next {
    Login(Box<Interaction>),
    Consent(Box<Interaction>, Box<Authentication>),
    Respond(AuthorizationResponse),
    Over(Box<Interaction>, Over),
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    /// A code was issued before: nothing is issued twice.
    Answered,
    /// The person gave it up, and by now it has run out as well.
    Cancelled,
    Expired,
    ClientOff,
}

#[derive(Clone, Debug)]
pub(crate) struct Interaction {
    pub authorization: Authorization,
    pub client: Client,
}

impl Interaction {
    /// Why it is over at `now`, if it is. One that ended with an error is not, while it lasts: its page sends the error again.
    fn over(&self, now: Timestamp) -> Option<Over> {
        let stage = &self.authorization.stage;
        if self.client.disabled {
            return Some(Over::ClientOff);
        }
        if matches!(stage, AuthorizationStage::Issued) {
            return Some(Over::Answered);
        }
        (now >= self.authorization.expires_at).then_some(match stage {
            AuthorizationStage::Failed(ErrorCode::AccessDenied) => Over::Cancelled,
            _nobody_answered => Over::Expired,
        })
    }

    pub(crate) fn is_waiting(&self, now: Timestamp) -> bool {
        let stage = &self.authorization.stage;
        self.over(now).is_none() && matches!(stage, AuthorizationStage::Open | AuthorizationStage::Authenticated { .. })
    }

    /// A quarter of what a login has, ten seconds at most. A phone that is asked later is asked for nothing.
    pub(crate) fn has_time_for_phone(&self, op: &Op) -> bool {
        let least = (op.settings.lifetimes.login / 4).min(Duration::from_secs(10));
        op.env.now().plus(least) < self.authorization.expires_at
    }

    pub(crate) fn location(&self) -> String {
        format!("/interaction/{}", self.authorization.id)
    }
}

/// A request that single sign-on answers at once costs one commit; one that ends in an error, none.
pub(crate) async fn begin(
    op: &Op,
    verified: VerifiedRequest,
    browser: &Browser,
    origin: &RequestSource,
) -> Result<Next, Internal> {
    let VerifiedRequest { client, request } = verified;
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
            // Whoever has a network has all its addresses: it makes room in its own.
            store(op, &interaction.authorization, origin.network().unwrap_or_else(|| origin.source())).await?;
            Next::Login(Box::new(interaction))
        }
        Step::Consent(authentication) => {
            // Somebody is signed in: strangers at the same address do not take their page away.
            store(op, &interaction.authorization, format!("user/{}", authentication.user_id)).await?;
            Next::Consent(Box::new(interaction), authentication)
        }
        Step::Issue(authentication) => Next::Respond(response::issue_at_once(op, interaction, *authentication).await?),
        Step::Fail(code, description) => Next::Respond(response::error(op, &interaction, code, description)),
        Step::Over => Next::Over(Box::new(interaction), Over::Answered),
    })
}

/// Goes on with a stored authorization of this browser, wherever it stands: the place to which every step returns.
pub(crate) async fn advance(op: &Op, id: &AuthorizationId, browser: &Browser) -> Result<Next, Internal> {
    let Some(interaction) = find_own(op, id, &browser.key).await? else { return Ok(Next::Unknown) };
    if let Some(why) = interaction.over(op.env.now()) {
        return Ok(Next::Over(Box::new(interaction), why));
    }
    let interaction = without_ended_login(op, interaction, browser).await?;
    let ended = match decide(op, &interaction, browser).await? {
        Step::Login => return Ok(Next::Login(Box::new(interaction))),
        Step::Consent(authentication) => return Ok(Next::Consent(Box::new(interaction), authentication)),
        Step::Issue(authentication) => response::issue(op, &interaction, *authentication).await?,
        Step::Fail(code, description) => fail(op, &interaction, code, description).await?,
        Step::Over => None,
    };
    match ended {
        Some(response) => Ok(Next::Respond(response)),
        // It ended since it was read: here, in another tab, or by its time.
        None => {
            let now = find_own(op, id, &browser.key).await?.unwrap_or(interaction);
            let why = now.over(op.env.now()).unwrap_or(Over::Answered);
            Ok(Next::Over(Box::new(now), why))
        }
    }
}

/// Somebody may have signed in in another tab since the form was shown. `typed` is the name on that form: one that is not a name
/// of whoever is signed in asks a phone all the same, whether anybody has it or not. Changes nothing.
/// Costs: what [`advance`] reads to decide; one read more where the name is neither their username nor their e-mail address.
pub(crate) async fn goes_on_without_phone(
    op: &Op,
    interaction: &Interaction,
    browser: &Browser,
    typed: Option<&str>,
) -> Result<bool, Internal> {
    let interaction = without_ended_login(op, interaction.clone(), browser).await?;
    match (decide(op, &interaction, browser).await?, typed) {
        (Step::Login, _) => Ok(false),
        (Step::Consent(who) | Step::Issue(who), Some(name)) => is_called(op, &who.user_id, name, browser).await,
        (Step::Consent(_) | Step::Issue(_), None) | (Step::Fail(..) | Step::Over, _) => Ok(true),
    }
}

/// Whether `name` is one of this person's, in the spelling of [`canonical_identifier`](crate::domain::user::canonical_identifier).
async fn is_called(op: &Op, person: &UserId, name: &str, browser: &Browser) -> Result<bool, Internal> {
    let signed_in = browser.session.as_ref().map(|(_, user)| user).filter(|user| user.id == *person);
    if signed_in.is_some_and(|user| user.username == name || user.email.as_deref() == Some(name)) {
        return Ok(true);
    }
    // A username wins over the name of somebody's phone, as it does where a phone is asked.
    let account = devices::find_account(op.store.read(), name, Upstream::SecSign).await?;
    Ok(account.is_some_and(|(user, _)| user.id == *person))
}

async fn decide(op: &Op, interaction: &Interaction, browser: &Browser) -> Result<Step, Internal> {
    let Interaction { authorization, client } = interaction;
    let consent = stored_consent(op, interaction, browser).await?;
    let session = browser.session.as_ref();
    Ok(next_step::next_step(&Situation { authorization, client, session, consent: consent.as_ref(), now: op.env.now() }))
}

/// `None` when a code had been issued for it before.
pub(crate) async fn fail(
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

/// The person does not want to go on. Returns where the browser does: what must be posted to the app is sent by a page of ours.
pub(crate) async fn give_up(op: &Op, interaction: &Interaction) -> Result<String, Internal> {
    let ended = fail(op, interaction, ErrorCode::AccessDenied, "the person did not want to sign in").await?;
    Ok(match ended.map(|response| response.delivery()) {
        Some(Delivery::Redirect(location)) => location,
        Some(Delivery::FormPost { .. }) | None => interaction.location(),
    })
}

/// An authorization whose login belongs to a session that was ended meanwhile is one that nobody signed in for: its code would be
/// refused at the token endpoint. One read, and none where the login's session is the browser's own.
async fn without_ended_login(op: &Op, mut interaction: Interaction, browser: &Browser) -> Result<Interaction, Internal> {
    let AuthorizationStage::Authenticated { authentication, .. } = &interaction.authorization.stage else {
        return Ok(interaction);
    };
    let Some(id) = &authentication.session_id else { return Ok(interaction) };
    if browser.session.as_ref().is_none_or(|(session, _)| session.id != *id) {
        let session = sessions::find(op.store.read(), id).await?;
        if !session.is_some_and(|session| session.is_alive(op.env.now())) {
            interaction.authorization.stage = AuthorizationStage::Open;
        }
    }
    Ok(interaction)
}

/// Not looked up for a client that never asks.
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
async fn store(op: &Op, authorization: &Authorization, source: String) -> Result<(), Internal> {
    let limits = &op.settings.limits;
    let room = Room { of_source: limits.authorizations_per_source, of_all: limits.authorizations };
    let input = (authorization.clone(), source, room);
    let write = op.store.write(input, |tx, (authorization, source, room)| {
        Box::pin(async move {
            authorizations::make_room(tx, source, *room, authorization.created_at).await?;
            authorizations::insert(tx, authorization, source).await
        })
    });
    Ok(write.await?)
}

/// The cookie decides, not the URL: another browser's authorization does not exist (decision 2.2).
pub(crate) async fn find_own(op: &Op, id: &AuthorizationId, browser: &BrowserKey) -> Result<Option<Interaction>, Internal> {
    let found = authorizations::find_with_client(op.store.read(), id).await?;
    let own = found.filter(|(authorization, _)| authorization.browser == *browser);
    Ok(own.map(|(authorization, client)| Interaction { authorization, client }))
}
