//! Ends of logins that are not approvals.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::clock::Timestamp;
use crate::domain::login::{End, Login, LoginStage, Reason, Subject, UpstreamHandle};
use crate::flow::Op;
use crate::flow::audit::PendingEvent;
use crate::flow::error::Internal;
use crate::flow::node::latency::Call;
use crate::metrics;
use crate::store::{logins, pushes};

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
    let now = op.env.now();
    let event = PendingEvent::new(&op.env, event(login, how))?;
    let release = session == UpstreamSession::Dead;
    let denied = how == End::Denied;
    let input = (login.clone(), how, event);
    let ended = op.store.write(input, move |tx, (login, how, event)| {
        Box::pin(async move {
            let ended = logins::end(tx, &login.id, *how, release, now).await?;
            if session == UpstreamSession::InDoubt {
                logins::release_own(tx, &login.id).await?;
            }
            if ended {
                event.write(tx, now).await?;
            }
            if ended && denied {
                pushes::record_denial(tx, &login.id, now).await?;
            }
            Ok(ended)
        })
    });
    let ended = ended.await?;
    if ended {
        op.signals.login_changed(&login.id);
        count(login, how);
    }
    Ok(ended)
}

/// Counts a login that ended without an approval; a decoy is nobody's login.
pub(super) fn count(login: &Login, how: End) {
    let stage = LoginStage::Ended(how);
    if login.subject != Subject::Decoy {
        let reason = stage.reason().map_or("", Reason::as_str);
        metrics::LOGINS.add([login.upstream.as_str(), stage.state(), reason]);
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

async fn handle_of_ended(op: &Op, login: &Login) -> Result<Option<UpstreamHandle>, Internal> {
    let sealed = logins::find_handle(op.store.read(), &login.id).await?;
    // Empty: it was taken away from the phone meanwhile, and goes on as a decoy.
    let sealed = sealed.filter(|sealed| !sealed.0.expose().is_empty());
    sealed.map(|sealed| unseal(op, login, &sealed)).transpose()
}

/// Withdraws an open login here and at the upstream, and frees the slot once the upstream confirmed. Local state first: it
/// decides (B18), whatever the upstream says afterwards. A decoy takes as long (check 139): what is replaced must not
/// tell whether it was real. Returns whether nothing of it can be alive any more.
pub(crate) async fn withdraw(op: &Op, login: &Login, reason: Option<Reason>) -> Result<bool, Internal> {
    end(op, login, End::Cancelled(reason), UpstreamSession::MayLive).await?;
    dismiss(op, login).await
}

/// Cancels what a login that ended here has at the upstream. A decoy takes as long, and fails where a cancel would. Returns
/// whether nothing of it can be alive any more.
async fn dismiss(op: &Op, login: &Login) -> Result<bool, Internal> {
    let started = Instant::now();
    if login.subject != Subject::Decoy {
        if let Some(handle) = handle_of_ended(op, login).await? {
            return release_once_cancelled(op, login, &handle, started).await;
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
    let (now, input) = (op.env.now(), (login.id.clone(), PendingEvent::new(&op.env, event(login, how))?));
    let taken = op.store.write(input, move |tx, (id, event)| {
        Box::pin(async move {
            let taken = logins::go_on_as_decoy(tx, id).await?;
            if taken {
                event.write(tx, now).await?;
            }
            Ok(taken)
        })
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
    let Some(service) = op.upstreams.get(login.upstream) else { return Ok(false) };
    let answer = service.cancel(handle).await;
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

/// Ends a login whose deadline passed, and tells the upstream; a decoy takes as long.
pub(crate) async fn expire(op: &Op, login: &Login) -> Result<(), Internal> {
    end(op, login, End::Expired, UpstreamSession::MayLive).await?;
    dismiss(op, login).await.map(drop)
}

/// Before another login is begun in its place: one that expired just now may have its request open still, whether the poller has
/// written its end or not. That is withdrawn, and everybody waits for it; later only one that no poller ended is.
pub(crate) async fn settle(op: &Op, login: &Login) -> Result<(), Internal> {
    let now = op.env.now();
    let expired = matches!(login.stage_at(now), LoginStage::Ended(End::Expired));
    if expired && (login.stage.is_open() || now.since(login.deadline) < POLLER_IS_DONE) {
        return expire(op, login).await;
    }
    Ok(())
}

pub(crate) fn is_over(login: &Login, now: Timestamp) -> bool {
    matches!(login.stage_at(now), LoginStage::Ended(_))
}
