//! Finishing a login in the browser that began it: the approval is consumed once. The same person's session is renewed under a
//! new cookie and keeps its `sid`, so that what other apps got out of it lives on; for anybody else a new session begins, and
//! the one that it replaces ends.

use std::time::Duration;

use crate::domain::assurance::Acr;
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::authorization::Authorization;
use crate::domain::backchannel_logout::Hold;
use crate::domain::browser::{Authentication, BrowserKey, BrowserSession, Origin};
use crate::domain::clock::Timestamp;
use crate::domain::id::{LoginId, SessionId, UserId};
use crate::domain::login::{FINISH_GRACE, Login, LoginStage, Purpose, Subject};
use crate::domain::secret::{Secret, SecretDigest};
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::flow::audit::PendingEvent;
use crate::metrics;
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
    /// The session that it has now, which is renewed or replaced.
    pub session: Option<SessionId>,
    /// Where it is.
    pub origin: Origin,
}

/// Everything that the one write of [`finish`] needs.
struct Plan {
    login: Login,
    session: BrowserSession,
    cookie: SecretDigest,
    present: Option<SessionId>,
    event: PendingEvent,
    code_lifetime: Duration,
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
        present: by.session,
        code_lifetime: op.settings.lifetimes.code,
        event: PendingEvent::new(&op.env, event(&login, &user_id, by.origin))?,
        login,
        now,
    };
    let purpose = plan.login.purpose.clone();
    let (method, took) = (plan.login.upstream.as_str(), now.since(plan.login.created_at));
    Ok(match op.store.write(plan, |tx, plan| Box::pin(write(tx, plan))).await? {
        Outcome::Done => {
            metrics::LOGINS.add([method, "succeeded", ""]);
            metrics::LOGIN_DURATION.observe([method.into()], took.as_secs_f64());
            Finished::SignedIn { cookie, purpose }
        }
        Outcome::NotNow => Finished::Before(purpose),
        Outcome::Refused => Finished::Refused,
    })
}

async fn write(tx: &Tx, plan: &Plan) -> Result<Outcome, StoreError> {
    let session = plan.session_at_last(tx).await?;
    let authentication = &session.authentication;
    // What was true when the phone was asked must be true now (security bar 137).
    // Whoever locks the person or removes the phone meanwhile waits for this session, and ends it.
    if !users::lock_enabled_row(tx, &authentication.user_id).await? {
        return refused(tx, plan).await;
    }
    if let Some(device) = &authentication.device_id
        && devices::find(tx, device).await?.is_none()
    {
        return refused(tx, plan).await;
    }
    let Some(authorization) = served_authorization(tx, &plan.login.purpose).await? else { return Ok(Outcome::NotNow) };
    if !logins::consume(tx, &plan.login.id, &plan.login.browser, plan.now).await? {
        return Ok(Outcome::NotNow);
    }
    // Who approved in time gets an answer, also when the authorization ran out while the browser came back for it.
    let ends = authorization.expires_at.max(plan.now.plus(FINISH_GRACE));
    authorizations::extend(tx, &authorization.id, ends).await?;
    // An authorization that was cancelled meanwhile, or whose client was switched off, signs nobody in (security bar B18, 137).
    if !authorizations::authenticate(tx, &authorization.id, authentication, plan.now).await? {
        return Ok(Outcome::NotNow);
    }
    plan.begin_session(tx, &session, &Authorization { expires_at: ends, ..authorization }).await?;
    let fill_in = plan.login.typed.as_deref().filter(|_name| plan.login.remember);
    remembered_browsers::remember(tx, &plan.login.browser, &authentication.user_id, fill_in, plan.now).await?;
    if let Subject::Named(asked) = &plan.login.subject {
        pushes::forgive_owner(tx, plan.login.upstream, &asked.upstream_user, &plan.login.id).await?;
    }
    if let Some(device) = &authentication.device_id {
        devices::touch_last_used(tx, device, plan.now).await?;
    }
    plan.event.write(tx, plan.now).await?;
    Ok(Outcome::Done)
}

/// Uses the approval up all the same: it leads nowhere, and must not keep the browser from another login.
async fn refused(tx: &Tx, plan: &Plan) -> Result<Outcome, StoreError> {
    logins::consume(tx, &plan.login.id, &plan.login.browser, plan.now).await?;
    Ok(Outcome::Refused)
}

impl Plan {
    /// The session that this login leads to: the present one with the new login, when that is the same person's.
    async fn session_at_last(&self, tx: &Tx) -> Result<BrowserSession, StoreError> {
        let mut session = self.session.clone();
        let present = match &self.present {
            Some(present) => sessions::find(tx, present).await?,
            None => None,
        };
        if let Some(present) = present
            && present.is_alive(self.now)
            && present.authentication.user_id == session.authentication.user_id
        {
            session.authentication.session_id = present.id.clone();
            session.id = present.id;
        }
        Ok(session)
    }

    /// Renews the present session, or begins the new one in its place.
    async fn begin_session(&self, tx: &Tx, session: &BrowserSession, authorization: &Authorization) -> Result<(), StoreError> {
        if self.present.as_ref() == Some(&session.id) {
            if sessions::renew(tx, session, &self.cookie, self.now).await? {
                return Ok(());
            }
            // Ended since it was read: looked at again, it is replaced by a new one.
            return Err(StoreError::Unavailable { detail: "the session ended just now".to_owned(), transient: true });
        }
        if let Some(replaced) = &self.present {
            // Its clients hear of it when this login is through: a broker among them would drop it (decision 2.16).
            let until = authorization.expires_at.plus(self.code_lifetime);
            sessions::end_replaced(tx, replaced, &Hold { authorization: authorization.id.clone(), until }, self.now).await?;
        }
        sessions::insert(tx, session, &self.cookie).await
    }
}

/// The authorization that the login is for, if its client is still allowed anything.
async fn served_authorization(tx: &Tx, purpose: &Purpose) -> Result<Option<Authorization>, StoreError> {
    let Purpose::Authorization(id) = purpose;
    let Some(authorization) = authorizations::find(tx, id).await? else { return Ok(None) };
    let client = clients::find(tx, &authorization.request.client_id).await?;
    Ok(client.filter(|client| !client.disabled).map(|_on| authorization))
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
    event.client = login.concern.client.as_ref().map(ToString::to_string);
    event.origin = origin;
    event
}
