//! The management listener: whether the process lives, whether it can answer, and its figures. An outage of a phone service
//! does not make a node unready: sessions, refreshes and introspection go on.
//! Nothing here names a person, a client or an id; still it is not for the public.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, web};

use super::scrape::Scrape;
use super::server::{Listener, Server};
use super::{StartError, requests};
use crate::flow::Op;
use crate::metrics;

/// How long the database may take to say that it is there and to take a write, together: less than any health check waits.
const READY_TIMEOUT: Duration = Duration::from_secs(2);

struct State {
    op: Op,
    ready: Arc<AtomicBool>,
    scrape: Scrape,
}

/// `ready` turns false when the node begins to stop.
pub(super) fn serve(listener: Listener, op: Op, ready: Arc<AtomicBool>) -> Result<Server, StartError> {
    let state = web::Data::new(State { scrape: Scrape::new(op.clone()), op, ready });
    listener.serve(move || {
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
    if state.op.keys.ring.jwks().is_empty() {
        return HttpResponse::ServiceUnavailable().body("there are no signing keys\n");
    }
    let asked = async {
        state.op.store.ping().await?;
        state.op.store.writes().await
    };
    let (error, body) = match tokio::time::timeout(READY_TIMEOUT, asked).await {
        Ok(Ok(())) => return HttpResponse::Ok().body("ok\n"),
        Ok(Err(error)) => (error.to_string(), "the database does not answer\n"),
        Err(late) => (late.to_string(), "the database does not answer in time\n"),
    };
    tracing::warn!(%error, "not ready");
    HttpResponse::ServiceUnavailable().body(body)
}

async fn figures(state: web::Data<State>) -> HttpResponse {
    state.scrape.refresh().await;
    match metrics::render() {
        Ok(text) => HttpResponse::Ok().content_type(metrics::CONTENT_TYPE).body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}
