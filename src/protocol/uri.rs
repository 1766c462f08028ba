//! What the URIs have in common that clients register: how they may be written (RFC 3986), and what they never hold.

use std::net::IpAddr;

use url::{Host, Url};

const LONGEST: usize = 2048;

/// The URL that a text is; `None` where it is not an absolute one, is longer than 2048 bytes, or could be read in two ways:
/// with control characters, blanks, anything beyond ASCII, a backslash (which browsers read as a slash), or a web server's host
/// that browsers read otherwise than it is written.
pub(super) fn absolute(text: &str) -> Option<Url> {
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
    let written = match server.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _without_port => server,
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._[:]".contains(&byte);
    url.host_str().is_some_and(|host| host.eq_ignore_ascii_case(written) && host.bytes().all(plain))
}

/// Whether there is a user name or a password before the host, or only their `@` (RFC 3986 §3.2.1). `text` is what `url` was
/// read from, which drops an `@` alone.
pub(super) fn has_user_information(text: &str, url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some() || text.split(['/', '?']).nth(2).unwrap_or("").contains('@')
}

pub(crate) fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "https" | "http") && url.host().is_some()
}

/// The loopback hosts as native clients register them; none of them stands for another (RFC 8252 §7.3, §8.3).
pub(crate) const LOOPBACK_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Whether a URL surely stays on this machine: then it may be plain http.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Whether a URL may lead to this machine by its text: beyond [`is_loopback`], addresses and names that systems take for it.
/// Names that resolve to it are found when a connection is made.
pub(crate) fn may_be_loopback(url: &Url) -> bool {
    let is_this = |ip: IpAddr| ip.to_canonical().is_loopback() || ip.to_canonical().is_unspecified();
    match url.host() {
        Some(Host::Ipv4(ip)) => is_this(ip.into()),
        Some(Host::Ipv6(ip)) => is_this(ip.into()),
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
