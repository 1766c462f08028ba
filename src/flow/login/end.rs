//! Ends of logins that are not approvals.

use tokio::time::Instant;

use super::disown::{self, Disowning};
use super::outcome;
use crate::domain::login::{End, LoginStage, UpstreamHandle};
use crate::flow::node::latency::Call;
use crate::flow::prelude::*;
use crate::store::{declines, pushes, users};
use crate::upstream::counted;

/// By when after a deadline the poller of some node has ended the login, also where a node died: its lease and a sweep.
pub(super) const POLLER_IS_DONE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpstreamSession {
    /// It is dead, or never came to be: the user's slot is free again, in the same write.
    Dead,
    /// It may live: the slot stays taken until the login's deadline (decision 2.7).
    MayLive,
    /// Nobody knows: the answer to its create was lost, or makes no sense. The user's slot stays taken; the browser's and the name's
    /// are free, as after a decoy's create that failed: were they closed, it would tell that somebody was asked.
    InDoubt,
}

/// Ends an open login. Returns whether this call ended it. One commit.
pub(crate) async fn end(op: &Op, login: &Login, how: End, session: UpstreamSession) -> Result<bool, Internal> {
    end_with(op, login, (how, session), None).await
}

/// As [`end`], with what follows where the user says that the request was not theirs.
pub(super) async fn end_with(
    op: &Op,
    login: &Login,
    (how, session): (End, UpstreamSession),
    disowning: Option<(Disowning, PendingEvent)>,
) -> Result<bool, Internal> {
    let event = PendingEvent::new(&op.store, event(login, how))?;
    let end = EndOfLogin { login: login.clone(), how, session, event, disowning, now: op.env.now() };
    let ended = op.store.write(end, |tx, end| Box::pin(end.write(tx))).await?;
    if ended {
        op.signals.login_changed(&login.id);
        count(login, how);
    }
    Ok(ended)
}

struct EndOfLogin {
    login: Login,
    how: End,
    session: UpstreamSession,
    event: PendingEvent,
    disowning: Option<(Disowning, PendingEvent)>,
    now: Timestamp,
}

impl EndOfLogin {
    async fn write(&self, tx: &Tx) -> Result<bool, StoreError> {
        let Self { login, how, session, event, disowning, now } = self;
        let of_whom = if disowning.is_some() { disown::asked_to_sign_in(login) } else { disown::declined_by(login) };
        let mut declined = of_whom.filter(|_asked| *how == End::Denied);
        // The user's row before the login's: rows are locked in one order.
        if let Some(asked) = declined
            && !users::lock_row(tx, &asked.user_id).await?
        {
            declined = None;
        }
        let ended = logins::end(tx, &login.id, *how, *session == UpstreamSession::Dead, *now).await?;
        if *session == UpstreamSession::InDoubt {
            logins::release_own(tx, &login.id).await?;
        }
        if !event.write_if(ended, tx, *now).await? || *how != End::Denied {
            return Ok(ended);
        }
        pushes::record_denial(tx, &login.id, *now).await?;
        match (declined, disowning) {
            (Some(_asked), Some((disowning, told))) => disowning.follow(tx, &login.origin, told, *now).await?,
            (Some(asked), None) => declines::insert(tx, disown::decline(login, asked, *now)).await?,
            (None, _) => {}
        }
        Ok(true)
    }
}

/// Counts what ended without an approval; a decoy is nobody's login.
pub(super) fn count(login: &Login, how: End) {
    if login.subject != Subject::Decoy {
        let reason = how.reason().map_or("", Reason::as_str);
        outcome::counter(&login.purpose).add([login.upstream.as_str(), how.state(), reason]);
    }
}

/// Names the user where the name is somebody's and else what was typed.
pub(crate) fn about(login: &Login, kind: AuditKind, detail: &str) -> AuditEvent {
    let asked = match &login.subject {
        Subject::Named(asked) => Some(&asked.user_id),
        Subject::Unnamed | Subject::Decoy => login.concern.user.as_ref(),
    };
    let nobody = login.typed.as_deref().filter(|_typed| asked.is_none());
    AuditEvent {
        user: asked.map(ToString::to_string),
        client: login.concern.client.as_ref().map(ToString::to_string),
        subject: Some(login.id.to_string()),
        origin: login.origin.clone(),
        detail: Some(match nobody {
            Some(typed) => format!("{detail}: {}", typed.chars().take(100).collect::<String>()),
            None => detail.to_owned(),
        }),
        ..AuditEvent::new(kind)
    }
}

pub(super) fn event(login: &Login, how: End) -> AuditEvent {
    match how.reason() {
        Some(reason) => about(login, AuditKind::LoginFailed, &format!("{}/{}", how.state(), reason.as_str())),
        None => about(login, AuditKind::LoginFailed, how.state()),
    }
}

/// The handle of the session of an open login, as its row held it; `None` where nobody is asked.
pub(crate) fn open_handle(op: &Op, login: &Login) -> Result<Option<UpstreamHandle>, Internal> {
    match &login.stage {
        LoginStage::Pending(sealed) | LoginStage::Fetched(sealed) if login.subject != Subject::Decoy => {
            unseal(op, login, sealed).map(Some)
        }
        _nobody_asked => Ok(None),
    }
}

fn unseal(op: &Op, login: &Login, sealed: &UpstreamHandle) -> Result<UpstreamHandle, Internal> {
    Ok(UpstreamHandle(op.keys.purposes.open_login_handle(login.id.as_str(), sealed.0.expose())?))
}

pub(crate) async fn withdraw(op: &Op, login: &Login, reason: Option<Reason>) -> Result<bool, Internal> {
    close(op, login, End::Cancelled(reason)).await
}

/// Ends an open login here and cancels it at the upstream, and frees the slot once the upstream confirmed. Local state
/// first: it decides (B18), whatever the upstream says afterwards. A decoy takes as long (check 139), and fails where a cancel
/// would: what is replaced must not tell whether it was real. Returns whether nothing of it can be alive any more.
pub(crate) async fn close(op: &Op, login: &Login, how: End) -> Result<bool, Internal> {
    end(op, login, how, UpstreamSession::MayLive).await?;
    let started = Instant::now();
    if login.subject != Subject::Decoy {
        let sealed = logins::find_handle(op.store.read(), &login.id).await?;
        // Empty: it was taken away from the phone meanwhile, and goes on as a decoy.
        if let Some(sealed) = sealed.filter(|sealed| !sealed.0.expose().is_empty()) {
            return release_once_cancelled(op, login, &unseal(op, login, &sealed)?, started).await;
        }
        let found = logins::find(op.store.read(), &login.id).await?;
        if !found.is_some_and(|found| found.subject == Subject::Decoy) {
            return Ok(false);
        }
    }
    let like = op.latency.sample((login.upstream, Call::Cancel, &op.env))?;
    like.pass(started).await;
    if like.failed.is_some() {
        return Ok(false);
    }
    // What it has of a user, if it asked somebody before, is not its to give back.
    op.store.write(login.id.clone(), |tx, id| Box::pin(logins::release_own(tx, id))).await?;
    Ok(true)
}

/// Takes a stranger's open login away from the phone for a browser that the user used before. The stranger's page must not
/// tell: it goes on as a decoy, keeps the slot of its name, and that of the user until the upstream confirmed (decision 2.7).
/// Returns whether the way is clear.
pub(super) async fn preempt(op: &Op, login: &Login) -> Result<bool, Internal> {
    let Some(handle) = open_handle(op, login)? else { return Ok(false) };
    let how = End::Cancelled(None);
    let (now, input) = (op.env.now(), (login.id.clone(), PendingEvent::new(&op.store, event(login, how))?));
    let taken = op.store.write(input, move |tx, (id, event)| {
        Box::pin(async move { event.write_if(logins::go_on_as_decoy(tx, id).await?, tx, now).await })
    });
    if !taken.await? {
        // Over meanwhile: the next attempt sees what is left of it.
        return Ok(true);
    }
    count(login, how);
    if !cancel(op, login, &handle, Instant::now()).await? {
        return Ok(false);
    }
    op.store.write(login.id.clone(), |tx, id| Box::pin(logins::release_person(tx, id))).await?;
    Ok(true)
}

/// Returns whether the upstream confirmed.
pub(super) async fn cancel(op: &Op, login: &Login, handle: &UpstreamHandle, started: Instant) -> Result<bool, Internal> {
    let Some(service) = op.upstreams.get(&login.upstream) else { return Ok(false) };
    let word = |answer: &Result<_, _>| if answer.is_ok() { "ok" } else { "unconfirmed" };
    let answer = counted(login.upstream, "cancel", service.cancel(handle), word).await;
    let confirmed = answer.is_ok();
    op.latency.record((login.upstream, Call::Cancel, &op.env), started, (!confirmed).then_some(Reason::UpstreamDown)).await;
    if let Err(unavailable) = answer {
        tracing::warn!(login = %login.id, upstream = %login.upstream, error = %unavailable, "cancel not confirmed");
    }
    Ok(confirmed)
}

/// On the upstream's confirmation the slots are free. Returns whether it confirmed.
pub(super) async fn release_once_cancelled(
    op: &Op,
    login: &Login,
    handle: &UpstreamHandle,
    started: Instant,
) -> Result<bool, Internal> {
    if !cancel(op, login, handle, started).await? {
        return Ok(false);
    }
    op.store.write(login.id.clone(), |tx, id| Box::pin(logins::release_all(tx, id))).await?;
    Ok(true)
}

/// Before another login is begun in its place: one that expired just now may have its request open still, whether the poller has
/// written its end or not. That is withdrawn, and everybody waits for it; later only one that no poller ended is.
pub(crate) async fn settle(op: &Op, login: &Login) -> Result<(), Internal> {
    let now = op.env.now();
    let expired = matches!(login.stage_at(now), LoginStage::Ended(End::Expired));
    if expired && (login.stage.is_open() || now.since(login.deadline) < POLLER_IS_DONE) {
        close(op, login, End::Expired).await?;
    }
    Ok(())
}
