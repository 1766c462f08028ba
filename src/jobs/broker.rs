//! The login broker (decision 2.8): one poller per login, whatever the number of browsers, tabs and nodes. A lease in the
//! row says who polls; when its holder dies, another node or the next start takes over within the lease. A node that stops
//! gives its leases back.
//!
//! A decoy has a poller like everybody, which does the same but for the question; none begins while the page is being fetched, and
//! none ends a login before the page has heard of its deadline: no clock tells whether somebody is asked (security bar 139).

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::domain::audit::AuditKind;
use crate::domain::clock::Timestamp;
use crate::domain::hex::hex;
use crate::domain::id::LoginId;
use crate::domain::login::{End, Login, LoginStage, Reason, Subject, UpstreamHandle};
use crate::domain::random::RandomError;
use crate::domain::user::Upstream;
use crate::flow::Op;
use crate::flow::audit::PendingEvent;
use crate::flow::error::Internal;
use crate::flow::login::end::{self, UpstreamSession};
use crate::store::{devices, logins};
use crate::upstream::Progress;

/// How long a lease lasts: the most by which the death of its holder delays a login.
const LEASE: Duration = Duration::from_secs(5);
/// Between polls while nobody has touched the phone, and up to how much more by chance; and once somebody has.
const SLOW: Duration = Duration::from_millis(1300);
const SLOW_MORE: Duration = Duration::from_millis(400);
const FAST: Duration = Duration::from_secs(1);
/// How old a login is when it is polled first: before, nothing can have happened.
const FIRST: Duration = Duration::from_millis(1500);
/// How long after its deadline a login is ended and withdrawn: its page has heard of the end by then, from the deadline alone.
const AFTER: Duration = Duration::from_millis(300);
/// By how much the service's clock may be ahead: what it calls expired so shortly before the deadline ends at the deadline.
const AHEAD: Duration = Duration::from_secs(5);
/// How often the broker looks for logins that nobody polls.
const SWEEP: Duration = Duration::from_secs(1);
/// Logins that begin so shortly after one another are looked for together.
const TOGETHER: Duration = Duration::from_millis(20);
/// How many logins it takes over at once.
const BATCH: u64 = 500;

/// A name for this process, new at every start: a lease of the process before is never mistaken for one's own.
pub(super) fn node_name(op: &Op) -> Result<String, RandomError> {
    Ok(hex(&op.env.random_bytes::<8>()?))
}

/// The pollers of this node, and what each of them polls. A poller that panicked is known by its task alone.
struct Broker {
    op: Op,
    node: String,
    stop: CancellationToken,
    pollers: JoinSet<Left>,
    polled: HashMap<task::Id, LoginId>,
    /// When logins that were begun here are old enough.
    due: VecDeque<Instant>,
}

/// Runs until stopped: adopts every open login that nobody polls, the ones begun here as soon as they are old enough.
pub(super) async fn run(op: Op, node: String, stop: CancellationToken) {
    let mut broker = Broker { op, node, stop, pollers: JoinSet::new(), polled: HashMap::new(), due: VecDeque::new() };
    let mut sweep = Instant::now();
    loop {
        let next = broker.due.front().map_or(sweep, |due| sweep.min(*due));
        tokio::select! {
            () = broker.stop.cancelled() => break,
            () = broker.op.signals.wait_for_begun() => broker.begun(),
            () = sleep_until(next) => {
                sweep = Instant::now() + SWEEP;
                broker.adopt().await;
            }
            Some(ended) = broker.pollers.join_next_with_id(), if !broker.pollers.is_empty() => broker.ended(ended).await,
        }
    }
    // Pollers stop between two polls, a poll under way at its own time-out.
    while let Some(ended) = broker.pollers.join_next_with_id().await {
        broker.ended(ended).await;
    }
}

impl Broker {
    /// Somebody's login, or nobody's, was begun here.
    fn begun(&mut self) {
        let due = Instant::now() + FIRST + TOGETHER;
        if self.due.back().is_none_or(|last| due > *last + TOGETHER) {
            self.due.push_back(due);
        }
    }

    /// Begins to poll what nobody polls and is old enough; what was begun elsewhere first belongs to the node where that was.
    async fn adopt(&mut self) {
        let (now, moment) = (self.op.env.now(), Instant::now());
        let own = std::iter::from_fn(|| self.due.pop_front_if(|due| *due <= moment)).count() > 0;
        let age = if own { FIRST } else { FIRST + SWEEP };
        match logins::list_unleased_open(self.op.store.read(), now, BATCH).await {
            Ok(mut found) => {
                let polled: HashSet<&LoginId> = self.polled.values().collect();
                found.retain(|login| !polled.contains(&login.id) && now.since(login.created_at) >= age);
                for Login { id, .. } in found {
                    let (op, node, stop) = (self.op.clone(), self.node.clone(), self.stop.clone());
                    let poller = self.pollers.spawn(poll_until_over(op, node, id.clone(), stop));
                    self.polled.insert(poller.id(), id);
                }
            }
            Err(error) => tracing::warn!(%error, "the broker cannot read its logins"),
        }
    }

    /// A poller ended. Where its login may still be open its lease is given back, so that the login goes on at the next sweep
    /// of whichever node.
    async fn ended(&mut self, ended: Result<(task::Id, Left), JoinError>) {
        let (id, left) = match ended {
            Ok((id, left)) => (id, left),
            Err(error) => {
                tracing::error!(%error, "a poller ended badly; its login is taken over");
                (error.id(), Left::Open)
            }
        };
        let Some(login) = self.polled.remove(&id) else { return };
        if left == Left::Nothing {
            return;
        }
        let lease = (login, self.node.clone());
        let released = self
            .op
            .store
            .write(lease, |tx, (id, node)| Box::pin(async move { logins::release_lease(tx, id, node).await }))
            .await;
        if let Err(error) = released {
            tracing::warn!(%error, "a lease could not be given back; it runs out by itself");
        }
    }
}

/// What a poller leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// Its login is over, or another node's.
    Nothing,
    /// A login that still waits, under its lease.
    Open,
}

/// Whether a poller goes on, and when.
enum Turn {
    /// Once more, after so long, and not before the end is due.
    Again(Duration, Timestamp),
    Over,
}

async fn poll_until_over(op: Op, node: String, id: LoginId, stop: CancellationToken) -> Left {
    loop {
        let pause = match poll_once(&op, &node, &id).await {
            Ok(Turn::Over) => return Left::Nothing,
            Ok(Turn::Again(pause, deadline)) => pause.min(deadline.plus(AFTER).since(op.env.now())),
            Err(error) => {
                tracing::warn!(login = %id, %error, "a poll could not be written down; it is made again");
                SLOW
            }
        };
        tokio::select! {
            () = stop.cancelled() => return Left::Open,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One poll: the lease, the question, and what the answer means. One commit for the lease, one more when the state changed.
async fn poll_once(op: &Op, node: &str, id: &LoginId) -> Result<Turn, Internal> {
    let now = op.env.now();
    let lease = (id.clone(), node.to_owned());
    let mine = op
        .store
        .write(lease, move |tx, (id, node)| Box::pin(async move { logins::lease(tx, id, node, now.plus(LEASE), now).await }))
        .await?;
    if !mine {
        return Ok(Turn::Over);
    }
    let Some(login) = logins::find(op.store.read(), id).await? else { return Ok(Turn::Over) };
    if !login.stage.is_open() {
        return Ok(Turn::Over);
    }
    if now >= login.deadline {
        if now < login.deadline.plus(AFTER) {
            return Ok(Turn::Again(AFTER, login.deadline));
        }
        end::expire(op, &login).await?;
        return Ok(Turn::Over);
    }
    if login.subject == Subject::Decoy {
        // As much as is read of somebody's.
        let _nothing = logins::find_handle(op.store.read(), id).await?;
        return Ok(Turn::Again(slowly(op)?, login.deadline));
    }
    let Some(handle) = end::open_handle(op, &login).await? else {
        // Being created, or left so by a crash: nobody knows more before the deadline (decision 2.7).
        return Ok(Turn::Again(FAST, login.deadline));
    };
    let Some(service) = op.upstreams.get(login.upstream) else {
        end::end(op, &login, End::Failed(Reason::UpstreamDown), UpstreamSession::MayLive).await?;
        return Ok(Turn::Over);
    };
    let asked = match &login.subject {
        Subject::Named(asked) => Some(asked.upstream_user.as_str()),
        _unnamed => None,
    };
    match service.poll(&handle, asked).await {
        Ok(progress) => act(op, &login, &handle, progress).await,
        Err(unavailable) => {
            tracing::debug!(login = %id, error = %unavailable, "the phone service could not be asked; asked again");
            let pause = if matches!(login.stage, LoginStage::Fetched(_)) { FAST } else { slowly(op)? };
            Ok(Turn::Again(pause, login.deadline))
        }
    }
}

/// Between polls while nobody has touched the phone: not in step with anything that a stranger could count from.
fn slowly(op: &Op) -> Result<Duration, Internal> {
    let [chance] = op.env.random_bytes()?;
    Ok(SLOW + SLOW_MORE * u32::from(chance) / u32::from(u8::MAX))
}

/// Writes down what a poll found.
async fn act(op: &Op, login: &Login, handle: &UpstreamHandle, progress: Progress) -> Result<Turn, Internal> {
    let left = login.deadline.since(op.env.now());
    match progress {
        Progress::Pending => Ok(Turn::Again(slowly(op)?, login.deadline)),
        Progress::Fetched => {
            if !matches!(login.stage, LoginStage::Fetched(_)) {
                op.store.write(login.id.clone(), |tx, id| Box::pin(async move { logins::mark_fetched(tx, id).await })).await?;
                op.signals.login_changed(&login.id);
            }
            Ok(Turn::Again(FAST, login.deadline))
        }
        Progress::Approved { upstream_user } => approve(op, login, &upstream_user).await,
        // A stranger's login looks pending until it expires. What ThumbSignIn says comes from the phone that scanned the
        // code: whoever holds that knows.
        Progress::Ended(how) if login.upstream == Upstream::SecSign && login.must_not_tell(how) => {
            Ok(Turn::Again(slowly(op)?, login.deadline))
        }
        // Over by the clock, which is ours (decision 2.6), or after the page heard so.
        Progress::Ended(how) if left.is_zero() || (how == End::Expired && left <= AHEAD) => {
            Ok(Turn::Again(left + AFTER, login.deadline))
        }
        Progress::Ended(how) => {
            // Taken away from the phone meanwhile, which is what the service tells: its page must not (decision 2.7).
            let found = logins::find(op.store.read(), &login.id).await?;
            if found.is_some_and(|found| found.subject == Subject::Decoy) {
                return Ok(Turn::Again(slowly(op)?, login.deadline));
            }
            end::end(op, login, how, UpstreamSession::Dead).await?;
            Ok(Turn::Over)
        }
        Progress::Nonsense { detail, wrong_person } => {
            tracing::error!(login = %login.id, upstream = %login.upstream, %detail, wrong_person, "refused an answer");
            if wrong_person {
                mismatch(op, login).await?;
            }
            end::end(op, login, End::Failed(Reason::TechnicalReason), UpstreamSession::MayLive).await?;
            end::release_after_cancel(op, login, handle).await?;
            Ok(Turn::Over)
        }
    }
}

/// The service says that somebody approved: that must be the person who was asked, or, where nobody was named, somebody
/// who has an account here (decision 2.3). The deadline is compared in the statement that writes it.
async fn approve(op: &Op, login: &Login, upstream_user: &str) -> Result<Turn, Internal> {
    let device = match &login.subject {
        Subject::Named(asked) if asked.upstream_user == upstream_user => Some((asked.user_id.clone(), asked.device_id.clone())),
        Subject::Named(_) => {
            mismatch(op, login).await?;
            end::end(op, login, End::Failed(Reason::TechnicalReason), UpstreamSession::Dead).await?;
            return Ok(Turn::Over);
        }
        Subject::Unnamed | Subject::Decoy => {
            let found = devices::find_by_upstream_user(op.store.read(), login.upstream, upstream_user).await?;
            found.map(|device| (device.user_id, device.id))
        }
    };
    let Some((user_id, device_id)) = device else {
        end::end(op, login, End::Failed(Reason::NotRegistered), UpstreamSession::Dead).await?;
        return Ok(Turn::Over);
    };
    let now = op.env.now();
    let input = (login.id.clone(), user_id, device_id);
    let approved = op
        .store
        .write(input, move |tx, (id, user_id, device_id)| {
            Box::pin(async move { logins::approve(tx, id, user_id, Some(device_id), now).await })
        })
        .await?;
    if approved {
        op.signals.login_changed(&login.id);
    } else if op.env.now() >= login.deadline {
        end::end(op, login, End::Expired, UpstreamSession::Dead).await?;
    }
    Ok(Turn::Over)
}

/// An alarm: another person approved than was asked.
async fn mismatch(op: &Op, login: &Login) -> Result<(), Internal> {
    let event = end::about(login, AuditKind::LoginMismatch, login.upstream.as_str());
    let now = op.env.now();
    Ok(op
        .store
        .write(PendingEvent::new(&op.env, event)?, move |tx, event| Box::pin(async move { event.write(tx, now).await }))
        .await?)
}

#[cfg(test)]
#[path = "broker_tests.rs"]
mod tests;
