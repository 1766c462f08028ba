//! "This wasn't me" (check 136): what a user says of a request that they did not begin, on the phone or, after they declined it, on a
//! page of ours. One write ends the sessions that began where the request came from, with all that was granted out of them, lets
//! browsers that are not remembered ask nobody for a while, and tells the audit trail, and with it the operator's webhook. A request
//! that was declined without these words pauses its source, and its user is asked about it once: where they are signed in next, in
//! another browser than the one that it began in.

use super::end::{self, UpstreamSession};
use crate::domain::browser::BrowserKey;
use crate::domain::id::{SessionId, UserId};
use crate::domain::login::{Asked, End, Purpose};
use crate::domain::user::Upstream;
use crate::flow::authorization::Browser;
use crate::flow::prelude::*;
use crate::store::declines::{self, Decline};
use crate::store::{sessions, users};

/// How long after it was declined somebody is asked about a request.
const ASKED_WITHIN: Duration = Duration::from_secs(86_400);

/// What follows for one user.
pub(super) struct Disowning {
    user: UserId,
    /// The session in which they say it.
    kept: Option<SessionId>,
    strangers_until: Option<Timestamp>,
}

impl Disowning {
    fn of(op: &Op, user: &UserId, kept: Option<SessionId>) -> Self {
        let strangers_until = op.settings.limits.not_me_pause.map(|pause| op.env.now().plus(pause));
        Self { user: user.clone(), kept, strangers_until }
    }

    /// For a request that came from `origin`. The caller has locked the user's row.
    pub(super) async fn follow(
        &self,
        tx: &Tx,
        origin: &RequestSource,
        told: &PendingEvent,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if let Some(until) = self.strangers_until {
            users::pause_strangers(tx, &self.user, until).await?;
        }
        sessions::end_from_source(tx, &self.user, &origin.source(), self.kept.as_ref(), now).await?;
        told.write(tx, now).await
    }
}

/// Who was asked whether they want to sign in. A phone that is to be registered is nobody's yet.
pub(super) const fn asked_to_sign_in(login: &Login) -> Option<&Asked> {
    match (&login.subject, &login.purpose) {
        (Subject::Named(_), Purpose::Enrolment(_)) | (Subject::Unnamed | Subject::Decoy, _) => None,
        (Subject::Named(asked), _) => Some(asked),
    }
}

/// Who is asked about it later, where it was declined. The code of a ThumbSignIn login is shown in the browser that asks, and whoever
/// scans it may decline: that says nothing of the user who was named.
pub(super) fn declined_by(login: &Login) -> Option<&Asked> {
    asked_to_sign_in(login).filter(|_asked| login.upstream == Upstream::SecSign)
}

/// What is kept of a login that was declined.
pub(super) fn decline(login: &Login, asked: &Asked, at: Timestamp) -> Decline {
    Decline {
        login_id: login.id.clone(),
        user_id: asked.user_id.clone(),
        client_id: login.concern.client.clone(),
        browser: login.browser.as_ref().map(|browser| browser.0.clone()),
        address: login.origin.address.clone(),
        user_agent: login.origin.user_agent.clone(),
        at,
    }
}

/// The phone says so: for its page it was declined. One commit.
pub(super) async fn by_phone(op: &Op, login: &Login) -> Result<(), Internal> {
    let disowning = match asked_to_sign_in(login) {
        Some(asked) => {
            let told = PendingEvent::new(&op.store, end::about(login, AuditKind::LoginDisowned, "phone"))?;
            Some((Disowning::of(op, &asked.user_id, None), told))
        }
        None => None,
    };
    end::end_with(op, login, (End::Denied, UpstreamSession::Dead), disowning).await?;
    op.signals.logouts.notify_one();
    Ok(())
}

/// What a user is to be asked about in this browser, the latest first. No read, where their row says that there is nothing.
pub(crate) async fn list_open(op: &Op, user: &User, browser: &BrowserKey) -> Result<Vec<Decline>, Internal> {
    let since = op.env.now().minus(ASKED_WITHIN);
    if user.declined_at.is_none_or(|latest| latest <= since) {
        return Ok(Vec::new());
    }
    Ok(declines::list(op.store.read(), &user.id, browser, since).await?)
}

/// Settles what the page showed: what was declined up to `latest`. Whoever is not signed in settles nothing. One commit.
pub(crate) async fn answer(op: &Op, browser: &Browser, latest: Timestamp, was_theirs: bool) -> Result<(), Internal> {
    let Some((session, user)) = &browser.session else { return Ok(()) };
    let mut shown = Vec::new();
    for decline in list_open(op, user, &browser.key).await? {
        if decline.at <= latest {
            let event = AuditEvent {
                user: Some(user.id.to_string()),
                client: decline.client_id.as_ref().map(ToString::to_string),
                subject: Some(decline.login_id.to_string()),
                origin: decline.origin(),
                detail: Some("page".to_owned()),
                ..AuditEvent::new(AuditKind::LoginDisowned)
            };
            shown.push((decline, PendingEvent::new(&op.store, event)?));
        }
    }
    let disowning = (!was_theirs).then(|| Disowning::of(op, &user.id, Some(session.id.clone())));
    let now = op.env.now();
    let settled = op.store.write((user.id.clone(), shown, disowning), move |tx, (user, shown, disowning)| {
        Box::pin(async move {
            users::lock_row(tx, user).await?;
            for (decline, told) in shown {
                if declines::delete(tx, &decline.login_id).await?
                    && let Some(disowning) = disowning
                {
                    disowning.follow(tx, &decline.origin(), told, now).await?;
                }
            }
            users::settle_declines(tx, user).await
        })
    });
    settled.await?;
    op.signals.logouts.notify_one();
    Ok(())
}

#[cfg(test)]
mod tests;
