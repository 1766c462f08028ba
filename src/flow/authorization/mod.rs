//! The authorization endpoint (RFC 6749 §4.1.1, OIDC Core §3.1.2) as a state machine over a stored row:
//!
//! ```text
//! request ──► Open ──login──► Authenticated ──consent──► Issued
//!               │                  │
//!               └──────────────────┴────────► Failed
//! ```
//!
//! Steps never call one another: a login or a consent writes what happened, and the browser returns to [`advance`].

pub(crate) mod next_step;
pub(crate) mod offer;
pub(crate) mod repeats;
pub(crate) mod request;
pub(crate) mod response;

use crate::domain::authorization::{Authorization, AuthorizationStage};
use crate::domain::browser::BrowserKey;
use crate::domain::grant::Consent;
use crate::domain::id::{AuthorizationId, UserId};
use crate::domain::refusal::Refusal;
use crate::domain::user::Upstream;
use crate::flow::login::disown;
use crate::flow::prelude::*;
use crate::protocol::client_metadata::ConsentPolicy;
use crate::protocol::endpoint::Endpoint;
use crate::store::authorizations::Room;
use crate::store::{authorizations, backchannel_logouts, consents, devices, sessions, users};
use next_step::{Known, Step};
use request::VerifiedRequest;
use response::{AuthorizationResponse, Delivery, ResponseTarget};

#[derive(Clone, Debug)]
pub(crate) struct Browser {
    pub key: BrowserKey,
    /// A live one.
    pub session: Option<(BrowserSession, User)>,
}

#[derive(Debug)]
pub(crate) enum Next {
    Login(Box<Interaction>),
    /// The browser's session is of whoever signed in.
    Declined(Box<Interaction>),
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

/// What the app is told.
const NOT_ADMITTED: &str = "the person may not use this app: they are in none of the groups that are allowed to";

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
    let mut interaction = Interaction { authorization, client };
    let ended = match decide(op, &mut interaction, browser).await? {
        Step::Login => {
            // Whoever has a network has all its addresses: it makes room in its own.
            store(op, &interaction.authorization, origin.network().unwrap_or_else(|| origin.source())).await?;
            return Ok(Next::Login(Box::new(interaction)));
        }
        Step::Declined(authentication) => {
            store(op, &interaction.authorization, format!("user/{}", authentication.user_id)).await?;
            return Ok(Next::Declined(Box::new(interaction)));
        }
        Step::Consent(authentication) => {
            // Somebody is signed in: strangers at the same address do not take their page away.
            store(op, &interaction.authorization, format!("user/{}", authentication.user_id)).await?;
            return Ok(Next::Consent(Box::new(interaction), authentication));
        }
        Step::Issue(authentication) => response::issue(op, &interaction, *authentication, false).await?,
        Step::Deny(who) => {
            let refusal = note_denied(op, &interaction, &who, origin).await?;
            let error = response::error(op, ResponseTarget::of(&interaction), ErrorCode::AccessDenied, NOT_ADMITTED);
            Some(error.because(refusal))
        }
        Step::Fail(code, description) => Some(response::error(op, ResponseTarget::of(&interaction), code, description)),
        Step::Over => None,
    };
    Ok(ended.map_or_else(|| Next::Over(Box::new(interaction), Over::Answered), Next::Respond))
}

/// Goes on with a stored authorization of this browser, wherever it stands: the place to which every step returns.
pub(crate) async fn advance(
    op: &Op,
    id: &AuthorizationId,
    browser: &Browser,
    origin: &RequestSource,
) -> Result<Next, Internal> {
    let Some(mut interaction) = find_own(op, id, &browser.key).await? else { return Ok(Next::Unknown) };
    if let Some(why) = interaction.over(op.env.now()) {
        return Ok(Next::Over(Box::new(interaction), why));
    }
    let ended = match decide(op, &mut interaction, browser).await? {
        Step::Login => return Ok(Next::Login(Box::new(interaction))),
        Step::Declined(_) => return Ok(Next::Declined(Box::new(interaction))),
        Step::Consent(authentication) => return Ok(Next::Consent(Box::new(interaction), authentication)),
        Step::Issue(authentication) => response::issue(op, &interaction, *authentication, true).await?,
        Step::Deny(who) => {
            let refusal = note_denied(op, &interaction, &who, origin).await?;
            let ended = fail(op, &interaction, ErrorCode::AccessDenied, NOT_ADMITTED).await?;
            ended.map(|error| error.because(refusal))
        }
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
    match (decide(op, &mut interaction.clone(), browser).await?, typed) {
        (Step::Login, _) => Ok(false),
        (Step::Declined(who) | Step::Consent(who) | Step::Issue(who) | Step::Deny(who), Some(name)) => {
            is_called(op, &who.user_id, name, browser).await
        }
        (Step::Declined(_) | Step::Consent(_) | Step::Issue(_) | Step::Deny(_), None) | (Step::Fail(..) | Step::Over, _) => {
            Ok(true)
        }
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

/// An authorization whose login belongs to a session that was ended meanwhile is one that nobody signed in for: its code would be
/// refused at the token endpoint. One read, and none where the login's session is the browser's own; one for the consent that was
/// given before, which is not looked up for a client that never asks; one for what was declined, where the user's row says so, and
/// one more where there is something; one for the groups of a login in another session, for a client that is not open to everybody.
async fn decide(op: &Op, interaction: &mut Interaction, browser: &Browser) -> Result<Step, Internal> {
    let session = browser.session.as_ref();
    if let AuthorizationStage::Authenticated { authentication, .. } = &interaction.authorization.stage
        && let Some(id) = &authentication.session_id
        && session.is_none_or(|(session, _)| session.id != *id)
        && !sessions::find(op.store.read(), id).await?.is_some_and(|session| session.is_alive(op.env.now()))
    {
        interaction.authorization.stage = AuthorizationStage::Open;
    }
    let person = match &interaction.authorization.stage {
        AuthorizationStage::Authenticated { authentication, .. } => Some(&authentication.user_id),
        _other => session.map(|(session, _)| &session.authentication.user_id),
    };
    let declined = match session.filter(|(_, user)| person == Some(&user.id) && may_ask_about_declined(op, interaction)) {
        Some((_, user)) => {
            !disown::list_open(op, user, &browser.key).await?.is_empty()
                && !authorizations::passes_over_declined(op.store.read(), &interaction.authorization.id).await?
        }
        None => false,
    };
    let client = &interaction.client;
    let consent = match person.filter(|_| client.metadata.consent != ConsentPolicy::None) {
        Some(person) => consents::find(op.store.read(), person, &client.id).await?,
        None => None,
    };
    let admitted = match person {
        Some(person) => is_admitted(op, client, person, session).await?,
        None => true,
    };
    let known = Known { consent: consent.as_ref(), declined, admitted };
    Ok(next_step::next_step(interaction, session, known, op.env.now()))
}

/// The widget has no page for questions, and `prompt=none` shows none.
fn may_ask_about_declined(op: &Op, interaction: &Interaction) -> bool {
    let is_of_site = op.settings.sites.iter().any(|site| site.client_id == interaction.client.id);
    !is_of_site && !interaction.authorization.request.prompt.none
}

async fn is_admitted(
    op: &Op,
    client: &Client,
    person: &UserId,
    session: Option<&(BrowserSession, User)>,
) -> Result<bool, Internal> {
    if client.metadata.allowed_groups.is_empty() {
        return Ok(true);
    }
    if let Some((_, user)) = session.filter(|(_, user)| user.id == *person) {
        return Ok(client.admits(user));
    }
    let user = users::find(op.store.read(), person).await?;
    Ok(user.is_some_and(|user| client.admits(&user)))
}

/// For the audit trail, in one commit; what is returned is for the log, and names the person.
async fn note_denied(
    op: &Op,
    interaction: &Interaction,
    who: &Authentication,
    origin: &RequestSource,
) -> Result<Refusal, Internal> {
    let client = &interaction.client.id;
    let event = AuditEvent {
        user: Some(who.user_id.to_string()),
        client: Some(client.to_string()),
        subject: Some(interaction.authorization.id.to_string()),
        detail: Some("allowed_groups".to_owned()),
        origin: origin.clone(),
        ..AuditEvent::new(AuditKind::AccessDenied)
    };
    let input = (PendingEvent::new(&op.store, event)?, op.env.now());
    op.store.write(input, |tx, (event, now)| Box::pin(event.write(tx, *now))).await?;
    let reason = format!("{} is in none of its allowed_groups", who.user_id);
    Ok(Refusal::new(client, Endpoint::Authorization, ErrorCode::AccessDenied, "allowed_groups", reason))
}

/// `None` when a code had been issued for it before.
pub(crate) async fn fail(
    op: &Op,
    interaction: &Interaction,
    code: ErrorCode,
    description: &'static str,
) -> Result<Option<AuthorizationResponse>, Internal> {
    let error = response::error(op, ResponseTarget::of(interaction), code, description);
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

/// The person's yes on the consent page (OIDC Core §3.1.2.4). Returns whether the authorization was still waiting. One commit.
pub(crate) async fn allow(
    op: &Op,
    authorization: &Authorization,
    authentication: Authentication,
    origin: RequestSource,
) -> Result<bool, Internal> {
    if matches!(authorization.stage, AuthorizationStage::Issued | AuthorizationStage::Failed(_)) {
        return Ok(false);
    }
    let now = op.env.now();
    let event = AuditEvent {
        user: Some(authentication.user_id.to_string()),
        client: Some(authorization.request.client_id.to_string()),
        subject: Some(authorization.id.to_string()),
        detail: Some(authorization.request.scope.to_string()),
        origin,
        ..AuditEvent::new(AuditKind::ConsentGranted)
    };
    let request = authorization.request.clone();
    let input = (authorization.id.clone(), request, authentication, PendingEvent::new(&op.store, event)?);
    let allowed = op.store.write(input, move |tx, (id, request, authentication, event)| {
        Box::pin(async move {
            if !authorizations::authenticate(tx, id, authentication, now).await?
                || !authorizations::consent(tx, id, &authentication.user_id, now).await?
            {
                return Ok(false);
            }
            let known = consents::find(tx, &authentication.user_id, &request.client_id).await?;
            let scope = known.map_or_else(|| request.scope.clone(), |known| known.scope.union(&request.scope));
            let consent = Consent { scope, granted_at: now };
            consents::upsert(tx, &authentication.user_id, &request.client_id, &consent).await?;
            event.write(tx, now).await?;
            Ok(true)
        })
    });
    Ok(allowed.await?)
}

/// The person does not want to go on. Returns where the browser does: what must be posted to the app is sent by a page of ours.
pub(crate) async fn give_up(op: &Op, interaction: &Interaction) -> Result<String, Internal> {
    let ended = fail(op, interaction, ErrorCode::AccessDenied, "the person did not want to sign in").await?;
    Ok(match ended.map(|response| response.delivery()) {
        Some(Delivery::Redirect(location)) => location,
        Some(Delivery::FormPost { .. }) | None => interaction.location(),
    })
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
