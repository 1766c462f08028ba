//! The figures that are asked for at a scrape: counts of the database, the age of the signing keys, connections. However often
//! somebody scrapes, the database is asked every few seconds at most, and once at a time: a count that hangs keeps one connection
//! from the requests and no more.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::domain::signing_key::KeyState;
use crate::flow::Op;
use crate::metrics;

const KEEP: Duration = Duration::from_secs(5);
/// How long counting may take; a scrape waits no longer.
const COUNT_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) struct Scrape {
    op: Op,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    at: Option<Instant>,
    running: Option<JoinHandle<()>>,
}

impl Scrape {
    pub(super) fn new(op: Op) -> Self {
        metrics::BUILD_INFO.set([env!("CARGO_PKG_VERSION"), option_env!("SIGNBRIDGE_REVISION").unwrap_or("unknown")], 1.0);
        Self { op, counts: Mutex::default() }
    }

    /// What the process knows, and, if the last count is old, what the database says.
    pub(super) async fn refresh(&self) {
        let pool = self.op.store.pool();
        metrics::DB_POOL_CONNECTIONS.set(["used"], f64::from(pool.used));
        metrics::DB_POOL_CONNECTIONS.set(["idle"], f64::from(pool.idle));
        metrics::DB_COMMITS.set(self.op.store.commits());
        let now = self.op.env.now();
        for key in self.op.keys.ring.list().iter().filter(|key| key.state == KeyState::Active) {
            let age = now.since(key.active_at.unwrap_or(key.created_at));
            metrics::SIGNING_KEY_AGE.set([key.alg.as_str()], age.as_secs_f64());
        }
        let mut counts = self.counts.lock().await;
        if counts.at.is_some_and(|at| at.elapsed() < KEEP) {
            return;
        }
        // One that ended since the last scrape counted what was then.
        let running = counts.running.take().filter(|running| !running.is_finished());
        let mut running = running.unwrap_or_else(|| tokio::spawn(count(self.op.clone())));
        if let Err(late) = tokio::time::timeout(COUNT_TIMEOUT, &mut running).await {
            unknown(&late.to_string());
            counts.running = Some(running);
        }
        counts.at = Some(Instant::now());
    }
}

async fn count(op: Op) {
    let idle_since = op.env.now().minus(op.settings.lifetimes.session_idle);
    match op.store.figures(op.env.now(), idle_since).await {
        Ok(figures) => {
            metrics::SESSIONS_ACTIVE.set([], figure(figures.sessions));
            for (upstream, count) in figures.devices {
                metrics::DEVICES_REGISTERED.set([upstream.as_str()], figure(count));
            }
            for (upstream, count) in figures.pending {
                metrics::LOGIN_PENDING.set([upstream.as_str()], figure(count));
            }
        }
        Err(error) => unknown(&error.to_string()),
    }
}

/// Old counts would look like present ones.
fn unknown(error: &str) {
    tracing::warn!(error, "the database could not be counted");
    metrics::SESSIONS_ACTIVE.clear();
    metrics::DEVICES_REGISTERED.clear();
    metrics::LOGIN_PENDING.clear();
}

fn figure(count: i64) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}
