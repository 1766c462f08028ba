//! For every request: an id that stands in its log records and, as the reference id, on its error page; its figures; the client's
//! address as far as trusted proxies vouch for it (`domain::address`), and what its browser calls itself; and what of that is
//! told to `doctor`, which checks from outside what the proxies before this provider add.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, web};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::Surface;
use crate::domain::address::route;
use crate::domain::browser::RequestSource;
use crate::domain::clock::Timestamp;
use crate::domain::env::{Env, RandomError};
use crate::domain::hex::hex;
use crate::metrics;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::error::ErrorCode;

/// The label of a request for a path without a route: bounds the number of labels.
const NO_ROUTE: &str = "none";
/// How often the log says that a proxy's addresses cannot be read, at most.
const SECONDS_BETWEEN: u64 = 3600;
/// The header of a doctor's question and of the answer. Only who holds the master key is answered: it carries a time and a MAC
/// over it.
const DOCTOR: HeaderName = HeaderName::from_static("signbridge-doctor");
/// How far the question's moment may be from now.
const FRESH: Duration = Duration::from_secs(120);

tokio::task_local! {
    static REQUEST_ID: String;
}

/// The id of the request that is being answered; a new one outside of any.
pub(crate) fn id(env: &Env) -> Result<String, RandomError> {
    REQUEST_ID.try_with(String::clone).or_else(|_outside| new_id(env))
}

fn new_id(env: &Env) -> Result<String, RandomError> {
    Ok(hex(&env.random_bytes::<6>()?))
}

pub(crate) async fn observe(
    surface: web::Data<Surface>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let id = new_id(&surface.op.env).map_err(super::error::Failure::from)?;
    let started = Instant::now();
    let method = method_label(request.method());
    let span = tracing::error_span!("request", request_id = id.as_str());
    let mut answer = REQUEST_ID.scope(id, next.call(request)).instrument(span).await;
    if let Ok(response) = &mut answer {
        measure(method, response, started.elapsed().as_secs_f64());
        if let Some(seen) = seen(&surface, response.request()) {
            response.headers_mut().insert(DOCTOR, seen);
        }
    }
    answer
}

fn measure<B>(method: &'static str, response: &ServiceResponse<B>, seconds: f64) {
    let route = response.request().match_pattern();
    let status = response.status().as_u16().to_string();
    if let Some(code) = response.response().extensions().get::<ErrorCode>() {
        let endpoint = route.as_deref().and_then(Endpoint::parse).map_or(NO_ROUTE, Endpoint::as_str);
        metrics::OAUTH_ERRORS.add([endpoint, code.as_str()]);
    }
    let route = route.map_or(NO_ROUTE.into(), Into::into);
    metrics::HTTP_REQUEST_DURATION.observe([method.into(), route, status.into()], seconds);
}

/// A method that is none of these gets OpenTelemetry's word.
fn method_label(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"];
    KNOWN.into_iter().find(|known| method == known).unwrap_or("_OTHER")
}

/// The address and user agent of a request. Read once for each, so that each is counted once.
pub(crate) fn source(surface: &Surface, request: &HttpRequest) -> RequestSource {
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
fn forwarded(request: &HttpRequest) -> Vec<&[u8]> {
    request.headers().get_all("x-forwarded-for").map(|value| value.as_bytes()).collect()
}

/// What this provider saw of a request, where a doctor asked: `peer=…; client=…; forwarded=…`.
fn seen(surface: &Surface, request: &HttpRequest) -> Option<HeaderValue> {
    let (at, ticket) = request.headers().get(DOCTOR)?.to_str().ok()?.split_once('.')?;
    let at: i64 = at.parse().ok()?;
    let (now, asked) = (surface.op.env.now(), Timestamp::from_seconds(at));
    let fresh = now.since(asked).max(asked.since(now)) < FRESH;
    if !fresh || !surface.op.keys.purposes.doctor_ticket(at).matches(ticket) {
        return None;
    }
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical().to_string()).unwrap_or_default();
    let client = source(surface, request).address;
    let mut seen = format!("peer={peer}; client={client}; forwarded=").into_bytes();
    seen.extend(forwarded(request).join(&b','));
    HeaderValue::from_bytes(&seen).ok()
}

/// What is said now and then, however often it happens.
#[derive(Default)]
pub(super) struct NowAndThen(AtomicI64);

impl NowAndThen {
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
    fn a_stranger_cannot_make_labels() {
        assert_eq!(method_label(&Method::GET), "GET");
        let odd = Method::from_bytes(b"BREW").unwrap();
        assert_eq!(method_label(&odd), "_OTHER");
    }

    #[tokio::test]
    async fn a_request_keeps_its_id() {
        let env = Env::system();
        let (first, second) = REQUEST_ID.scope("abc".to_owned(), async { (id(&env).unwrap(), id(&env).unwrap()) }).await;
        assert_eq!((first.as_str(), second.as_str()), ("abc", "abc"));
        assert_ne!(id(&env).unwrap(), id(&env).unwrap());
    }

    #[test]
    fn it_is_said_once_an_hour_and_after_the_clock_was_set_back() {
        let said = NowAndThen::default();
        let at = |second| said.is_due(Timestamp::from_seconds(second));
        let start = 1_800_000_000;
        assert_eq!([start, start, start + 3599, start + 3600, start + 3601].map(at), [true, false, false, true, false]);
        assert_eq!([start - 1, start - 2].map(at), [true, false]);
    }
}
