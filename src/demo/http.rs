//! The HTTP client of everything that `demo` plays: the example app, the walking browser, the scripts that use the virtual
//! phone. The product's own clients are built in `outbound`; these never leave the machine and belong to nobody's login.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;

/// Redirects are off because a relying party must not be led elsewhere by the provider's back channel (server-side request
/// forgery), and because a walking browser keeps its cookies at every hop.
#[expect(clippy::disallowed_methods, reason = "a client of the demonstration, not of the product: see the module")]
pub(super) fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(5))
        .timeout(Duration::from_secs(20))
        // The provider ends idle connections after 5 s. One that ends just as it is used again would fail a form.
        .pool_idle_timeout(Duration::from_secs(3))
        .build()
}

/// How `openidconnect` sends its requests: its own implementation is for another release of `reqwest`.
#[derive(Clone, Debug)]
pub(super) struct BackChannel(pub(super) reqwest::Client);

impl<'c> AsyncHttpClient<'c> for BackChannel {
    type Error = reqwest::Error;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, reqwest::Error>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let mut answer = self.0.execute(request.try_into()?).await?;
            let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
            let mut response = HttpResponse::new(answer.bytes().await?.to_vec());
            *response.status_mut() = status;
            *response.headers_mut() = headers;
            Ok(response)
        })
    }
}
