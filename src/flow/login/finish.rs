//! Finishing a login in the browser that began it: the approval is consumed once. The same user's session is renewed under a
//! new cookie and keeps its `sid`, so that what other apps got out of it lives on; for anybody else a new session begins, and
//! the one that it replaces ends.

use super::end;
use super::outcome::{self, Awaited};
use crate::domain::assurance::Acr;
use crate::domain::id::{SessionId, UserId};
use crate::domain::login::{Challenge, FINISH_GRACE, LoginStage, Purpose};
use crate::domain::settings::Lifetimes;
use crate::flow::prelude::*;
use crate::store::remembered_browsers::{self, FillIn};
use crate::store::{devices, pushes, sessions, users};

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

struct Plan {
    login: Login,
    authentication: Authentication,
    /// The session that begins, and its cookie, where there is a browser.
    new: Option<(SessionId, SecretDigest)>,
    present: Option<SessionId>,
    origin: RequestSource,
    event: PendingEvent,
    new_browser: PendingEvent,
    lifetimes: Lifetimes,
    now: Timestamp,
}

/// For the login's browser, or, where it has none, for whoever asked. `present` is the session that the browser has now, which
/// is renewed or replaced. One commit: the mark that the approval is used up, the session, what the login was for and the audit
/// event stand or fall together.
pub(crate) async fn finish(
    op: &Op,
    login: Login,
    present: Option<SessionId>,
    origin: RequestSource,
) -> Result<Finished, Internal> {
    if login.consumed_at.is_some() {
        return Ok(Finished::Before);
    }
    // A phone that was registered proves nothing of whoever holds it (ThumbSignIn notes §3.9).
    if matches!(login.purpose, Purpose::Enrolment(_)) {
        return Ok(Finished::NotApproved);
    }
    let now = op.env.now();
    let LoginStage::Approved { at, user_id, device_id } = login.stage.clone() else { return Ok(Finished::NotApproved) };
    if now >= login.deadline.plus(FINISH_GRACE) {
        return Ok(Finished::NotApproved);
    }
    let event = AuditEvent {
        user: Some(user_id.to_string()),
        origin: origin.clone(),
        detail: Some(login.upstream.to_string()),
        ..end::about(&login, AuditKind::LoginSucceeded, "")
    };
    let new_browser = AuditEvent { kind: AuditKind::LoginNewBrowser, ..event.clone() };
    let (event, new_browser) = (PendingEvent::new(&op.store, event)?, PendingEvent::new(&op.store, new_browser)?);
    let unnamed = login.subject == Subject::Unnamed;
    let authentication =
        Authentication { user_id, session_id: None, auth_time: at, acr: reached(op, &login), device_id, unnamed };
    let (new, cookie) = match &login.browser {
        Some(_browser) => {
            let (id, cookie) = (SessionId::generate(&op.env)?, Secret::generate(&op.env)?);
            (Some((id, cookie.digest())), Some(cookie))
        }
        None => (None, None),
    };
    let (method, took) = (login.upstream.as_str(), now.since(login.created_at));
    let lifetimes = op.settings.lifetimes.clone();
    let plan = Plan { login, authentication, new, present, origin, event, new_browser, lifetimes, now };
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
    let may_sign_in = users::lock_enabled_row(tx, &authentication.user_id).await?
        && match &authentication.device_id {
            Some(device) => devices::find(tx, device).await?.is_some(),
            None => true,
        };
    if !may_sign_in {
        // The approval is used up all the same: it leads nowhere, and must not keep the browser from another login.
        logins::consume(tx, &login.id, login.browser.as_ref(), *now).await?;
        return Ok(Some(Finished::Refused));
    }
    let Some(mut awaited) = outcome::awaited(tx, &login.purpose).await? else { return Ok(Some(Finished::Before)) };
    let is_used = logins::consume(tx, &login.id, login.browser.as_ref(), *now).await?;
    if !is_used || !awaited.on_approved(tx, authentication, *now).await? {
        return Ok(Some(Finished::Before));
    }
    let is_new = plan.is_new_browser(tx, &authentication.user_id).await?;
    plan.sign_in(tx, authentication, &awaited).await?;
    if let Subject::Named(asked) = &login.subject {
        pushes::forgive_owner(tx, login.upstream, &asked.upstream_user, &login.id).await?;
    }
    if let Some(device) = &authentication.device_id {
        devices::touch_last_used(tx, device, *now).await?;
    }
    plan.event.write(tx, *now).await?;
    plan.new_browser.write_if(is_new, tx, *now).await?;
    Ok(None)
}

impl Plan {
    /// The session that this login leads to: the present one, when that is the same user's.
    async fn session_at_last(&self, tx: &Tx) -> Result<Option<SessionId>, StoreError> {
        let Some((new, _cookie)) = &self.new else { return Ok(None) };
        let present = match &self.present {
            Some(present) => sessions::find(tx, present).await?,
            None => None,
        };
        let same_user = |session: &BrowserSession| {
            session.is_alive(self.now) && session.authentication.user_id == self.authentication.user_id
        };
        Ok(Some(present.filter(same_user).map_or_else(|| new.clone(), |present| present.id)))
    }

    /// Whether the user never signed in with this browser, or not for long (check 145). Another tab may have been first. One read.
    async fn is_new_browser(&self, tx: &Tx, user: &UserId) -> Result<bool, StoreError> {
        let Some(browser) = &self.login.browser else { return Ok(false) };
        let known_for = self.lifetimes.remembered_browser;
        Ok(!remembered_browsers::is_remembered(tx, browser, user, self.now, known_for).await?)
    }

    /// Renews the session of the login's browser, or replaces it; where there is no browser, nobody is signed in.
    async fn sign_in(&self, tx: &Tx, authentication: &Authentication, awaited: &Awaited) -> Result<(), StoreError> {
        let (Some((_, cookie)), Some(browser), Some(id)) = (&self.new, &self.login.browser, &authentication.session_id) else {
            return Ok(());
        };
        let session = BrowserSession {
            id: id.clone(),
            authentication: authentication.clone(),
            browser: browser.clone(),
            origin: self.origin.clone(),
            created_at: self.now,
            last_seen_at: self.now,
            expires_at: self.now.plus(self.lifetimes.session),
            ended_at: None,
        };
        if self.present.as_ref() == Some(id) {
            if !sessions::renew(tx, &session, cookie, self.now).await? {
                // Ended since it was read: looked at again, it is replaced by a new one.
                return Err(StoreError::conflict("the session ended just now"));
            }
        } else {
            if let Some(replaced) = &self.present {
                sessions::end_holding(tx, replaced, awaited.hold(self.lifetimes.code).as_ref(), self.now).await?;
            }
            sessions::insert(tx, &session, cookie).await?;
        }
        let typed = self.login.typed.clone().filter(|_name| self.login.remember);
        let fill_in = typed.map(|identifier| FillIn { identifier, upstream: Some(self.login.upstream) });
        remembered_browsers::remember(tx, browser, &authentication.user_id, fill_in.as_ref(), self.now).await
    }
}

/// How strong the login was (decision 2.1): by what the upstream does, and whom and what this login showed.
fn reached(op: &Op, login: &Login) -> Acr {
    let matches_symbol = op.upstreams.get(&login.upstream).is_some_and(|service| service.capabilities().matches_symbol);
    match (&login.subject, &login.challenge) {
        (Subject::Named(_), Some(Challenge::AccessPass(Some(_)))) if matches_symbol => Acr::Matched,
        (Subject::Named(_), Some(Challenge::QrCode { .. })) => Acr::Named,
        _without_name_or_symbol => Acr::Approved,
    }
}
