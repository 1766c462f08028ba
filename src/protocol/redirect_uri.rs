//! Redirect URIs: registered and compared as strings (RFC 9700 §2.1, §4.1.3), never as parsed URLs.

use serde::{Deserialize, Serialize};
use url::Url;

use super::named::from_text;
use super::uri::{BROWSER_SCHEMES, LOOPBACK_HOSTS, absolute, has_user_information, host_and_port, is_loopback};

/// A redirect URI as its client wrote it. The text is what counts: it is compared and answered byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct RedirectUri(String);

impl RedirectUri {
    /// The error is a sentence that says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let url = absolute(text).ok_or_else(|| unreadable(text))?;
        // RFC 6749 §3.1.2.
        if text.contains('#') {
            return Err("a redirect URI must not have a fragment");
        }
        if BROWSER_SCHEMES.contains(&url.scheme()) {
            return Err("this scheme cannot be redirected to");
        }
        if has_user_information(text, &url) {
            return Err("a redirect URI must not have user information");
        }
        // RFC 9700 §2.6.
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err("plain http is allowed for loopback addresses only");
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request may use `requested` where this URI is registered: the same string, or, for a native client's
    /// loopback URI, the same string but for the port (RFC 8252 §7.3). `127.0.0.1`, `[::1]` and `localhost` never stand
    /// for one another.
    pub(crate) fn allows(&self, requested: &str, native: bool) -> bool {
        let varies = split_port(&self.0).filter(|(host, _rest)| native && LOOPBACK_HOSTS.contains(host));
        self.0 == requested || varies.is_some() && varies == split_port(requested)
    }

    /// The origin of the URI, or its scheme (`myapp:`) where it has none (CSP 3 §2.3.1).
    pub(crate) fn csp_source(&self) -> String {
        match Url::parse(&self.0) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => url.origin().ascii_serialization(),
            Ok(url) => format!("{}:", url.scheme()),
            Err(_never) => String::new(),
        }
    }
}

/// What is wrong with a text that is no URI, or one that could be read in two ways.
fn unreadable(text: &str) -> &'static str {
    // RFC 9700 §4.1.3.
    if text.contains('*') {
        "wildcards are not allowed: write every redirect URI in full"
    } else if !text.contains(':') {
        "missing https:// at the beginning: write the whole URI"
    } else {
        "not a valid URI: write scheme, host and path in full, in ASCII, without spaces and backslashes"
    }
}

/// `http://HOST[:PORT]REST` as (HOST, REST), without parsing what is to be compared as text.
fn split_port(uri: &str) -> Option<(&str, &str)> {
    let after_scheme = uri.strip_prefix("http://")?;
    let (authority, rest) = after_scheme.split_at(after_scheme.find(['/', '?']).unwrap_or(after_scheme.len()));
    let (host, port) = host_and_port(authority);
    let fits = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    port.is_none_or(fits).then_some((host, rest))
}

from_text!(RedirectUri);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_string_is_allowed() {
        let uri = RedirectUri::parse("https://app.example/cb").unwrap();
        assert!(uri.allows("https://app.example/cb", true));
        for other in [
            "https://app.example/cb/",
            "https://APP.example/cb",
            "https://app.example/CB",
            "https://app.example/cb?x=1",
            "https://app.example:443/cb",
            "https://app.example/cb#f",
            "https://app.example/a/../cb",
            "https://app.example/%63b",
            "https://evil@app.example/cb",
            "https://app.example.evil/cb",
            "https://app.example/cb%00",
            "//app.example/cb",
            "https://app.example\\cb",
            "https://app.example/..;/cb",
            "",
        ] {
            assert!(!uri.allows(other, true), "{other}");
        }
    }

    #[test]
    fn a_native_client_may_vary_the_port_of_a_loopback_uri_and_nothing_else() {
        let uri = RedirectUri::parse("http://127.0.0.1/callback").unwrap();
        assert!(uri.allows("http://127.0.0.1:51234/callback", true));
        assert!(!uri.allows("http://127.0.0.1:51234/callback", false));
        for other in [
            "http://localhost:51234/callback",
            "http://127.0.0.1:51234/other",
            "http://127.0.0.1:99999/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:1@evil.example/callback",
            "http://127.0.0.2:5/callback",
            "https://127.0.0.1:51234/callback",
            "http://127.0.0.1:+80/callback",
        ] {
            assert!(!uri.allows(other, true), "{other}");
        }
        assert!(RedirectUri::parse("http://[::1]:80/cb").unwrap().allows("http://[::1]:7/cb", true));
    }

    #[test]
    fn dangerous_uris_cannot_be_registered() {
        const NOT_VALID: &str =
            "not a valid URI: write scheme, host and path in full, in ASCII, without spaces and backslashes";
        const NO_SCHEME: &str = "missing https:// at the beginning: write the whole URI";
        const WILDCARD: &str = "wildcards are not allowed: write every redirect URI in full";
        const FRAGMENT: &str = "a redirect URI must not have a fragment";
        const SCHEME: &str = "this scheme cannot be redirected to";
        const USER_INFORMATION: &str = "a redirect URI must not have user information";
        const PLAIN_HTTP: &str = "plain http is allowed for loopback addresses only";
        for (text, error) in [
            ("JavaScript:alert(1)", SCHEME),
            ("\tjavascript:alert(1)", NOT_VALID),
            ("data:text/html,x", SCHEME),
            ("http://app.example/cb", PLAIN_HTTP),
            ("https://app.example/cb#", FRAGMENT),
            ("", NO_SCHEME),
            ("/cb", NO_SCHEME),
            ("app.example.com/cb", NO_SCHEME),
            ("https://*.app.example/cb", WILDCARD),
            ("*", WILDCARD),
            ("https://u:p@app.example/cb", USER_INFORMATION),
            ("https://@app.example/cb", USER_INFORMATION),
            ("https://app.example\\@evil/cb", NOT_VALID),
            ("https:///cb\u{e9}", NOT_VALID),
        ] {
            assert_eq!(RedirectUri::parse(text), Err(error), "{text}");
        }
        assert!(RedirectUri::parse("SampleApp://callback").is_ok());
    }

    #[test]
    fn what_a_policy_names_is_the_origin_or_the_scheme() {
        for (uri, source) in [
            ("https://app.example/cb?x=1", "https://app.example"),
            ("https://app.example:443/cb", "https://app.example"),
            ("https://app.example:8443/cb", "https://app.example:8443"),
            ("http://[::1]:7/cb", "http://[::1]:7"),
            ("com.example.app:/cb", "com.example.app:"),
            ("SampleApp://callback", "sampleapp:"),
        ] {
            assert_eq!(RedirectUri::parse(uri).unwrap().csp_source(), source, "{uri}");
        }
    }

    #[test]
    fn every_port_of_a_native_client_is_allowed() {
        for host in ["127.0.0.1", "localhost", "[::1]"] {
            let registered = RedirectUri::parse(&format!("http://{host}:4711/cb?x=1")).unwrap();
            for port in ["", ":0", ":1", ":80", ":65535"] {
                let asked = format!("http://{host}{port}/cb?x=1");
                assert!(registered.allows(&asked, true) && !registered.allows(&asked, false), "{asked}");
            }
            for port in [":", ":65536", ":000080", ":8 0", ":-1", ":80:80"] {
                assert!(!registered.allows(&format!("http://{host}{port}/cb?x=1"), true), "{port}");
            }
        }
    }
}
