//! Finishing a login in the browser that began it: the approval is consumed once. The same user's session is renewed under a
//! new cookie and keeps its `sid`, so that what other apps got out of it lives on; for anybody else a new session begins, and
//! the one that it replaces ends.

use std::time::Duration;

use crate::domain::assurance::Acr;
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::browser::{Authentication, BrowserKey, BrowserSession, Origin};
use crate::domain::clock::Timestamp;
use crate::domain::id::{SessionId, UserId};
use crate::domain::login::{Challenge, FINISH_GRACE, Login, LoginStage, Subject};
use crate::domain::secret::{Secret, SecretDigest};
use crate::flow::Op;
use crate::flow::audit::PendingEvent;
use crate::flow::error::Internal;
use crate::metrics;
use crate::store::{StoreError, Tx, devices, logins, pushes, remembered_browsers, sessions, users};

use super::outcome::{self, Awaited};

/// What came of pressing *continue*.
#[derive(Debug)]
pub(crate) enum Finished {
    /// The approval was used. The browser, where there is one, is signed in by this new session cookie.
    SignedIn { cookie: Option<Secret> },
    /// The approval was used up before, by this browser: a double click, a reload.
    Before,
    /// The login is not approved (yet, or at all): its page says more.
    NotApproved,
    /// The user or their registration was locked or removed since (check 137).
    Refused,
}

#[derive(Clone, Debug)]
pub(crate) struct Finisher {
    /// The session that the browser has now, which is renewed or replaced.
    pub(crate) session: Option<SessionId>,
    pub(crate) origin: Origin,
}

/// Everything that the one write of [`finish`] needs.
struct Plan {
    login: Login,
    authentication: Authentication,
    session: Option<NewSession>,
    event: PendingEvent,
    code_lifetime: Duration,
    now: Timestamp,
}

/// The session of a browser that finishes a login.
struct NewSession {
    id: SessionId,
    browser: BrowserKey,
    cookie: SecretDigest,
    /// The one that the browser has now.
    present: Option<SessionId>,
    origin: Origin,
    expires_at: Timestamp,
}

enum Outcome {
    Done,
    NotNow,
    Refused,
}

/// Consumes the approval of a login, as it was just read: in its browser, or, where it has none, for whoever asked. One commit: the
/// mark that it is used up, the session, what the login was for and the audit event stand or fall together.
pub(crate) async fn finish(op: &Op, login: Login, by: Finisher) -> Result<Finished, Internal> {
    if login.consumed_at.is_some() {
        return Ok(Finished::Before);
    }
    let now = op.env.now();
    let LoginStage::Approved { at, user_id, device_id } = login.stage.clone() else { return Ok(Finished::NotApproved) };
    if now >= login.deadline.plus(FINISH_GRACE) {
        return Ok(Finished::NotApproved);
    }
    let event = PendingEvent::new(&op.env, event(&login, &user_id, by.origin.clone()))?;
    let unnamed = login.subject == Subject::Unnamed;
    let authentication =
        Authentication { user_id, session_id: None, auth_time: at, acr: reached(op, &login), device_id, unnamed };
    let (session, cookie) = match login.browser.clone() {
        Some(browser) => {
            let (id, cookie) = (SessionId::generate(&op.env)?, Secret::generate(&op.env)?);
            let expires_at = now.plus(op.settings.lifetimes.session);
            let present = by.session;
            let session = NewSession { id, browser, cookie: cookie.digest(), present, origin: by.origin, expires_at };
            (Some(session), Some(cookie))
        }
        None => (None, None),
    };
    let (method, took) = (login.upstream.as_str(), now.since(login.created_at));
    let plan = Plan { login, authentication, session, event, code_lifetime: op.settings.lifetimes.code, now };
    Ok(match op.store.write(plan, |tx, plan| Box::pin(write(tx, plan))).await? {
        Outcome::Done => {
            metrics::LOGINS.add([method, "succeeded", ""]);
            metrics::LOGIN_DURATION.observe([method.into()], took.as_secs_f64());
            Finished::SignedIn { cookie }
        }
        Outcome::NotNow => Finished::Before,
        Outcome::Refused => Finished::Refused,
    })
}

async fn write(tx: &Tx, plan: &Plan) -> Result<Outcome, StoreError> {
    let Plan { login, now, .. } = plan;
    let session_id = plan.session_at_last(tx).await?;
    let authentication = &Authentication { session_id, ..plan.authentication.clone() };
    // What was true when the phone was asked must be true now (check 137).
    // Whoever locks the user or removes the phone meanwhile waits for this session, and ends it.
    if !users::lock_enabled_row(tx, &authentication.user_id).await? {
        return refused(tx, plan).await;
    }
    if let Some(device) = &authentication.device_id
        && devices::find(tx, device).await?.is_none()
    {
        return refused(tx, plan).await;
    }
    let Some(mut awaited) = outcome::awaited(tx, &login.purpose).await? else { return Ok(Outcome::NotNow) };
    if !logins::consume(tx, &login.id, login.browser.as_ref(), *now).await? {
        return Ok(Outcome::NotNow);
    }
    if !awaited.on_approved(tx, authentication, *now).await? {
        return Ok(Outcome::NotNow);
    }
    if let Some(session) = &plan.session {
        plan.begin_session(tx, session, authentication, &awaited).await?;
        let fill_in = login.typed.as_deref().filter(|_name| login.remember);
        remembered_browsers::remember(tx, &session.browser, &authentication.user_id, fill_in, *now).await?;
    }
    if let Subject::Named(asked) = &login.subject {
        pushes::forgive_owner(tx, login.upstream, &asked.upstream_user, &login.id).await?;
    }
    if let Some(device) = &authentication.device_id {
        devices::touch_last_used(tx, device, *now).await?;
    }
    plan.event.write(tx, *now).await?;
    Ok(Outcome::Done)
}

/// Uses the approval up all the same: it leads nowhere, and must not keep the browser from another login.
async fn refused(tx: &Tx, plan: &Plan) -> Result<Outcome, StoreError> {
    logins::consume(tx, &plan.login.id, plan.login.browser.as_ref(), plan.now).await?;
    Ok(Outcome::Refused)
}

impl Plan {
    /// The session that this login leads to: the present one, when that is the same user's.
    async fn session_at_last(&self, tx: &Tx) -> Result<Option<SessionId>, StoreError> {
        let Some(session) = &self.session else { return Ok(None) };
        let present = match &session.present {
            Some(present) => sessions::find(tx, present).await?,
            None => None,
        };
        let same_user = |session: &BrowserSession| {
            session.is_alive(self.now) && session.authentication.user_id == self.authentication.user_id
        };
        Ok(Some(present.filter(same_user).map_or_else(|| session.id.clone(), |present| present.id)))
    }

    /// Renews the present session, or begins the new one in its place.
    async fn begin_session(
        &self,
        tx: &Tx,
        new: &NewSession,
        authentication: &Authentication,
        awaited: &Awaited,
    ) -> Result<(), StoreError> {
        let session = &BrowserSession {
            id: authentication.session_id.clone().unwrap_or_else(|| new.id.clone()),
            authentication: authentication.clone(),
            browser: new.browser.clone(),
            origin: new.origin.clone(),
            created_at: self.now,
            last_seen_at: self.now,
            expires_at: new.expires_at,
            ended_at: None,
        };
        if new.present.as_ref() == Some(&session.id) {
            if sessions::renew(tx, session, &new.cookie, self.now).await? {
                return Ok(());
            }
            // Ended since it was read: looked at again, it is replaced by a new one.
            return Err(StoreError::conflict("the session ended just now"));
        }
        if let Some(replaced) = &new.present {
            sessions::end_holding(tx, replaced, awaited.hold(self.code_lifetime).as_ref(), self.now).await?;
        }
        sessions::insert(tx, session, &new.cookie).await
    }
}

/// How strong the login was (decision 2.1): by what the upstream does, and whom and what this login showed.
fn reached(op: &Op, login: &Login) -> Acr {
    let matches_symbol = op.upstreams.get(login.upstream).is_some_and(|service| service.capabilities().matches_symbol);
    match (&login.subject, &login.challenge) {
        (Subject::Named(_), Some(Challenge::AccessPass(Some(_)))) if matches_symbol => Acr::Matched,
        (Subject::Named(_), Some(Challenge::QrCode { .. })) => Acr::Named,
        _without_name_or_symbol => Acr::Approved,
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
