//! The client for URLs that *clients register*, and for the operator's webhook: it resolves names itself, refuses addresses that are
//! not on the public internet, and connects to the address that it checked (B28). The status is all that is read: no body, no
//! redirect.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use super::{OutboundError, builder, extra_authorities};

/// Why a call brought no status. The texts never hold the URL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    #[error("{0}")]
    Refused(&'static str),
    #[error("no answer")]
    Failed(#[source] reqwest::Error),
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
}

const PLAIN_HTTP: &str = "plain http needs `[outbound] allow_private`";
const NOT_PUBLIC: &str = "the address is not on the public internet; `[outbound] allow_private` would allow it";

#[derive(Clone, Debug)]
pub(crate) struct GuardedClient {
    client: reqwest::Client,
    allow_private: bool,
}

/// The client for registered URLs; `ca_file` as in [`phone_service`](super::phone_service).
pub(crate) fn guarded(ca_file: Option<&Path>, allow_private: bool) -> Result<GuardedClient, OutboundError> {
    let client = builder(extra_authorities(ca_file)?)
        // A kept connection would outlive the check of its address.
        .pool_max_idle_per_host(0)
        .dns_resolver(Arc::new(Guard { allow_private }))
        .build()?;
    Ok(GuardedClient { client, allow_private })
}

impl GuardedClient {
    pub(crate) async fn post_form(&self, url: &Url, field: (&str, &str), limit: Duration) -> Result<u16, CallError> {
        self.send(url, self.client.post(url.clone()).form(&[field]), limit).await
    }

    pub(crate) async fn post_json(&self, url: &Url, body: &serde_json::Value, limit: Duration) -> Result<u16, CallError> {
        self.send(url, self.client.post(url.clone()).json(body), limit).await
    }

    /// A JSON text as it is, with a header that signs it.
    pub(crate) async fn post_signed(
        &self,
        url: &Url,
        body: &str,
        (name, signature): (&'static str, &str),
        limit: Duration,
    ) -> Result<u16, CallError> {
        let request = self.client.post(url.clone()).header("content-type", "application/json").header(name, signature);
        self.send(url, request.body(body.to_owned()), limit).await
    }

    async fn send(&self, url: &Url, request: reqwest::RequestBuilder, limit: Duration) -> Result<u16, CallError> {
        self.check(url)?;
        let elapsed = |_elapsed| CallError::TimedOut(limit);
        let response = tokio::time::timeout(limit, request.send()).await.map_err(elapsed)?;
        // The body is dropped unread, and the connection with it.
        response.map(|response| response.status().as_u16()).map_err(from_send)
    }

    /// What can be told without a name server. Addresses are written in many ways; the URL parser knows them all.
    fn check(&self, url: &Url) -> Result<(), CallError> {
        if self.allow_private {
            return Ok(());
        }
        if url.scheme() != "https" {
            return Err(CallError::Refused(PLAIN_HTTP));
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        if is_public(address) { Ok(()) } else { Err(CallError::Refused(NOT_PUBLIC)) }
    }
}

fn from_send(error: reqwest::Error) -> CallError {
    let mut causes = std::iter::successors(std::error::Error::source(&error), |cause| cause.source());
    if causes.any(|cause| cause.is::<NotPublic>()) {
        return CallError::Refused(NOT_PUBLIC);
    }
    CallError::Failed(error.without_url())
}

#[derive(Debug, thiserror::Error)]
#[error("{NOT_PUBLIC}")]
struct NotPublic;

/// Resolves names to addresses that may be called; the connection goes to one of them and nowhere else.
struct Guard {
    allow_private: bool,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found.filter(|found| allow_private || is_public(found.ip())).collect();
            if allowed.is_empty() {
                return Err(NotPublic.into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address is on the public internet (IANA special-purpose address registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => match address.octets() {
            [0 | 10 | 127, ..] | [169, 254, ..] | [192, 168, ..] => false,
            // Shared address space, private use, benchmarking.
            [100, 64..=127, ..] | [172, 16..=31, ..] | [198, 18..=19, ..] => false,
            // Protocol assignments, documentation, 6to4 relays.
            [192, 0, 0 | 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [192, 88, 99, _] => false,
            // Multicast, reserved, broadcast.
            [224..=255, ..] => false,
            _public => true,
        },
        // Only global unicast (2000::/3), and of that nothing that stands for an IPv4 address or is set aside.
        IpAddr::V6(address) => match address.segments() {
            // Protocol assignments (Teredo among them), documentation, 6to4.
            [0x2001, 0..=0x01ff | 0x0db8, ..] | [0x2002, ..] | [0x3fff, 0..=0x0fff, ..] => false,
            [first, ..] => first & 0xe000 == 0x2000,
        },
    }
}

#[cfg(test)]
mod tests;
