//! Finishing a login in the browser that began it: the approval is consumed once, and a session with a new cookie begins.

use crate::domain::assurance::Acr;
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::browser::{Authentication, BrowserKey, BrowserSession, Origin};
use crate::domain::clock::Timestamp;
use crate::domain::id::{LoginId, SessionId, UserId};
use crate::domain::login::{FINISH_GRACE, Login, LoginStage, Purpose, Subject};
use crate::domain::secret::{Secret, SecretDigest};
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::flow::trail::Entry;
use crate::store::{StoreError, Tx, authorizations, clients, devices, logins, pushes, remembered_browsers, sessions, users};

/// What came of pressing *continue*.
#[derive(Debug)]
pub enum Finished {
    /// This browser is signed in, by this new session cookie.
    SignedIn {
        /// The cookie's value.
        cookie: Secret,
        /// What the login was for.
        purpose: Purpose,
    },
    /// The approval was used up before, by this browser: a double click, a reload.
    Before(Purpose),
    /// The login is not approved (yet, or at all): its page says more.
    NotApproved,
    /// The person or their registration was locked or removed since (security bar 137).
    Refused,
    /// No login of this browser.
    Unknown,
}

/// Who finishes: the browser, its present session and where it is.
#[derive(Clone, Debug)]
pub struct Finisher {
    /// The browser's cookie.
    pub browser: BrowserKey,
    /// The session that it has now, which the new one replaces.
    pub session: Option<SessionId>,
    /// Where it is.
    pub origin: Origin,
}

/// Everything that the one write of [`finish`] needs.
struct Plan {
    login: Login,
    session: BrowserSession,
    cookie: SecretDigest,
    replaced: Option<SessionId>,
    event: Entry,
    now: Timestamp,
}

/// What the write found.
enum Outcome {
    Done,
    NotNow,
    Refused,
}

/// Consumes the approval of a login. One commit: the mark that it is used up, the session, the authorization's step and the
/// audit event stand or fall together.
///
/// # Errors
/// When something of ours fails.
pub async fn finish(op: &Op, id: &LoginId, by: Finisher) -> Result<Finished, Internal> {
    let Some(login) = super::find_own(op, id, &by.browser).await? else { return Ok(Finished::Unknown) };
    if login.consumed_at.is_some() {
        return Ok(Finished::Before(login.purpose));
    }
    let now = op.env.now();
    let LoginStage::Approved { at, user_id, device_id } = login.stage.clone() else { return Ok(Finished::NotApproved) };
    if now >= login.deadline.plus(FINISH_GRACE) {
        return Ok(Finished::NotApproved);
    }
    let authentication = Authentication {
        user_id: user_id.clone(),
        session_id: SessionId::generate(&op.env)?,
        auth_time: at,
        acr: reached(op, &login),
        device_id,
        unnamed: login.subject == Subject::Unnamed,
    };
    let cookie = Secret::generate(&op.env)?;
    let plan = Plan {
        session: new_session(op, &by, authentication, now),
        cookie: cookie.digest(),
        replaced: by.session,
        event: Entry::new(&op.env, event(&login, &user_id, by.origin))?,
        login,
        now,
    };
    let purpose = plan.login.purpose.clone();
    Ok(match op.store.write(plan, |tx, plan| Box::pin(write(tx, plan))).await? {
        Outcome::Done => Finished::SignedIn { cookie, purpose },
        Outcome::NotNow => Finished::Before(purpose),
        Outcome::Refused => Finished::Refused,
    })
}

async fn write(tx: &Tx, plan: &Plan) -> Result<Outcome, StoreError> {
    let authentication = &plan.session.authentication;
    // What was true when the phone was asked must be true now (security bar 137).
    let user = users::find(tx, &authentication.user_id).await?;
    if user.is_none_or(|user| user.locked) {
        return Ok(Outcome::Refused);
    }
    if let Some(device) = &authentication.device_id
        && devices::find(tx, device).await?.is_none()
    {
        return Ok(Outcome::Refused);
    }
    if !client_is_on(tx, &plan.login.purpose).await? {
        return Ok(Outcome::Refused);
    }
    if !logins::consume(tx, &plan.login.id, &plan.login.browser, plan.now).await? {
        return Ok(Outcome::NotNow);
    }
    // An authorization that was cancelled meanwhile, or whose client was switched off, signs nobody in (security bar B18, 137).
    let Purpose::Authorization(id) = &plan.login.purpose;
    if !authorizations::authenticate(tx, id, authentication, plan.now).await? {
        return Ok(Outcome::NotNow);
    }
    if let Some(replaced) = &plan.replaced {
        sessions::end(tx, replaced, plan.now).await?;
    }
    sessions::insert(tx, &plan.session, &plan.cookie).await?;
    let fill_in = plan.login.typed.as_deref().filter(|_name| plan.login.remember);
    remembered_browsers::remember(tx, &plan.login.browser, &authentication.user_id, fill_in, plan.now).await?;
    if let Subject::Named(asked) = &plan.login.subject {
        pushes::delete_for_target(tx, plan.login.upstream, &asked.upstream_user).await?;
    }
    if let Some(device) = &authentication.device_id {
        devices::touch_last_used(tx, device, plan.now).await?;
    }
    plan.event.write(tx, plan.now).await?;
    Ok(Outcome::Done)
}

/// Whether the client that asked is still allowed anything.
async fn client_is_on(tx: &Tx, purpose: &Purpose) -> Result<bool, StoreError> {
    let Purpose::Authorization(id) = purpose;
    let Some(authorization) = authorizations::find(tx, id).await? else { return Ok(false) };
    Ok(clients::find(tx, &authorization.request.client_id).await?.is_some_and(|client| !client.disabled))
}

/// How strong the login was (decision 2.1): by what the service does, and whom and what this login showed.
fn reached(op: &Op, login: &Login) -> Acr {
    use crate::domain::login::Challenge;
    let matches_symbol = op.upstreams.get(login.upstream).is_some_and(|service| service.capabilities().matches_symbol);
    match (&login.subject, &login.challenge) {
        (Subject::Named(_), Some(Challenge::AccessPass(Some(_)))) if matches_symbol => Acr::Matched,
        (Subject::Named(_), Some(Challenge::QrCode { .. })) => Acr::Named,
        _without_name_or_symbol => Acr::Approved,
    }
}

fn new_session(op: &Op, by: &Finisher, authentication: Authentication, now: Timestamp) -> BrowserSession {
    BrowserSession {
        id: authentication.session_id.clone(),
        authentication,
        browser: by.browser.clone(),
        origin: by.origin.clone(),
        created_at: now,
        last_seen_at: now,
        expires_at: now.plus(op.settings.lifetimes.session),
        ended_at: None,
    }
}

fn event(login: &Login, user_id: &UserId, origin: Origin) -> AuditEvent {
    let mut event = AuditEvent::new(AuditKind::LoginSucceeded);
    event.user = Some(user_id.to_string());
    event.subject = Some(login.id.to_string());
    event.detail = Some(login.upstream.to_string());
    event.origin = origin;
    event
}
