//! The HTTP client of everything that `demo` plays: the example app, the walking browser, the scripts that use the virtual
//! phone. The product's own clients are built in `outbound`; these never leave the machine and belong to nobody's login.

use std::time::Duration;

use openidconnect::{HttpRequest, HttpResponse};
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

/// Sends a request of `openidconnect`: its own implementation is for another release of `reqwest`.
pub(super) async fn send(client: &reqwest::Client, request: HttpRequest) -> reqwest::Result<HttpResponse> {
    let mut answer = client.execute(request.try_into()?).await?;
    let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    let mut response = HttpResponse::new(answer.bytes().await?.to_vec());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
