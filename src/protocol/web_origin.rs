//! Origins of browser clients, as browsers write them in the `Origin` header (RFC 6454 §6.2, Fetch §3.1).

use serde::{Deserialize, Serialize};
use url::Url;

use super::named::from_text;
use super::uri::is_loopback;

/// An origin that may read answers of the token, userinfo and revocation endpoints.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct WebOrigin(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidWebOrigin {
    /// Browsers write lower case, no path, no standard port, no `*`, no `null`.
    #[error("an origin is written as browsers send it: https://app.example or https://app.example:8443, without a path")]
    NotAnOrigin,
    /// Whoever sits in between would speak for the app.
    #[error("plain http is allowed for loopback origins only")]
    PlainHttp,
}

impl WebOrigin {
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidWebOrigin> {
        let url = Url::parse(text).map_err(|_unparsable| InvalidWebOrigin::NotAnOrigin)?;
        let is_http = matches!(url.scheme(), "https" | "http");
        if !is_http || text.contains('*') || url.origin().ascii_serialization() != text {
            return Err(InvalidWebOrigin::NotAnOrigin);
        }
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err(InvalidWebOrigin::PlainHttp);
        }
        Ok(Self(text.to_owned()))
    }

    /// The origin of a page at `uri`; `None` where it has none of its own (a scheme of an app).
    pub(crate) fn of_uri(uri: &str) -> Option<Self> {
        let url = Url::parse(uri).ok()?;
        Self::parse(&url.origin().ascii_serialization()).ok()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

from_text!(WebOrigin, InvalidWebOrigin);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_origin_is_what_a_browser_would_send() {
        for good in ["https://app.example", "https://app.example:8443", "http://localhost:3000", "http://127.0.0.1:5173"] {
            assert_eq!(WebOrigin::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "https://app.example/",
            "https://APP.example",
            "https://app.example:443",
            "https://app.example/path",
            "https://u@app.example",
            "https://*.example",
            "app.example",
            "null",
            "*",
            "",
            "myapp://x",
            "file:///x",
        ] {
            assert_eq!(WebOrigin::parse(bad), Err(InvalidWebOrigin::NotAnOrigin), "{bad}");
        }
        assert_eq!(WebOrigin::parse("http://app.example"), Err(InvalidWebOrigin::PlainHttp));
    }

    #[test]
    fn a_redirect_uri_has_the_origin_of_its_page_or_none() {
        let of = |uri: &str| WebOrigin::of_uri(uri).map(|origin| origin.as_str().to_owned());
        assert_eq!(of("https://app.example:443/cb?x=1").as_deref(), Some("https://app.example"));
        assert_eq!(of("http://127.0.0.1:5173/cb").as_deref(), Some("http://127.0.0.1:5173"));
        assert_eq!(of("com.example.app:/cb"), None);
    }

    proptest! {
        #[test]
        fn the_origin_of_a_page_is_its_host_in_small_letters_and_its_port(host in "[A-Za-z]{1,8}(\\.[A-Za-z]{1,8}){0,2}", port: Option<u16>, path in "(/[a-z@]{0,8}(\\?[a-z]{0,4})?)?") {
            let written = |port: Option<u16>| port.map(|port| format!(":{port}")).unwrap_or_default();
            let uri = format!("HTTPS://{host}{}{path}", written(port));
            let expected = format!("https://{}{}", host.to_lowercase(), written(port.filter(|port| *port != 443)));
            let origin = WebOrigin::of_uri(&uri).unwrap();
            prop_assert_eq!(origin.as_str(), &expected);
            prop_assert_eq!(WebOrigin::parse(&uri), Err(InvalidWebOrigin::NotAnOrigin), "not as browsers write it");
            prop_assert_eq!(WebOrigin::of_uri(&uri.replacen("HTTPS", "http", 1)), None, "plain http");
        }
    }
}
