//! "This wasn't me" (check 136): what a user says of a request that they did not begin, on the phone or, after they declined it, on a
//! page of ours. One write ends the sessions that began where the request came from, with all that was granted out of them, lets
//! browsers that are not remembered ask nobody for a while, and tells the audit trail, and with it the operator's webhook. A request
//! that was declined without these words pauses its source, and its user is asked about it once: where they are signed in next, in
//! another browser than the one that it began in.

use super::end::{self, UpstreamSession};
use crate::domain::browser::BrowserKey;
use crate::domain::id::{AuthorizationId, SessionId, UserId};
use crate::domain::login::{Asked, End, Purpose};
use crate::domain::user::Upstream;
use crate::flow::authorization::Browser;
use crate::flow::prelude::*;
use crate::store::declines::{self, Decline};
use crate::store::{authorizations, sessions, users};

/// How long after it was declined somebody is asked about a request.
const ASKED_WITHIN: Duration = Duration::from_secs(86_400);
/// So many are shown; the answer is for older ones as well.
const SHOWN: u64 = 20;
/// More than anybody has: each was on a phone.
const ALL: u64 = 10_000;

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

/// Who is asked about it later, where it was declined. The code of a ThumbSignIn login is shown in the browser that asks, and
/// whoever scans it may decline: that says nothing of the user who was named.
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

/// The phone says so: for its page it was declined. One commit; two where it had ended otherwise just before.
pub(super) async fn by_phone(op: &Op, login: &Login) -> Result<(), Internal> {
    let ended = end::end_with(op, login, (End::Denied, UpstreamSession::Dead), said_by_phone(op, login)?).await?;
    if !ended && logins::find(op.store.read(), &login.id).await?.is_none_or(|found| found.stage.state() != "denied") {
        return after_the_end(op, login).await;
    }
    op.signals.logouts.notify_one();
    Ok(())
}

/// The phone says so of a login whose page hears no more of it: it had ended, or was taken away from the phone. One commit.
pub(super) async fn after_the_end(op: &Op, login: &Login) -> Result<(), Internal> {
    let Some(said) = said_by_phone(op, login)? else { return Ok(()) };
    let now = op.env.now();
    let write = op.store.write((said, login.origin.clone()), move |tx, ((disowning, told), origin)| {
        Box::pin(async move {
            if users::lock_row(tx, &disowning.user).await? {
                disowning.follow(tx, origin, told, now).await?;
            }
            Ok(())
        })
    });
    write.await?;
    op.signals.logouts.notify_one();
    Ok(())
}

fn said_by_phone(op: &Op, login: &Login) -> Result<Option<(Disowning, PendingEvent)>, Internal> {
    let Some(asked) = asked_to_sign_in(login) else { return Ok(None) };
    let told = PendingEvent::new(&op.store, end::about(login, AuditKind::LoginDisowned, "phone"))?;
    Ok(Some((Disowning::of(op, &asked.user_id, None), told)))
}

/// What a user is to be asked about in this browser, the latest first. No read, where their row says that there is nothing, or
/// where their answer would keep no stranger from them.
pub(crate) async fn list_open(op: &Op, user: &User, browser: &BrowserKey) -> Result<Vec<Decline>, Internal> {
    list(op, user, browser, SHOWN).await
}

async fn list(op: &Op, user: &User, browser: &BrowserKey, most: u64) -> Result<Vec<Decline>, Internal> {
    let since = op.env.now().minus(ASKED_WITHIN);
    if user.declined_at.is_none_or(|latest| latest <= since) || op.settings.limits.not_me_pause.is_none() {
        return Ok(Vec::new());
    }
    Ok(declines::list(op.store.read(), &user.id, browser, since, most).await?)
}

/// Goes on with this authorization without an answer: the question comes back with the next one. One commit.
pub(crate) async fn pass_over(op: &Op, id: &AuthorizationId) -> Result<(), Internal> {
    Ok(op.store.write(id.clone(), |tx, id| Box::pin(authorizations::pass_over_declined(tx, id))).await?)
}

/// Settles what was declined up to `latest`, the latest that the page showed. Whoever is not signed in settles nothing. One commit.
pub(crate) async fn answer(op: &Op, browser: &Browser, latest: Timestamp, was_theirs: bool) -> Result<(), Internal> {
    let Some((session, user)) = &browser.session else { return Ok(()) };
    let kind = if was_theirs { AuditKind::LoginDeclinedConfirmed } else { AuditKind::LoginDisowned };
    let mut settled = Vec::new();
    for decline in list(op, user, &browser.key, ALL).await? {
        if decline.at <= latest {
            let event = AuditEvent {
                user: Some(user.id.to_string()),
                client: decline.client_id.as_ref().map(ToString::to_string),
                subject: Some(decline.login_id.to_string()),
                origin: decline.origin(),
                detail: Some("page".to_owned()),
                ..AuditEvent::new(kind)
            };
            settled.push((decline, PendingEvent::new(&op.store, event)?));
        }
    }
    let disowning = (!was_theirs).then(|| Disowning::of(op, &user.id, Some(session.id.clone())));
    let now = op.env.now();
    let write = op.store.write((user.id.clone(), settled, disowning), move |tx, (user, settled, disowning)| {
        Box::pin(async move {
            users::lock_row(tx, user).await?;
            for (decline, told) in settled {
                if !declines::delete(tx, &decline.login_id).await? {
                    // Answered before.
                    continue;
                }
                match disowning {
                    Some(disowning) => disowning.follow(tx, &decline.origin(), told, now).await?,
                    None => told.write(tx, now).await?,
                }
            }
            users::settle_declines(tx, user).await
        })
    });
    write.await?;
    op.signals.logouts.notify_one();
    Ok(())
}

#[cfg(test)]
mod tests;
