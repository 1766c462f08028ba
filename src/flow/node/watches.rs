//! The pages of logins that are open on this node. A few streams may watch one login, the oldest ends for a newer one; a node
//! holds so many and refuses more: a page that gets none asks for the state instead.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::domain::clock::Timestamp;
use crate::domain::id::LoginId;
use crate::domain::login::{Login, Reason};
use crate::flow::settings::Limits;
use crate::metrics;

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

/// This node holds as many streams as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

pub(in crate::flow) struct Watched {
    seen: watch::Sender<Seen>,
    changed: Arc<Notify>,
    streams: VecDeque<(u64, CancellationToken)>,
}

#[derive(Default)]
pub(in crate::flow) struct All {
    pub(in crate::flow) logins: HashMap<LoginId, Watched>,
    pub(in crate::flow) open: usize,
    next: u64,
}

#[derive(Clone, Default)]
pub(crate) struct Watches(Arc<Mutex<All>>);

pub(crate) struct Stream {
    id: LoginId,
    number: u64,
    seen: watch::Receiver<Seen>,
    ended: CancellationToken,
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

/// Ends the oldest stream of a login that has as many as it may, or refuses one more on a node that has.
fn make_room(all: &mut All, id: &LoginId, limits: &Limits) -> Result<(), Full> {
    let most = |limit: Option<u32>| limit.map(|most| usize::try_from(most).unwrap_or(usize::MAX));
    if let Some(watched) = all.logins.get_mut(id)
        && most(limits.streams_per_login).is_some_and(|most| watched.streams.len() >= most)
        && let Some((_number, oldest)) = watched.streams.pop_front()
    {
        oldest.cancel();
        all.open = all.open.saturating_sub(1);
        metrics::SSE_REFUSED.add(["login"]);
        return Ok(());
    }
    if most(limits.streams_per_node).is_some_and(|most| all.open >= most) {
        metrics::SSE_REFUSED.add(["node"]);
        return Err(Full);
    }
    Ok(())
}

impl Watches {
    /// With the first stream of a login: what wakes whoever re-reads it from now on and [`tell`](Self::tell)s all streams.
    pub(in crate::flow) fn join(
        &self,
        id: &LoginId,
        read: Seen,
        limits: &Limits,
    ) -> Result<(Stream, Option<Arc<Notify>>), Full> {
        let mut all = self.lock();
        make_room(&mut all, id, limits)?;
        let (number, ended) = (all.next, CancellationToken::new());
        all.next += 1;
        all.open += 1;
        let mut first = None;
        let watched = all.logins.entry(id.clone()).or_insert_with(|| {
            let changed = first.insert(Arc::new(Notify::new())).clone();
            Watched { seen: watch::channel(read).0, changed, streams: VecDeque::new() }
        });
        watched.streams.push_back((number, ended.clone()));
        // Whichever was read later: by this page's request, or for the streams that are here.
        watched.seen.send_if_modified(|told| {
            let is_newer = read.is_after(*told);
            *told = if is_newer { read } else { *told };
            is_newer
        });
        let seen = watched.seen.subscribe();
        drop(all);
        Ok((Stream { id: id.clone(), number, seen, ended, watches: self.clone() }, first))
    }

    pub(in crate::flow) fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the streams of a login how it stands. False: nobody is to look again, and it is forgotten.
    pub(in crate::flow) fn tell(&self, id: &LoginId, seen: Option<Seen>) -> bool {
        let mut all = self.lock();
        let Some(watched) = all.logins.get(id) else { return false };
        if let Some(seen) = seen {
            watched.seen.send_if_modified(|told| std::mem::replace(told, seen) != seen);
        }
        let goes_on = seen.is_some_and(|seen| seen.is_open) && !watched.streams.is_empty();
        if !goes_on && let Some(forgotten) = all.logins.remove(id) {
            all.open = all.open.saturating_sub(forgotten.streams.len());
        }
        goes_on
    }

    pub(super) fn changed(&self, id: &LoginId) {
        if let Some(watched) = self.lock().logins.get(id) {
            watched.changed.notify_one();
        }
    }

    fn leave(&self, id: &LoginId, number: u64) {
        let mut all = self.lock();
        let Some(watched) = all.logins.get_mut(id) else { return };
        let before = watched.streams.len();
        watched.streams.retain(|(known, _)| *known != number);
        let left = before - watched.streams.len();
        all.open = all.open.saturating_sub(left);
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
        self.watches.leave(&self.id, self.number);
    }
}
