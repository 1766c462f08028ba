//! The pages of logins that are open on this node. One task for each login re-reads it, however many streams tell of it. A few
//! streams may watch one login, the oldest ends for a newer one; a node holds so many and refuses more: a page that gets none
//! asks for the state instead.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::watch::{Receiver, Sender, channel};
use tokio_util::sync::CancellationToken;

use crate::domain::id::LoginId;
use crate::domain::settings::Limits;
use crate::flow::prelude::*;

/// How soon another node's change is seen (decision 2.8).
const REREAD: Duration = Duration::from_millis(500);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The values of `data-login-state` and `data-login-reason` (design 3).
    pub(crate) state: &'static str,
    pub(crate) reason: Option<&'static str>,
    /// Whether the phone may still answer.
    pub(crate) is_open: bool,
}

impl Seen {
    pub(crate) fn of(login: &Login, now: Timestamp) -> Self {
        let stage = login.stage_at(now);
        Self { state: stage.state(), reason: stage.reason().map(Reason::as_str), is_open: stage.is_open() }
    }

    /// Whether a login that was seen so was seen later than one that was seen as `other`: it never goes back.
    fn is_after(self, other: Self) -> bool {
        let rank = |seen: Self| (!seen.is_open, seen.state == "fetched");
        rank(self) > rank(other)
    }
}

struct Watched {
    seen: Sender<Seen>,
    changed: Arc<Notify>,
    /// The oldest first; each by what ends it.
    streams: VecDeque<Arc<CancellationToken>>,
}

#[derive(Default)]
struct All {
    logins: HashMap<LoginId, Watched>,
    /// How many streams there are of all of them: counted as they come and go, not at each that comes.
    open: usize,
}

#[derive(Clone, Default)]
pub(crate) struct Watches(Arc<Mutex<All>>);

pub(crate) struct Stream {
    seen: Receiver<Seen>,
    ended: Arc<CancellationToken>,
    login: LoginId,
    watches: Watches,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum News {
    Changed(Seen),
    /// A newer stream took the place of this one.
    Replaced,
    /// Nobody looks any more: the login is over, or its row could not be read.
    Over,
}

/// A stream that tells how `login`, as it was just read, stands and goes on; `None` where this node holds as many as it may.
pub(crate) fn watch(op: &Op, login: &Login) -> Option<Stream> {
    let (id, read) = (&login.id, Seen::of(login, op.env.now()));
    let mut all = op.signals.watches.0.lock();
    if !make_room(&mut all, id, &op.settings.limits) {
        return None;
    }
    all.open += 1;
    let watched = all.logins.entry(id.clone()).or_insert_with(|| {
        let changed = Arc::<Notify>::default();
        tokio::spawn(follow(op.clone(), id.clone(), login.deadline, changed.clone()));
        Watched { seen: channel(read).0, changed, streams: VecDeque::new() }
    });
    let ended = Arc::<CancellationToken>::default();
    watched.streams.push_back(ended.clone());
    // Whichever was read later: by this page's request, or for the streams that are here.
    watched.seen.send_if_modified(|told| {
        let is_newer = read.is_after(*told);
        *told = if is_newer { read } else { *told };
        is_newer
    });
    Some(Stream { seen: watched.seen.subscribe(), ended, login: id.clone(), watches: op.signals.watches.clone() })
}

/// The deadline is met to the moment, whenever the stream began and whoever the login is for (check 139).
fn until_next_look(deadline: Timestamp, now: Timestamp) -> Duration {
    let left = deadline.since(now);
    if left.is_zero() { REREAD } else { left.min(REREAD) }
}

/// Until the login is over, nobody watches it any more, or it cannot be read.
async fn follow(op: Op, id: LoginId, mut deadline: Timestamp, changed: Arc<Notify>) {
    loop {
        drop(tokio::time::timeout(until_next_look(deadline, op.env.now()), changed.notified()).await);
        let found = logins::find(op.store.read(), &id).await.ok().flatten();
        let seen = found.as_ref().map(|login| Seen::of(login, op.env.now()));
        deadline = found.map_or(deadline, |login| login.deadline);
        if !op.signals.watches.tell(&id, seen) {
            return;
        }
    }
}

/// Ends the oldest stream of a login that has as many as it may, or refuses one more (false) on a node that has.
fn make_room(all: &mut All, id: &LoginId, limits: &Limits) -> bool {
    let most = |limit: Option<u32>| limit.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
    if let Some(watched) = all.logins.get_mut(id)
        && most(limits.streams_per_login).is_some_and(|most| watched.streams.len() >= most)
        && let Some(oldest) = watched.streams.pop_front()
    {
        oldest.cancel();
        all.open -= 1;
        metrics::SSE_REFUSED.add(["login"]);
        return true;
    }
    let is_full = most(limits.streams_per_node).is_some_and(|most| all.open >= most);
    if is_full {
        metrics::SSE_REFUSED.add(["node"]);
    }
    !is_full
}

impl Watches {
    /// Tells the streams of a login how it stands. False: nobody is to look again, and it is forgotten.
    fn tell(&self, id: &LoginId, seen: Option<Seen>) -> bool {
        let mut all = self.0.lock();
        let Some(watched) = all.logins.get(id) else { return false };
        if let Some(seen) = seen {
            watched.seen.send_if_modified(|told| std::mem::replace(told, seen) != seen);
        }
        let (streams, is_open) = (watched.streams.len(), seen.is_some_and(|seen| seen.is_open));
        let goes_on = is_open && streams > 0;
        if !goes_on {
            all.logins.remove(id);
            all.open -= streams;
        }
        goes_on
    }

    /// A stream is gone, if it did not end before.
    fn leave(&self, id: &LoginId, stream: &Arc<CancellationToken>) {
        let mut all = self.0.lock();
        let Some(watched) = all.logins.get_mut(id) else { return };
        let Some(at) = watched.streams.iter().position(|one| Arc::ptr_eq(one, stream)) else { return };
        watched.streams.remove(at);
        all.open -= 1;
    }

    pub(super) fn changed(&self, id: &LoginId) {
        if let Some(watched) = self.0.lock().logins.get(id) {
            watched.changed.notify_one();
        }
    }
}

impl Stream {
    pub(crate) fn seen(&mut self) -> Seen {
        *self.seen.borrow_and_update()
    }

    pub(crate) async fn next(&mut self) -> News {
        tokio::select! {
            biased;
            () = self.ended.cancelled() => News::Replaced,
            changed = self.seen.changed() => match changed {
                Ok(()) => News::Changed(self.seen()),
                Err(_nobody_looks) => News::Over,
            },
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.watches.leave(&self.login, &self.ended);
    }
}

#[cfg(test)]
mod tests;
