//! The client's address as far as trusted proxies vouch for it (`domain::address`), and what its browser calls itself.

use std::sync::atomic::{AtomicI64, Ordering};

use actix_web::{HttpMessage as _, HttpRequest};

use super::Surface;
use crate::domain::address::route;
use crate::domain::browser::RequestSource;
use crate::domain::clock::Timestamp;
use crate::metrics;

/// How often the log says that a proxy's addresses cannot be read, at most.
const SECONDS_BETWEEN: u64 = 3600;

/// The address and user agent of a request. Read once for each, so that each is counted once.
pub(crate) fn of(surface: &Surface, request: &HttpRequest) -> RequestSource {
    if let Some(known) = request.extensions().get::<RequestSource>() {
        return known.clone();
    }
    let found = read(surface, request);
    request.extensions_mut().insert(found.clone());
    found
}

fn read(surface: &Surface, request: &HttpRequest) -> RequestSource {
    let agent = request.headers().get("user-agent").map(|agent| String::from_utf8_lossy(agent.as_bytes())).unwrap_or_default();
    let user_agent = agent.chars().filter(|c| !c.is_control()).take(200).collect();
    let Some(peer) = request.peer_addr().map(|peer| peer.ip()) else {
        return RequestSource { address: String::new(), user_agent };
    };
    let route = route(peer, &forwarded(request), &surface.site.trusted_proxies);
    if route.unreadable {
        metrics::FORWARDED_UNREADABLE.add([]);
        if surface.site.unreadable.is_due(surface.op.env.now()) {
            let proxy = route.client;
            tracing::warn!(%proxy, "a trusted proxy's X-Forwarded-For cannot be read: visitors count as the proxy");
        }
    }
    RequestSource { address: route.client.to_string(), user_agent }
}

/// The values of `X-Forwarded-For` as they came: bytes, of which some may be a stranger's.
pub(super) fn forwarded(request: &HttpRequest) -> Vec<&[u8]> {
    request.headers().get_all("x-forwarded-for").map(|value| value.as_bytes()).collect()
}

/// What is said now and then, however often it happens.
pub(super) struct NowAndThen(AtomicI64);

impl NowAndThen {
    pub(super) const fn new() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }

    /// Whether it is time; true at most once in [`SECONDS_BETWEEN`], whoever asks.
    fn is_due(&self, now: Timestamp) -> bool {
        let (now, last) = (now.as_seconds(), self.0.load(Ordering::Relaxed));
        now.abs_diff(last) >= SECONDS_BETWEEN
            && self.0.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_once_an_hour_and_after_the_clock_was_set_back() {
        let said = NowAndThen::new();
        let at = |second| said.is_due(Timestamp::from_seconds(second));
        let start = 1_800_000_000;
        assert_eq!([start, start, start + 3599, start + 3600, start + 3601].map(at), [true, false, false, true, false]);
        assert_eq!([start - 1, start - 2].map(at), [true, false]);
    }
}
