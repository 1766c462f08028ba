//! The HTTP client of everything that `demo` plays: the example app, the walking browser, the scripts that tap the virtual
//! phone. The product's own clients are built in `outbound`; these never leave the machine and belong to nobody's login.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;

/// The largest answer that is read, in bytes: metadata, keys and pages are far smaller.
const BODY_CAP: usize = 2 * 1024 * 1024;

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No connection, or none that lasted, or a request that cannot be sent.
    #[error("the request failed: {0}")]
    Transport(#[from] reqwest::Error),
    /// The answer is larger than anything that is expected here.
    #[error("the answer is too large")]
    TooLarge,
    /// The answer has a status or a header that cannot be represented.
    #[error("the answer is malformed: {0}")]
    Malformed(#[from] openidconnect::http::Error),
}

/// A client without redirects, proxies and cookies: 5 s to connect, 20 s for an answer, 2 MiB of body.
///
/// Redirects are off because a relying party must not be led elsewhere by the provider's back channel (server-side request
/// forgery), and because a walking browser wants to see every hop.
#[derive(Clone, Debug)]
pub struct HttpClient(reqwest::Client);

impl HttpClient {
    /// Builds the client.
    ///
    /// # Errors
    /// When TLS cannot be initialised.
    #[expect(clippy::disallowed_methods, reason = "a client of the demonstration, not of the product: see the module")]
    pub fn new() -> Result<Self, HttpError> {
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(20))
            .build()?;
        Ok(Self(client))
    }

    /// Sends one request and reads its answer.
    ///
    /// # Errors
    /// See [`HttpError`]. An answer with an error status is an answer.
    pub async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let mut response = self.0.execute(request.try_into()?).await?;
        let mut answer = openidconnect::http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > BODY_CAP {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(answer.body(body)?)
    }
}

/// How `openidconnect` sends its requests: it has no client of its own here.
impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
