//! The login poller (decision 2.8): each login is polled once, whatever the number of browsers, tabs and nodes. A lease in the
//! row says who polls; when its holder dies, another node or the next start takes over within the lease.
//! A decoy has a poller like everybody, which does the same but for the question; none begins while the page is being fetched, and
//! none ends a login before the page has heard of its deadline: no clock tells whether somebody is asked (check 139).

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::domain::clock::Timestamp;
use crate::domain::id::LoginId;
use crate::domain::login::{End, Login, Reason, Subject};
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::flow::login::end::{self, UpstreamSession};
use crate::flow::login::progress::{self, AFTER_DEADLINE};
use crate::store::logins;
use crate::upstream::{Progress, counted};

/// How long a lease lasts: the most by which the death of its holder delays a login.
const LEASE: Duration = Duration::from_secs(5);
/// How old a login is when it is polled first: before, nothing can have happened.
const FIRST: Duration = Duration::from_millis(1500);
const AFTER_FAILURE: Duration = Duration::from_millis(1300);
/// How often it looks for logins that nobody polls.
const SWEEP: Duration = Duration::from_secs(1);
/// Logins that begin so shortly after one another are looked for together.
const TOGETHER: Duration = Duration::from_millis(20);
const BATCH: u64 = 500;

struct Pollers {
    op: Op,
    node: String,
    stop: CancellationToken,
    running: JoinSet<bool>,
    /// A poller that panicked is known by its task alone.
    polled: HashMap<task::Id, LoginId>,
    /// When logins that were begun here are old enough.
    due: VecDeque<Instant>,
}

/// Adopts every open login that nobody polls, the ones begun here as soon as they are old enough.
pub(super) async fn run(op: Op, node: String, stop: CancellationToken) {
    let mut all = Pollers { op, node, stop, running: JoinSet::new(), polled: HashMap::new(), due: VecDeque::new() };
    let mut sweep = Instant::now();
    loop {
        let next = all.due.front().map_or(sweep, |due| sweep.min(*due));
        tokio::select! {
            () = all.stop.cancelled() => break,
            () = all.op.signals.begun.notified() => all.begun(),
            () = sleep_until(next) => {
                sweep = Instant::now() + SWEEP;
                all.adopt().await;
            }
            Some(ended) = all.running.join_next_with_id(), if !all.running.is_empty() => all.ended(ended).await,
        }
    }
    // Pollers stop between two polls, a poll under way at its own time-out.
    while let Some(ended) = all.running.join_next_with_id().await {
        all.ended(ended).await;
    }
}

impl Pollers {
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
                    let poller = self.running.spawn(poll_until_over(op, node, id.clone(), stop));
                    self.polled.insert(poller.id(), id);
                }
            }
            Err(error) => tracing::warn!(%error, "the login poller cannot read its logins"),
        }
    }

    /// Where the login may still be open its lease is given back: it goes on at the next sweep of whichever node.
    async fn ended(&mut self, ended: Result<(task::Id, bool), JoinError>) {
        let (id, still_open) = match ended {
            Ok(ended) => ended,
            Err(error) => {
                tracing::error!(%error, "a poller ended badly; its login is taken over");
                (error.id(), true)
            }
        };
        let Some(login) = self.polled.remove(&id) else { return };
        if !still_open {
            return;
        }
        let lease = (login, self.node.clone());
        let released = self.op.store.write(lease, |tx, (id, node)| Box::pin(logins::release_lease(tx, id, node))).await;
        if let Err(error) = released {
            tracing::warn!(%error, "a lease could not be given back; it runs out by itself");
        }
    }
}

/// Returns whether the login still waits, under this node's lease.
async fn poll_until_over(op: Op, node: String, id: LoginId, stop: CancellationToken) -> bool {
    loop {
        let pause = match poll_once(&op, &node, &id).await {
            Ok(None) => return false,
            Ok(Some((pause, deadline))) => pause.min(deadline.plus(AFTER_DEADLINE).since(op.env.now())),
            Err(error) => {
                tracing::warn!(login = %id, %error, "a poll could not be written down; it is made again");
                AFTER_FAILURE
            }
        };
        if tokio::time::timeout(pause, stop.cancelled()).await.is_ok() {
            return true;
        }
    }
}

/// One poll: one commit for the lease, one more when the state changed. Returns after how long the next one comes, and which
/// deadline it must not miss; `None`: there is none.
async fn poll_once(op: &Op, node: &str, id: &LoginId) -> Result<Option<(Duration, Timestamp)>, Internal> {
    let now = op.env.now();
    let lease = (id.clone(), node.to_owned());
    let mine = op.store.write(lease, move |tx, (id, node)| Box::pin(logins::lease(tx, id, node, now.plus(LEASE), now))).await?;
    if !mine {
        return Ok(None);
    }
    let found = logins::find(op.store.read(), id).await?;
    let Some(login) = found.filter(|login| login.stage.is_open()) else { return Ok(None) };
    if now >= login.deadline {
        if now < login.deadline.plus(AFTER_DEADLINE) {
            return Ok(Some((AFTER_DEADLINE, login.deadline)));
        }
        end::close(op, &login, End::Expired).await?;
        return Ok(None);
    }
    let Some(handle) = end::open_handle(op, &login)? else {
        // A decoy; or being created, or left so by a crash: nobody knows more before the deadline (decision 2.7).
        return Ok(Some((progress::next_poll(op, &login)?, login.deadline)));
    };
    let Some(service) = op.upstreams.get(&login.upstream) else {
        end::end(op, &login, End::Failed(Reason::UpstreamDown), UpstreamSession::MayLive).await?;
        return Ok(None);
    };
    let asked = if let Subject::Named(asked) = &login.subject { Some(asked.upstream_user.as_str()) } else { None };
    let word = |answer: &Result<_, _>| match answer {
        Ok(Progress::Nonsense { .. }) => "unusable",
        Ok(_) => "ok",
        Err(_) => "unavailable",
    };
    let answer = counted(login.upstream, "state", service.poll(&handle, asked), word).await;
    op.health.polled(login.upstream, answer.is_ok());
    let pause = match answer {
        Ok(answer) => progress::apply(op, &login, &handle, answer).await?,
        Err(unavailable) => {
            tracing::debug!(login = %id, error = %unavailable, "the phone service could not be asked; asked again");
            Some(progress::unanswered(op)?)
        }
    };
    Ok(pause.map(|pause| (pause, login.deadline)))
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod purposes_tests;
