//! The example app: a small relying party to try the provider with, and to copy from.
//!
//! It does what OpenID Connect asks of a web app and nothing else: discovery, the authorization code flow with PKCE, `state`
//! and `nonce` (OIDC Core §3.1), the issuer of the answer (RFC 9207), userinfo (§5.3), refresh (§12) and sign-out
//! (RP-Initiated Logout). Tokens stay on the server; the browser holds one cookie.

mod pages;
mod routes;
mod sessions;
mod sign_in;

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};

use super::DemoError;
use crate::domain::secret::Secret;
use routes::Example;

/// An issuer, a client id and a secret, as any relying party has them, and what the start page mentions.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) issuer: String,
    /// The app's own origin, without a trailing slash.
    pub(super) app_url: String,
    pub(super) client_id: String,
    pub(super) client_secret: Secret,
    pub(super) phone_url: String,
    pub(super) users: Vec<String>,
}

pub(super) struct Running(ServerHandle);

impl Running {
    /// Ends it: open requests get a second.
    pub(super) async fn stop(&self) {
        // A connection that hangs must not keep the whole demonstration alive.
        if tokio::time::timeout(Duration::from_secs(3), self.0.stop(true)).await.is_err() {
            tracing::warn!("the example app was stopped with requests open");
        }
    }
}

pub(super) fn start(listener: TcpListener, settings: Settings) -> Result<Running, DemoError> {
    let example = web::Data::new(Example::new(settings)?);
    let server = HttpServer::new(move || App::new().app_data(example.clone()).configure(routes::configure))
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)?
        .run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(Running(handle))
}
