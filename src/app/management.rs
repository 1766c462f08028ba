//! The management listener: whether the process lives, whether it can answer, and its figures. An outage of a phone service
//! does not make a node unready: sessions, refreshes and introspection go on.
//! Nothing here names a person, a client or an id; still it is not for the public.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, web};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::server::{Door, Server};
use super::{StartError, requests};
use crate::domain::signing_key::KeyState;
use crate::flow::Op;
use crate::metrics;

/// How long the database may take to say that it is there and to take a write, together: less than any health check waits.
const READY_TIMEOUT: Duration = Duration::from_secs(2);
/// How long counts of the database are kept, however often somebody scrapes.
const KEEP: Duration = Duration::from_secs(5);
/// How long counting may take; a scrape waits no longer.
const COUNT_TIMEOUT: Duration = Duration::from_secs(2);

struct State {
    op: Op,
    ready: Arc<AtomicBool>,
    counts: Mutex<Counts>,
}

/// One count at a time: one that hangs keeps one connection of the database from the requests and no more.
#[derive(Default)]
struct Counts {
    at: Option<Instant>,
    running: Option<JoinHandle<()>>,
}

/// `ready` turns false when the node begins to stop.
pub(super) fn serve(tcp: TcpListener, door: Door, op: Op, ready: Arc<AtomicBool>) -> Result<Server, StartError> {
    metrics::BUILD_INFO.set([env!("CARGO_PKG_VERSION"), option_env!("SIGNBRIDGE_REVISION").unwrap_or("unknown")], 1.0);
    let state = web::Data::new(State { op, ready, counts: Mutex::default() });
    door.serve(tcp, 1, Duration::from_secs(1), move || {
        App::new()
            .app_data(state.clone())
            .route("/livez", web::get().to(|| async { HttpResponse::Ok().body("ok\n") }))
            .route("/readyz", web::get().to(readyz))
            .route("/metrics", web::get().to(figures))
            .default_service(web::to(|| async {
                HttpResponse::NotFound().body("only /livez, /readyz and /metrics are here\n")
            }))
            .wrap(from_fn(requests::in_time))
    })
}

/// Ready: not stopping, the database answers and takes writes, and there are keys to sign with.
async fn readyz(state: web::Data<State>) -> HttpResponse {
    if !state.ready.load(Ordering::SeqCst) {
        return HttpResponse::ServiceUnavailable().body("stopping\n");
    }
    if state.op.keys.jwks().is_empty() {
        return HttpResponse::ServiceUnavailable().body("there are no signing keys\n");
    }
    let asked = async {
        state.op.store.ping().await?;
        state.op.store.writes().await
    };
    let (error, body) = match timeout(READY_TIMEOUT, asked).await {
        Ok(Ok(())) => return HttpResponse::Ok().body("ok\n"),
        Ok(Err(error)) => (error.to_string(), "the database does not answer\n"),
        Err(late) => (late.to_string(), "the database does not answer in time\n"),
    };
    tracing::warn!(%error, "not ready");
    HttpResponse::ServiceUnavailable().body(body)
}

/// What the process knows, and, if the last count is old, what the database says.
async fn figures(state: web::Data<State>) -> HttpResponse {
    let op = &state.op;
    let pool = op.store.pool();
    metrics::DB_POOL_CONNECTIONS.set(["used"], f64::from(pool.used));
    metrics::DB_POOL_CONNECTIONS.set(["idle"], f64::from(pool.idle));
    metrics::DB_COMMITS.set(op.store.commits());
    let now = op.env.now();
    for key in op.keys.list().iter().filter(|key| key.state == KeyState::Active) {
        let age = now.since(key.active_at.unwrap_or(key.created_at));
        metrics::SIGNING_KEY_AGE.set([key.alg.as_str()], age.as_secs_f64());
    }
    state.counts.lock().await.refresh(op).await;
    match metrics::render() {
        Ok(text) => HttpResponse::Ok().content_type(metrics::CONTENT_TYPE).body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}

impl Counts {
    async fn refresh(&mut self, op: &Op) {
        if self.at.is_some_and(|at| at.elapsed() < KEEP) {
            return;
        }
        // One that ended since the last scrape counted what was then.
        let running = self.running.take().filter(|running| !running.is_finished());
        let mut running = running.unwrap_or_else(|| tokio::spawn(count(op.clone())));
        if let Err(late) = timeout(COUNT_TIMEOUT, &mut running).await {
            unknown(&late.to_string());
            self.running = Some(running);
        }
        self.at = Some(Instant::now());
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
