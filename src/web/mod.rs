//! What the surfaces share, and the one place where errors become answers and log lines.

pub(crate) mod api;
mod authority;
pub(crate) mod browser;
pub(crate) mod cookies;
mod cors;
pub(crate) mod csrf;
pub(crate) mod error;
pub(crate) mod form;
pub(crate) mod headers;
pub(crate) mod page;
pub(crate) mod parameters;
mod proxy_probe;
pub(crate) mod rejected_identifier;
pub(crate) mod request;
pub(crate) mod request_source;

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
    unreadable: request_source::NowAndThen,
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
        let hosts = names.iter().map(|name| authority::canonical(&format!("{name}{port}"), https)).collect();
        let hsts = hsts.filter(|_policy| https).and_then(|policy| HeaderValue::from_str(policy).ok());
        Self { https, hosts, trusted_proxies, hsts, unreadable: request_source::NowAndThen::new() }
    }

    pub(crate) fn is_host(&self, written: &[u8]) -> bool {
        std::str::from_utf8(written).is_ok_and(|text| self.hosts.contains(&authority::canonical(text, self.https)))
    }

    pub(crate) fn is_origin(&self, written: &[u8]) -> bool {
        let scheme: &[u8] = if self.https { b"https://" } else { b"http://" };
        written.strip_prefix(scheme).is_some_and(|host| self.is_host(host))
    }
}
