//! The example app: a small relying party to try the provider with, and to copy from.
//!
//! It does what OpenID Connect asks of a web app and nothing else: discovery, the authorization code flow with PKCE, `state`
//! and `nonce` (OIDC Core §3.1), the issuer of the answer (RFC 9207), userinfo (§5.3), refresh (§12) and sign-out
//! (RP-Initiated Logout). Tokens stay on the server; the browser holds one cookie.
//!
//! [`provider`] knows the provider, [`sign_in`] speaks the protocol, [`sessions`] remembers browsers, [`routes`] is the web
//! side and [`pages`] the HTML. Who starts it, and with which client, is decided by `demo`.

pub mod pages;
pub mod provider;
pub mod routes;
pub mod sessions;
pub mod sign_in;

use std::net::TcpListener;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpServer, web};

use crate::demo::http::{HttpClient, HttpError};
use crate::domain::env::Env;
use crate::domain::random::RandomError;
use crate::domain::secret::Secret;
use routes::Example;

/// The scope of a sign-in that asks for nothing else.
pub const DEFAULT_SCOPE: &str = "openid profile email groups offline_access";

/// What the app is told: an issuer, a client id and a secret, as any relying party, and what its start page mentions.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The provider.
    pub issuer: String,
    /// The app's own origin, without a trailing slash.
    pub app_url: String,
    /// Its client id.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: Secret,
    /// Where the virtual phone is, for the link on the pages.
    pub phone_url: String,
    /// Who can sign in, for the start page.
    pub people: Vec<String>,
}

impl Settings {
    /// Where the provider sends the browser back to.
    pub fn redirect_uri(&self) -> String {
        format!("{}/callback", self.app_url)
    }

    /// Where the provider sends the browser after a sign-out.
    pub fn post_logout_redirect_uri(&self) -> String {
        format!("{}/signed-out", self.app_url)
    }
}

/// Why a sign-in, a refresh or a sign-out did not work. The texts are for the person who integrates an app: they say what
/// was checked, and hold no secret.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The metadata or the keys.
    #[error("The provider could not be discovered: {0}")]
    Discovery(String),
    /// The provider answered an OAuth error (OIDC Core §3.1.2.6).
    #[error("The provider answered {code}{}", .description.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
    Refused {
        /// The `error`.
        code: String,
        /// The `error_description`.
        description: Option<String>,
    },
    /// The answer belongs to no sign-in that this browser began (RFC 6749 §10.12).
    #[error("This answer belongs to no sign-in that this browser began, or it was used before.")]
    UnknownState,
    /// The answer names another issuer, or none (RFC 9207 §2.4).
    #[error("The answer does not come from the configured issuer.")]
    WrongIssuer,
    /// A parameter comes twice, or is no text (RFC 6749 §3.1).
    #[error("The answer cannot be read: a parameter comes twice.")]
    Malformed,
    /// Neither a code nor an error.
    #[error("The answer has neither a code nor an error.")]
    NoCode,
    /// The token endpoint.
    #[error("The token request failed: {0}")]
    Token(String),
    /// The ID token is missing or not valid (OIDC Core §3.1.3.7).
    #[error("The ID token is not valid: {0}")]
    IdToken(String),
    /// Userinfo (OIDC Core §5.3).
    #[error("The userinfo request failed: {0}")]
    UserInfo(String),
    /// A refresh without a refresh token.
    #[error("There is no refresh token: ask for the scope offline_access.")]
    NoRefreshToken,
    /// The random number generator.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl SignInError {
    /// The OAuth error code, where the provider sent one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            _other => None,
        }
    }
}

/// Why the app did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The listener.
    #[error("the example app cannot listen: {0}")]
    Listen(#[from] std::io::Error),
    /// The HTTP client.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The templates.
    #[error("the example app's templates: {0}")]
    Template(#[from] minijinja::Error),
}

/// A running app.
pub struct Running(ServerHandle);

impl Running {
    /// Ends it: open requests get a second.
    pub async fn stop(&self) {
        // A connection that hangs must not keep the whole demonstration alive.
        if tokio::time::timeout(Duration::from_secs(3), self.0.stop(true)).await.is_err() {
            tracing::warn!("the example app was stopped with requests open");
        }
    }
}

/// Starts the app on a listener that is bound already.
///
/// # Errors
/// See [`StartError`].
pub fn start(listener: TcpListener, settings: Settings) -> Result<Running, StartError> {
    let example = web::Data::new(Example::new(settings, HttpClient::new()?, Env::system())?);
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
