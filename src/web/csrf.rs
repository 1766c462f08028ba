//! Form tokens: a MAC over the browser and the thing that the form acts on, so that a form of one request or browser never
//! works for another (security bar 16); and the check that a POST comes from a page of ours.

use actix_web::HttpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Surface;
use crate::domain::browser::BrowserKey;
use crate::domain::secret::Secret;

/// The form token of this browser for one thing (`authorization/…`, `login/…`).
pub fn token(surface: &Surface, browser: &BrowserKey, about: &str) -> String {
    URL_SAFE_NO_PAD.encode(surface.op.keys.form_mac(&[browser.0.as_str().as_bytes(), about.as_bytes()]))
}

/// Whether `presented` is that token.
pub fn is_valid(surface: &Surface, browser: &BrowserKey, about: &str, presented: Option<&str>) -> bool {
    presented.is_some_and(|presented| Secret::new(token(surface, browser, about)).matches(presented))
}

/// Whether a POST may come from a page of ours: what the browser says of its origin must not contradict it. Clients that say
/// nothing are not browsers and still need the token.
pub fn same_site(surface: &Surface, request: &HttpRequest) -> bool {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let origin_fits = header("origin").is_none_or(|origin| surface.site.origins.iter().any(|ours| ours == origin));
    let fetch_fits = header("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    origin_fits && fetch_fits
}
