//! Finishing a login in the browser that began it: the approval is consumed once. The same user's session is renewed under a
//! new cookie and keeps its `sid`, so that what other apps got out of it lives on; for anybody else a new session begins, and
//! the one that it replaces ends.

use std::time::Duration;

use super::end;
use super::outcome::{self, Awaited};
use crate::domain::assurance::Acr;
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::browser::{Authentication, BrowserSession, RequestSource};
use crate::domain::clock::Timestamp;
use crate::domain::id::SessionId;
use crate::domain::login::{Challenge, FINISH_GRACE, Login, LoginStage, Subject};
use crate::domain::secret::{Secret, SecretDigest};
use crate::flow::Op;
use crate::flow::audit::PendingEvent;
use crate::flow::error::Internal;
use crate::metrics;
use crate::store::{StoreError, Tx, devices, logins, pushes, remembered_browsers, sessions, users};

#[derive(Debug)]
pub(crate) enum Finished {
    /// The browser, where there is one, is signed in by this new session cookie.
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
    pub(crate) origin: RequestSource,
}

struct Plan {
    login: Login,
    authentication: Authentication,
    session: Option<NewSession>,
    event: PendingEvent,
    code_lifetime: Duration,
    now: Timestamp,
}

struct NewSession {
    session: BrowserSession,
    cookie: SecretDigest,
    present: Option<SessionId>,
}

/// For the login's browser, or, where it has none, for whoever asked. One commit: the mark that the approval is used up, the
/// session, what the login was for and the audit event stand or fall together.
pub(crate) async fn finish(op: &Op, login: Login, by: Finisher) -> Result<Finished, Internal> {
    if login.consumed_at.is_some() {
        return Ok(Finished::Before);
    }
    let now = op.env.now();
    let LoginStage::Approved { at, user_id, device_id } = login.stage.clone() else { return Ok(Finished::NotApproved) };
    if now >= login.deadline.plus(FINISH_GRACE) {
        return Ok(Finished::NotApproved);
    }
    let event = AuditEvent {
        user: Some(user_id.to_string()),
        origin: by.origin.clone(),
        detail: Some(login.upstream.to_string()),
        ..end::about(&login, AuditKind::LoginSucceeded, "")
    };
    let event = PendingEvent::new(&op.env, event)?;
    let unnamed = login.subject == Subject::Unnamed;
    let authentication =
        Authentication { user_id, session_id: None, auth_time: at, acr: reached(op, &login), device_id, unnamed };
    let (session, cookie) = match login.browser.clone() {
        Some(browser) => {
            let (id, cookie) = (SessionId::generate(&op.env)?, Secret::generate(&op.env)?);
            let session = BrowserSession {
                id,
                authentication: authentication.clone(),
                browser,
                origin: by.origin,
                created_at: now,
                last_seen_at: now,
                expires_at: now.plus(op.settings.lifetimes.session),
                ended_at: None,
            };
            (Some(NewSession { session, cookie: cookie.digest(), present: by.session }), Some(cookie))
        }
        None => (None, None),
    };
    let (method, took) = (login.upstream.as_str(), now.since(login.created_at));
    let plan = Plan { login, authentication, session, event, code_lifetime: op.settings.lifetimes.code, now };
    if let Some(otherwise) = op.store.write(plan, |tx, plan| Box::pin(write(tx, plan))).await? {
        return Ok(otherwise);
    }
    metrics::LOGINS.add([method, "succeeded", ""]);
    metrics::LOGIN_DURATION.observe([method.into()], took.as_secs_f64());
    Ok(Finished::SignedIn { cookie })
}

/// `None`: the approval was used.
async fn write(tx: &Tx, plan: &Plan) -> Result<Option<Finished>, StoreError> {
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
    let Some(mut awaited) = outcome::awaited(tx, &login.purpose).await? else { return Ok(Some(Finished::Before)) };
    if !logins::consume(tx, &login.id, login.browser.as_ref(), *now).await? {
        return Ok(Some(Finished::Before));
    }
    if !awaited.on_approved(tx, authentication, *now).await? {
        return Ok(Some(Finished::Before));
    }
    if let Some(new) = &plan.session {
        plan.begin_session(tx, new, authentication, &awaited).await?;
        let fill_in = login.typed.as_deref().filter(|_name| login.remember);
        remembered_browsers::remember(tx, &new.session.browser, &authentication.user_id, fill_in, *now).await?;
    }
    if let Subject::Named(asked) = &login.subject {
        pushes::forgive_owner(tx, login.upstream, &asked.upstream_user, &login.id).await?;
    }
    if let Some(device) = &authentication.device_id {
        devices::touch_last_used(tx, device, *now).await?;
    }
    plan.event.write(tx, *now).await?;
    Ok(None)
}

/// Uses the approval up all the same: it leads nowhere, and must not keep the browser from another login.
async fn refused(tx: &Tx, plan: &Plan) -> Result<Option<Finished>, StoreError> {
    logins::consume(tx, &plan.login.id, plan.login.browser.as_ref(), plan.now).await?;
    Ok(Some(Finished::Refused))
}

impl Plan {
    /// The session that this login leads to: the present one, when that is the same user's.
    async fn session_at_last(&self, tx: &Tx) -> Result<Option<SessionId>, StoreError> {
        let Some(new) = &self.session else { return Ok(None) };
        let present = match &new.present {
            Some(present) => sessions::find(tx, present).await?,
            None => None,
        };
        let same_user = |session: &BrowserSession| {
            session.is_alive(self.now) && session.authentication.user_id == self.authentication.user_id
        };
        Ok(Some(present.filter(same_user).map_or_else(|| new.session.id.clone(), |present| present.id)))
    }

    async fn begin_session(
        &self,
        tx: &Tx,
        new: &NewSession,
        authentication: &Authentication,
        awaited: &Awaited,
    ) -> Result<(), StoreError> {
        let id = authentication.session_id.clone().unwrap_or_else(|| new.session.id.clone());
        let session = &BrowserSession { id, authentication: authentication.clone(), ..new.session.clone() };
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
