//! The management listener: whether the process lives, and whether it can answer. An outage of a phone service does not make
//! a node unready: sessions, refreshes and introspection go on.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::{App, HttpResponse, HttpServer, web};

use super::server::Server;
use super::{StartError, setup};
use crate::store::Store;

struct State {
    store: Store,
    ready: Arc<AtomicBool>,
}

/// Serves `/livez` and `/readyz`.
pub(super) fn serve(listener: TcpListener, store: Store, ready: Arc<AtomicBool>) -> Result<Server, StartError> {
    let state = web::Data::new(State { store, ready });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .route("/livez", web::get().to(|| async { HttpResponse::Ok().body("ok\n") }))
            .route("/readyz", web::get().to(readyz))
    })
    .workers(1)
    .shutdown_timeout(1)
    .disable_signals()
    .listen(listener)
    .map_err(|error| setup(&error))?;
    Ok(Server::spawn(server.run()))
}

/// Ready: not stopping, and the database answers.
async fn readyz(state: web::Data<State>) -> HttpResponse {
    if !state.ready.load(Ordering::SeqCst) {
        return HttpResponse::ServiceUnavailable().body("stopping\n");
    }
    match state.store.ping().await {
        Ok(()) => HttpResponse::Ok().body("ok\n"),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            HttpResponse::ServiceUnavailable().body("the database does not answer\n")
        }
    }
}
