//! What the surfaces share, and the one place where errors become answers and log lines.

pub(crate) mod branding;
pub(crate) mod browser;
pub(crate) mod cookies;
pub(crate) mod embedding;
pub(crate) mod error;
pub(crate) mod form;
pub(crate) mod headers;
pub(crate) mod page;
pub(crate) mod request;

use std::net::Ipv6Addr;
use std::sync::Arc;

use actix_web::http::header::HeaderValue;
use actix_web::{HttpRequest, HttpResponse, web};
use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

use crate::flow::Op;
use crate::flow::browser_origins::BrowserOrigins;
use crate::flow::error::Internal;
use crate::protocol::uri::LOOPBACK_HOSTS;

pub(crate) type HandlerResult = Result<HttpResponse, error::Failure>;

#[derive(Clone)]
pub(crate) struct Surface {
    pub op: Op,
    pub site: Arc<Site>,
    pub branding: Arc<branding::Branding>,
    pub browser_origins: BrowserOrigins,
    /// Cancelled when the node shuts down: event streams end at once.
    pub stop: CancellationToken,
}

impl Surface {
    pub(crate) fn of(request: &HttpRequest) -> Result<web::Data<Self>, Internal> {
        request.app_data::<web::Data<Self>>().cloned().ok_or(Internal::Stopped)
    }
}

pub(crate) struct Site {
    /// Whether the issuer is https: cookies are `Secure` and `__Host-` then (decision 2.2).
    pub https: bool,
    /// The hosts that are ours, canonical; any other is refused (check 118).
    hosts: Vec<String>,
    /// Whose `X-Forwarded-For` is believed.
    trusted_proxies: Vec<IpNet>,
    /// When it was last said that it cannot be read.
    unreadable: request::NowAndThen,
    /// The value of `Strict-Transport-Security`, where there is one: https only (RFC 6797 §7.2).
    pub hsts: Option<HeaderValue>,
}

impl Site {
    /// A loopback issuer answers to each of the loopback names on its port.
    pub(crate) fn new(issuer: &str, trusted_proxies: Vec<IpNet>, hsts: Option<&str>) -> Self {
        let url = url::Url::parse(issuer).ok();
        let https = issuer.starts_with("https://");
        let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
        let port = url.as_ref().and_then(url::Url::port).map(|port| format!(":{port}")).unwrap_or_default();
        let names = if LOOPBACK_HOSTS.contains(&host) { LOOPBACK_HOSTS.to_vec() } else { vec![host] };
        let hosts = names.iter().map(|name| canonical(&format!("{name}{port}"), https)).collect();
        let hsts = hsts.filter(|_policy| https).and_then(|policy| HeaderValue::from_str(policy).ok());
        Self { https, hosts, trusted_proxies, hsts, unreadable: request::NowAndThen::default() }
    }

    pub(crate) fn is_host(&self, written: &[u8]) -> bool {
        std::str::from_utf8(written).is_ok_and(|text| self.hosts.contains(&canonical(text, self.https)))
    }

    pub(crate) fn is_origin(&self, written: &[u8]) -> bool {
        let scheme: &[u8] = if self.https { b"https://" } else { b"http://" };
        written.strip_prefix(scheme).is_some_and(|host| self.is_host(host))
    }
}

/// The one spelling of `HOST[:PORT]`, by which hosts are compared: small letters, without a final dot (RFC 3986 §3.2.2), without
/// the port that is the scheme's own (§6.2.3, RFC 9110 §4.2.3). Whatever is written otherwise than an authority stays something
/// that is none of ours.
fn canonical(written: &str, https: bool) -> String {
    let lower = written.to_ascii_lowercase();
    let (host, port) = match lower.rfind(':').filter(|colon| lower.rfind(']').is_none_or(|bracket| bracket < *colon)) {
        Some(colon) => lower.split_at(colon),
        None => (lower.as_str(), ""),
    };
    let host = match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).map(str::parse::<Ipv6Addr>) {
        Some(Ok(address)) => format!("[{address}]"),
        _name => host.strip_suffix('.').unwrap_or(host).to_owned(),
    };
    let own = if https { ":443" } else { ":80" };
    // RFC 3986 §3.2.3: a colon without digits says nothing.
    if port == own || port == ":" { host } else { host + port }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_authorities_have_one_spelling() {
        for written in [
            "id.example.com",
            "ID.Example.COM",
            "id.example.com.",
            "id.example.com:443",
            "id.example.com.:443",
            "id.example.com:",
        ] {
            assert_eq!(canonical(written, true), "id.example.com", "{written}");
        }
        assert_eq!(canonical("LOCALHOST:8080", false), "localhost:8080");
        assert_eq!(canonical("localhost.:80", false), "localhost");
        assert_eq!(canonical("[0:0::1]:80", false), "[::1]");
        assert_eq!(canonical("[::1]:8080", false), "[::1]:8080");
    }

    #[test]
    fn different_ones_stay_different() {
        for other in [
            "",
            ":443",
            ".",
            "id.example.com:80",
            "id.example.com:8443",
            "id.example.com:0443",
            "id.example.com:443:443",
            "id.example.com..",
            "id.example.com:443.",
            " id.example.com",
            "u@id.example.com",
            "id.example.com/",
            "id.example.com,id.example.com",
            "[id.example.com]",
            "id\u{2024}example.com",
            "xid.example.com",
            "example.com",
        ] {
            assert_ne!(canonical(other, true), "id.example.com", "{other:?}");
        }
        assert_ne!(canonical("id.example.com:443", false), "id.example.com", "the port of another scheme");
    }

    proptest! {
        /// As the URL standard reads them, where it takes them at all.
        #[test]
        fn two_are_equal_where_browsers_take_them_for_the_same(
            host in "[a-zA-Z][a-zA-Z-]{0,8}(\\.[a-zA-Z][a-z0-9]{0,8}){0,2}|\\[(::|[0-9A-Fa-f]{1,4}:)::?[0-9A-Fa-f]{1,4}\\]", port in "|:|:80|:443|:[1-9][0-9]{0,3}", https: bool,
        ) {
            let scheme = if https { "https" } else { "http" };
            let written = format!("{host}{port}");
            if let Ok(url) = url::Url::parse(&format!("{scheme}://{written}/")) {
                prop_assert_eq!(canonical(&written, https), url.authority());
            }
        }

        #[test]
        fn a_canonical_one_stays_as_it_is(host in "[\\PC&&[^:\\[.]]{1,20}", end in "\\.?(:[0-9]{0,5})?", https: bool) {
            let once = canonical(&format!("{host}{end}"), https);
            prop_assert_eq!(canonical(&once, https), once);
        }
    }
}
