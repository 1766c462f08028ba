//! The listeners: actix servers with time-outs and size limits of our own (security bar 121).

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::{Server as ActixServer, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::task::JoinHandle;

use super::{StartError, setup};
use crate::config::Tls;
use crate::endpoints::routes;
use crate::web::{Surface, headers, request};

/// How long the public listener may take to stop, from the moment when it was asked for; the jobs stop after it.
const STOP: Duration = Duration::from_secs(7);
/// The largest body of any request: a token request with a long assertion fits several times.
const LARGEST_BODY: usize = 64 * 1024;
/// A client that does not send its request's head in this time is cut off.
const HEAD: Duration = Duration::from_secs(5);

/// A running listener.
pub(super) struct Server {
    handle: ServerHandle,
    task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    /// Lets a server run.
    pub(super) fn spawn(server: ActixServer) -> Self {
        Self { handle: server.handle(), task: tokio::spawn(server) }
    }

    /// Stops accepting and waits for the requests under way.
    pub(super) async fn stop(self) {
        self.handle.stop(true).await;
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a listener ended badly");
        }
    }
}

/// Serves the provider. A stop comes `drain` after it was asked for.
pub(super) fn serve(listener: TcpListener, surface: Surface, tls: Option<&Tls>, drain: Duration) -> Result<Server, StartError> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(surface.clone()))
            .app_data(web::PayloadConfig::new(LARGEST_BODY))
            .configure(routes::mount)
            .wrap(from_fn(headers::guard))
            .wrap(from_fn(request::observe))
    })
    .client_request_timeout(HEAD)
    .shutdown_timeout(STOP.saturating_sub(drain).as_secs())
    .disable_signals();
    let server = match tls {
        Some(tls) => server.listen_rustls_0_23(listener, tls_config(tls)?),
        None => server.listen(listener),
    };
    Ok(Server::spawn(server.map_err(|error| setup(&error))?.run()))
}

/// Whether a certificate and its key can be used.
pub(super) fn check_tls(tls: &Tls) -> Result<(), StartError> {
    tls_config(tls).map(drop)
}

fn tls_config(tls: &Tls) -> Result<ServerConfig, StartError> {
    let unreadable = |path: &std::path::Path, error: &dyn std::fmt::Display| {
        StartError::Setup(format!("{} cannot be used: {error}", path.display()))
    };
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(&tls.cert).map_err(|error| unreadable(&tls.cert, &error))?.collect();
    let certificates = certificates.map_err(|error| unreadable(&tls.cert, &error))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|error| unreadable(&tls.key, &error))?;
    ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(|error| unreadable(&tls.cert, &error))
}
