//! The connections of a listener: whose they are, what each is doing and since when, and which one goes when there are too many
//! or when it takes too long. Nothing here knows HTTP or sockets: `stream` and `requests` report, `server` ends what is told to.
//! Room is made by ending connections, not by refusing newcomers: of the address that holds the most, those first that have
//! been sending a request for long, then idle ones. What waits for an answer of ours is left alone. Decision 0005 says why.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ipnet::IpNet;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::domain::address;
use crate::metrics;

const LOOK: Duration = Duration::from_millis(250);
/// A connection that sends its request for less than this goes after the idle ones: it is likely that somebody waits for it.
const YOUNG: Duration = Duration::from_secs(1);
/// When a request that took too long has been refused, its connection may stay this much longer, for the refusal to arrive.
const FAREWELL: Duration = Duration::from_secs(2);
/// How long a connection may do nothing between two requests.
const IDLE: Duration = Duration::from_secs(5);
/// The same for one of a trusted proxy. Longer than proxies keep theirs (nginx 60 s, Traefik 90 s, Caddy 120 s): where we closed
/// first, a form that is just on its way would be lost, and the proxy answer 502.
const PROXY_IDLE: Duration = Duration::from_secs(150);
/// The most bytes of requests that are not complete, of all connections together.
const HELD: usize = 16 * 1024 * 1024;

pub(super) struct Bounds {
    /// All of them, those that are being ended included.
    pub(super) most: usize,
    /// How long head and body of a request may take together; and how long an answer may wait for its reader.
    pub(super) request: Duration,
    /// Networks of proxies: many people come from one address there.
    pub(super) trusted: Vec<IpNet>,
}

impl Bounds {
    /// How many there may be before some are ended: the rest is for those that are not quite gone.
    const fn room(&self) -> usize {
        self.most - self.most / 8
    }
}

pub(super) struct Connections {
    pub(super) bounds: Bounds,
    held: AtomicUsize,
    /// Bytes that connections hold which were told to end and are not gone yet.
    leaving: AtomicUsize,
    live: Mutex<Live>,
}

#[derive(Default)]
struct Live {
    next: u64,
    /// How many are not told to end.
    count: usize,
    all: HashMap<u64, Arc<Connection>>,
    sources: HashMap<IpAddr, usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// A TLS handshake, or the head of a request.
    Head,
    Body,
    /// We have the request; the answer is not complete.
    Answering,
    Idle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MayRead {
    Now,
    Later,
    Never,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    pub(super) stage: Stage,
    since: Instant,
    /// Bytes of the request that is not complete; once it was told to end, `leaving` has them.
    held: usize,
    leaving: usize,
    /// Since when the client does not take what we write.
    blocked: Option<Instant>,
    /// Whether the last request whose head was read has a body.
    pub(super) body: bool,
    /// How many requests were answered.
    pub(super) answered: u64,
    ended: bool,
}

pub(super) struct Connection {
    id: u64,
    source: IpAddr,
    trusted: bool,
    listener: Arc<Connections>,
    pub(super) state: Mutex<State>,
    /// Tells that it has to end.
    pub(super) end: Notify,
}

pub(super) struct Open {
    pub(super) connection: Arc<Connection>,
    _counted: metrics::Held,
}

impl Connections {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { bounds, held: AtomicUsize::new(0), leaving: AtomicUsize::new(0), live: Mutex::default() })
    }

    /// Takes a new connection in, and makes room for it. `None` where every other one waits for an answer of ours: it has to go.
    pub(super) fn open(self: &Arc<Self>, peer: IpAddr) -> Option<Open> {
        let source = address::source(peer);
        let canonical = peer.to_canonical();
        let trusted = self.bounds.trusted.iter().any(|network| network.contains(&canonical) || network.contains(&peer));
        let mut live = self.live.lock();
        let most_of_one = self.bounds.room() / 2;
        if !trusted && live.of(source) >= most_of_one && !live.make_room(most_of_one, Some(source))
            || live.count >= self.bounds.room() && !live.make_room(self.bounds.room(), None)
        {
            metrics::CONNECTIONS_ENDED.add(["refused"]);
            return None;
        }
        live.next += 1;
        let since = Instant::now();
        let state =
            State { stage: Stage::Head, since, held: 0, leaving: 0, blocked: None, body: false, answered: 0, ended: false };
        let connection = Arc::new(Connection {
            id: live.next,
            source,
            trusted,
            listener: Arc::clone(self),
            state: Mutex::new(state),
            end: Notify::new(),
        });
        live.all.insert(connection.id, Arc::clone(&connection));
        *live.sources.entry(source).or_default() += 1;
        live.count += 1;
        Some(Open { connection, _counted: metrics::CONNECTIONS.hold() })
    }

    pub(super) async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.end_the_late(Instant::now());
        }
    }

    fn end_the_late(&self, now: Instant) {
        let mut live = self.live.lock();
        let late: Vec<_> =
            live.all.values().filter_map(|one| Some((Arc::clone(one), one.late(now, self.bounds.request)?))).collect();
        for (connection, reason) in late {
            live.end(&connection, reason);
        }
    }

    /// So many bytes of unfinished requests are held that some requests have to go.
    fn relieve(&self) {
        let mut live = self.live.lock();
        let mut holders: Vec<_> = live.all.values().map(|one| (*one.state.lock(), Arc::clone(one))).collect();
        holders.retain(|(state, _one)| !state.ended && state.held > 0);
        holders.sort_by_key(|(state, _one)| state.since);
        for (_state, connection) in holders {
            if self.held.load(Ordering::Relaxed) <= HELD - HELD / 8 {
                return;
            }
            live.end(&connection, "memory");
        }
    }
}

impl Live {
    fn of(&self, source: IpAddr) -> usize {
        self.sources.get(&source).copied().unwrap_or_default()
    }

    /// Ends some of them, all of one source where one is given; several at once, so that a flood does not have them all looked
    /// at each time. Whether there was any to end.
    fn make_room(&mut self, among: usize, source: Option<IpAddr>) -> bool {
        let now = Instant::now();
        let candidates = self.all.values().filter(|one| source.is_none_or(|source| one.source == source));
        let mut ranked: Vec<_> = candidates
            .filter_map(|one| {
                let (rank, since) = one.state.lock().rank(now)?;
                Some(((one.trusted, Reverse(self.of(one.source).checked_ilog2()), rank, since, one.id), Arc::clone(one)))
            })
            .collect();
        ranked.sort_unstable_by_key(|(rank, _one)| *rank);
        ranked.truncate(among / 64 + 1);
        let reason = if source.is_some() { "source" } else { "room" };
        ranked.iter().for_each(|(_rank, one)| self.end(one, reason));
        !ranked.is_empty()
    }

    fn end(&mut self, connection: &Connection, reason: &'static str) {
        if self.count_out(connection) {
            connection.end.notify_one();
            metrics::CONNECTIONS_ENDED.add([reason]);
        }
    }

    /// Whether it was counted until now.
    fn count_out(&mut self, connection: &Connection) -> bool {
        let mut state = connection.state.lock();
        if std::mem::replace(&mut state.ended, true) {
            return false;
        }
        state.leaving = state.held;
        connection.listener.leaving.fetch_add(state.leaving, Ordering::Relaxed);
        connection.release(&mut state);
        self.count -= 1;
        if let Some(count) = self.sources.get_mut(&connection.source) {
            *count -= 1;
            if *count == 0 {
                self.sources.remove(&connection.source);
            }
        }
        true
    }
}

impl State {
    /// How soon it goes when room is needed, and since when it is so; `None` for what has to stay.
    fn rank(&self, now: Instant) -> Option<(u8, Instant)> {
        let rank = match self.stage {
            _ended if self.ended => return None,
            Stage::Answering => return None,
            // The answer is complete here, and not yet with its reader.
            Stage::Idle if self.blocked.is_some() => return None,
            Stage::Head | Stage::Body if now.duration_since(self.since) < YOUNG => 3,
            Stage::Idle => 2,
            Stage::Head | Stage::Body => u8::from(self.answered > 0),
        };
        Some((rank, self.since))
    }

    const fn sends(&self) -> bool {
        matches!(self.stage, Stage::Head | Stage::Body)
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.since = Instant::now();
    }
}

impl Connection {
    fn release(&self, state: &mut State) {
        self.listener.held.fetch_sub(std::mem::take(&mut state.held), Ordering::Relaxed);
    }

    fn late(&self, now: Instant, request: Duration) -> Option<&'static str> {
        let state = self.state.lock();
        let longer = |since: Instant, than: Duration| now.duration_since(since) > than;
        let idle = if self.trusted { PROXY_IDLE } else { IDLE };
        match state.stage {
            _any if state.blocked.is_some_and(|since| longer(since, request)) => Some("slow_reader"),
            Stage::Head | Stage::Body if longer(state.since, request + FAREWELL) => Some("slow_request"),
            Stage::Idle if state.blocked.is_none() && longer(state.since, idle) => Some("idle"),
            _in_time => None,
        }
    }

    /// Whether it may read on. One that was told to end reads nothing more; the others wait while those that were have not given
    /// back what they hold.
    pub(super) fn may_read(&self) -> MayRead {
        if self.state.lock().ended {
            MayRead::Never
        } else if self.listener.leaving.load(Ordering::Relaxed) > HELD {
            MayRead::Later
        } else {
            MayRead::Now
        }
    }

    pub(super) fn received(&self, count: usize) {
        let mut state = self.state.lock();
        if state.stage == Stage::Idle {
            state.enter(Stage::Head);
        }
        if !state.sends() || state.ended {
            return;
        }
        state.held += count;
        let held = self.listener.held.fetch_add(count, Ordering::Relaxed) + count;
        drop(state);
        if held > HELD {
            self.listener.relieve();
        }
    }

    pub(super) fn written(&self, taken: bool) {
        let mut state = self.state.lock();
        state.blocked = if taken { None } else { state.blocked.or_else(|| Some(Instant::now())) };
    }

    /// The head of a request is there; with `body`, more follows. Answers until when.
    pub(super) fn begun(&self, body: bool) -> Instant {
        let mut state = self.state.lock();
        if !state.sends() {
            // It came together with the one before.
            state.enter(Stage::Head);
        }
        (state.stage, state.body) = (Stage::Body, body);
        let until = state.since + self.listener.bounds.request;
        drop(state);
        if !body {
            self.complete();
        }
        until
    }

    pub(super) fn complete(&self) {
        let mut state = self.state.lock();
        if state.stage == Stage::Body {
            state.enter(Stage::Answering);
            self.release(&mut state);
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        !self.state.lock().sends()
    }

    /// Whether the body of a request should be here, and is not.
    pub(super) fn is_late(&self) -> bool {
        let state = self.state.lock();
        state.sends() && state.since + self.listener.bounds.request <= Instant::now()
    }

    pub(super) fn answered(&self) {
        let mut state = self.state.lock();
        state.answered += 1;
        state.enter(Stage::Idle);
        self.release(&mut state);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let connection = &self.connection;
        let mut live = connection.listener.live.lock();
        live.all.remove(&connection.id);
        live.count_out(connection);
        let leaving = std::mem::take(&mut connection.state.lock().leaving);
        connection.listener.leaving.fetch_sub(leaving, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
