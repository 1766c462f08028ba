//! Form tokens: a MAC over the browser and the thing that the form acts on, so that a form of one request or browser never
//! works for another (check 16); and the check that a POST comes from a page of ours.

use actix_web::HttpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Site, Surface};
use crate::domain::browser::BrowserKey;
use crate::domain::secret::Secret;

/// The form token of this browser for one thing (`authorization/…`, `login/…`).
pub(crate) fn token(surface: &Surface, browser: &BrowserKey, about: &str) -> String {
    URL_SAFE_NO_PAD.encode(surface.op.keys.purposes.form_tokens.mac(&[browser.0.as_str().as_bytes(), about.as_bytes()]))
}

pub(crate) fn is_valid(surface: &Surface, browser: &BrowserKey, about: &str, presented: Option<&str>) -> bool {
    presented.is_some_and(|presented| Secret::new(token(surface, browser, about)).matches(presented))
}

/// Whether a POST may come from a page of ours: what the browser says of its origin must not contradict it. Clients that say
/// nothing are not browsers and still need the token.
/// `Origin: null` means that the browser does not tell (Fetch §3.2: under a `Referrer-Policy: no-referrer` that a proxy sets,
/// also for our own forms); then its `Sec-Fetch-Site` must say that the page is ours.
pub(crate) fn same_site(surface: &Surface, request: &HttpRequest) -> bool {
    let all = |name: &str| request.headers().get_all(name).map(|value| value.as_bytes()).collect::<Vec<_>>();
    fits(&surface.site, &all("origin"), &all("sec-fetch-site"))
}

fn fits(site: &Site, origins: &[&[u8]], fetched: &[&[u8]]) -> bool {
    let vouched = *fetched == [b"same-origin"];
    let origin_fits = |origin: &&[u8]| site.is_origin(origin) || vouched && *origin == b"null";
    let fetch_fits = |from: &&[u8]| matches!(*from, b"same-origin" | b"none");
    origins.iter().all(origin_fits) && fetched.iter().all(fetch_fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_ours_unless_the_browser_says_otherwise() {
        let site = Site::new("https://id.example.com", Vec::new(), None);
        let ours = |origins: &[&'static str], fetched: &[&'static str]| {
            let bytes = |texts: &[&'static str]| texts.iter().map(|text| text.as_bytes()).collect::<Vec<_>>();
            fits(&site, &bytes(origins), &bytes(fetched))
        };
        for (origins, fetched, expected) in [
            (&[][..], &[][..], true),
            (&["https://id.example.com"], &[], true),
            (&["https://id.example.com"], &["same-origin"], true),
            (&["https://id.example.com:443"], &["none"], true),
            (&["https://ID.example.com."], &["same-origin"], true),
            (&["null"], &["same-origin"], true),
            (&["null"], &[], false),
            (&["null"], &["none"], false),
            (&["null"], &["same-site"], false),
            (&["null"], &["cross-site"], false),
            (&["null"], &["same-origin", "cross-site"], false),
            (&["NULL"], &["same-origin"], false),
            (&["https://evil.example"], &["same-origin"], false),
            (&["null", "https://evil.example"], &["same-origin"], false),
            (&["http://id.example.com"], &["same-origin"], false),
            (&["https://id.example.com:8443"], &[], false),
            (&["https://id.example.com/"], &[], false),
            (&[""], &["same-origin"], false),
            (&["https://id.example.com\u{e9}"], &[], false),
            (&[], &["same-origin\u{e9}"], false),
            (&["https://id.example.com"], &["same-site"], false),
            (&["https://id.example.com"], &["cross-site"], false),
            (&[], &["cross-site"], false),
            (&[], &["same-origin"], true),
        ] {
            assert_eq!(ours(origins, fetched), expected, "{origins:?} {fetched:?}");
        }
    }
}
