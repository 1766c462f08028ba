//! The URIs that clients register beside their redirect URIs, and what all URIs that come from elsewhere have in common: how
//! they may be written (RFC 3986), and what they never hold.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use super::named::from_text;

const LONGEST: usize = 2048;

/// Schemes that a browser runs, opens locally or resolves by itself: no app's.
pub(crate) const BROWSER_SCHEMES: &[&str] =
    &["javascript", "data", "vbscript", "blob", "file", "filesystem", "about", "view-source", "ws", "wss"];

/// Whether an app's links can begin so: a scheme (RFC 3986 §3.1) in small letters, none of the web's or the browser's own.
pub(crate) fn is_app_scheme(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    let is_scheme = text.starts_with(|first: char| first.is_ascii_lowercase()) && text.bytes().all(fits);
    is_scheme && !matches!(text, "http" | "https") && !BROWSER_SCHEMES.contains(&text)
}

/// The URL that a text is; `None` where it is not an absolute one, is longer than 2048 bytes, or could be read in two ways:
/// with control characters, blanks, anything beyond ASCII, a backslash (which browsers read as a slash), or a web server's host
/// that browsers read otherwise than it is written.
pub(crate) fn absolute(text: &str) -> Option<Url> {
    if text.len() > LONGEST || text.bytes().any(|byte| byte <= b' ' || byte >= 0x7F || byte == b'\\') {
        return None;
    }
    let url = Url::parse(text).ok()?;
    (!matches!(url.scheme(), "https" | "http") || has_host_as_written(text, &url)).then_some(url)
}

/// Whether the host of a URL is the one that its text shows, and a name or an address: browsers find a host in `https:app/cb`
/// and `https:///app/cb`, an address in `0x7f.1` and a letter in `%61`; and a `;` would end what a Content Security Policy
/// says of it (WHATWG URL Standard §3.5 allows one).
fn has_host_as_written(text: &str, url: &Url) -> bool {
    let after_scheme = text.get(url.scheme().len()..).and_then(|rest| rest.strip_prefix("://"));
    let Some(authority) = after_scheme.and_then(|rest| rest.split(['/', '?', '#']).next()) else { return false };
    let server = authority.rsplit_once('@').map_or(authority, |(_user_information, server)| server);
    let (written, _port) = host_and_port(server);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[:]".contains(&byte);
    url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(written) && host.bytes().all(plain))
}

/// `HOST[:PORT]`, whose host may be an address in brackets.
pub(super) fn host_and_port(server: &str) -> (&str, Option<&str>) {
    match server.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _without_port => (server, None),
    }
}

/// Whether there is a user name or a password before the host, or only their `@` (RFC 3986 §3.2.1). `text` is what `url` was
/// read from, which drops an `@` alone.
pub(crate) fn has_user_information(text: &str, url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some() || text.split(['/', '?']).nth(2).unwrap_or("").contains('@')
}

pub(crate) fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "http") && url.host().is_some()
}

/// The loopback hosts as native clients register them; none of them stands for another (RFC 8252 §7.3, §8.3).
pub(crate) const LOOPBACK_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Whether a URL surely stays on this machine: then it may be plain http.
pub(crate) fn is_loopback(url: &Url) -> bool {
    url.domain() == Some("localhost") || address(url).is_some_and(|ip| ip.is_loopback())
}

/// Whether a URL may lead to this machine by its text: beyond [`is_loopback`], addresses and names that systems take for it.
/// Names that resolve to it are found when a connection is made.
pub(crate) fn may_be_loopback(url: &Url) -> bool {
    let name = url.domain().unwrap_or_default().trim_end_matches('.');
    let is_this = |ip: IpAddr| ip.to_canonical().is_loopback() || ip.to_canonical().is_unspecified();
    name == "localhost" || name.ends_with(".localhost") || address(url).is_some_and(is_this)
}

fn address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(ip) => Some(ip.into()),
        Host::Ipv6(ip) => Some(ip.into()),
        Host::Domain(_name) => None,
    }
}

/// Where logout tokens are posted (OIDC Back-Channel Logout §2.2). `outbound` decides whether the address may be called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct LogoutUri(String);

impl LogoutUri {
    /// The error is a sentence that says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let message = "a back-channel logout URI is an absolute https URL such as https://app.example/logout";
        let url = absolute(text).filter(is_web).ok_or(message)?;
        // OIDC Back-Channel Logout §2.2.
        if text.contains('#') {
            return Err("a back-channel logout URI must not have a fragment");
        }
        if has_user_information(text, &url) {
            return Err("a back-channel logout URI must not have user information");
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is plain http to another machine, by its text.
    pub(crate) fn is_plain_http(&self) -> bool {
        Url::parse(&self.0).is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url))
    }
}

from_text!(LogoutUri);

/// An origin that may read answers of the token, userinfo and revocation endpoints, as browsers write it in the `Origin` header
/// (RFC 6454 §6.2, Fetch §3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct WebOrigin(String);

impl WebOrigin {
    /// The error is a sentence that says what is wrong.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        // Browsers write lower case, no path, no standard port, no `*`, no `null`.
        let is_as_sent = |url: &Url| !text.contains('*') && url.origin().ascii_serialization() == text;
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http") && is_as_sent(url));
        let url = url.ok_or(
            "an origin is written as browsers send it: https://app.example or https://app.example:8443, without a path",
        )?;
        // Whoever sits in between would speak for the app.
        if url.scheme() == "http" && !is_loopback(&url) {
            return Err("plain http is allowed for loopback origins only");
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

    /// The scheme, and the host with its port where it is not the scheme's own.
    pub(crate) fn scheme_and_host(&self) -> (&str, &str) {
        self.0.split_once("://").unwrap_or_default()
    }
}

from_text!(WebOrigin);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOT_AN_ORIGIN: &str =
        "an origin is written as browsers send it: https://app.example or https://app.example:8443, without a path";

    #[test]
    fn what_could_be_read_in_two_ways_is_no_url() {
        assert_eq!(absolute("https://app.example/a?b=%20").unwrap().as_str(), "https://app.example/a?b=%20");
        assert_eq!(absolute("app.example:/cb").unwrap().scheme(), "app.example");
        for good in [
            "HTTPS://App.Example:8443?x",
            "http://[::1]:80/",
            "https://u:p@[::1]",
            "https://my_app.example./",
            "http://127.0.0.1",
        ] {
            assert!(absolute(good).is_some(), "{good}");
        }
        let at_most = format!("https://app.example/{}", "a".repeat(LONGEST - 20));
        assert_eq!(at_most.len(), LONGEST);
        assert!(absolute(&at_most).is_some());
        let longer = format!("{at_most}a");
        let bad = [
            "",
            "/cb",
            "//app.example/cb",
            "app.example",
            "https://",
            "https://app.example/a b",
            " https://app.example/",
            "https://app.example/\n",
            "java\tscript:alert(1)",
            "https://app.example\\cb",
            "https://app.example/\u{7f}",
            "https://\u{e4}pp.example/",
            "https://app.example:99999/",
            "https:app.example/cb",
            "https:/app.example/cb",
            "https:///app.example/cb",
            "https://%61pp.example/",
            "http://0x7f.1/",
            "http://2130706433/",
            "https://app.example;script-src/",
            "https://app.example,x/",
            "https://app'example/",
            &longer,
        ];
        for text in bad {
            assert_eq!(absolute(text), None, "{text:?}");
        }
    }

    #[test]
    fn an_app_has_a_scheme_of_its_own() {
        for good in ["com.secsign.secsignid", "acme-id", "a", "x1+y"] {
            assert!(is_app_scheme(good), "{good}");
        }
        for bad in ["", "http", "https", "javascript", "data", "wss", "1a", ".a", "a:", "a://b", "a b", "Acme", "a\n", "\u{e4}"]
        {
            assert!(!is_app_scheme(bad), "{bad:?}");
        }
    }

    #[test]
    fn user_information_is_seen_even_where_it_is_empty() {
        let has = |text: &str| has_user_information(text, &absolute(text).unwrap());
        for text in [
            "https://u@app.example/",
            "https://u:p@app.example/",
            "https://:p@app.example/",
            "https://@app.example/",
            "https://:@app.example",
            "myapp://u@host/cb",
        ] {
            assert!(has(text), "{text}");
        }
        for text in ["https://app.example/@u", "https://app.example?u=a@b", "https://app.example/a/b@c", "mailto:a@app.example"]
        {
            assert!(!has(text), "{text}");
        }
    }

    #[test]
    fn a_web_server_has_http_and_a_host() {
        let web = |text: &str| is_web(&Url::parse(text).unwrap());
        assert!(web("https://app.example/a") && web("http://[::1]:8080"));
        assert!(!web("ftp://app.example/") && !web("myapp://host/cb") && !web("javascript:1") && !web("mailto:a@b"));
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let loopback = |host: &str| is_loopback(&Url::parse(&format!("http://{host}/")).unwrap());
        for host in ["127.0.0.1", "127.9.9.9", "2130706433", "[::1]", "localhost", "LOCALHOST:80"] {
            assert!(loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "127.0.0.1.example", "localhost.example", "a.localhost", "0.0.0.0", "[::ffff:127.0.0.1]"] {
            assert!(!loopback(host), "{host}");
        }
        assert!(!is_loopback(&Url::parse("app.example:/cb").unwrap()));
    }

    #[test]
    fn it_is_a_url_with_a_host_and_without_fragment_or_user() {
        const NOT_HTTP: &str = "a back-channel logout URI is an absolute https URL such as https://app.example/logout";
        const FRAGMENT: &str = "a back-channel logout URI must not have a fragment";
        const USER_INFORMATION: &str = "a back-channel logout URI must not have user information";
        for (text, error) in [
            ("/logout", NOT_HTTP),
            ("app.example:/logout", NOT_HTTP),
            ("javascript:alert(1)", NOT_HTTP),
            ("https://app.example/lo gout", NOT_HTTP),
            ("https://app.example\\@evil.example/", NOT_HTTP),
            ("https://app.example/logout#", FRAGMENT),
            ("https://u:p@app.example/logout", USER_INFORMATION),
            ("https://@app.example/logout", USER_INFORMATION),
        ] {
            assert_eq!(LogoutUri::parse(text), Err(error), "{text}");
        }
        let good = LogoutUri::parse("https://app.example/logout?tenant=1").unwrap();
        assert_eq!(good.as_str(), "https://app.example/logout?tenant=1");
    }

    #[test]
    fn plain_http_is_told_from_https_and_loopback() {
        let plain = |text: &str| LogoutUri::parse(text).unwrap().is_plain_http();
        assert!(plain("http://app.example/logout") && plain("http://10.0.0.1/logout"));
        assert!(!plain("https://app.example/logout") && !plain("http://127.0.0.1:8080/logout"));
        assert!(!plain("http://localhost/logout") && !plain("http://[::1]/logout"));
    }

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
            assert_eq!(WebOrigin::parse(bad), Err(NOT_AN_ORIGIN), "{bad}");
        }
        assert_eq!(WebOrigin::parse("http://app.example"), Err("plain http is allowed for loopback origins only"));
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
            prop_assert_eq!(WebOrigin::parse(&uri), Err(NOT_AN_ORIGIN), "not as browsers write it");
            prop_assert_eq!(WebOrigin::of_uri(&uri.replacen("HTTPS", "http", 1)), None, "plain http");
        }
    }
}
