//! How a request looked from in here, for `doctor`, which asks through the front door whether the proxies do their part. Only
//! whoever holds the master key can ask: the question carries a moment and a MAC over it.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, HeaderValue};

use super::{Surface, origin};
use crate::domain::clock::Timestamp;

/// The header of question and answer.
pub(super) const HEADER: HeaderName = HeaderName::from_static("signbridge-doctor");
/// How far the question's moment may be from now.
const FRESH: Duration = Duration::from_secs(120);

/// The answer, where a doctor asked: `peer=…; client=…; forwarded=…`.
pub(super) fn seen(surface: &Surface, request: &HttpRequest) -> Option<HeaderValue> {
    let (at, ticket) = request.headers().get(HEADER)?.to_str().ok()?.split_once('.')?;
    let at: i64 = at.parse().ok()?;
    let (now, asked) = (surface.op.env.now(), Timestamp::from_seconds(at));
    let fresh = now.since(asked).max(asked.since(now)) < FRESH;
    if !fresh || !surface.op.keys.purposes.doctor_ticket(at).matches(ticket) {
        return None;
    }
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical().to_string()).unwrap_or_default();
    let client = origin::of(surface, request).address;
    let mut seen = format!("peer={peer}; client={client}; forwarded=").into_bytes();
    seen.extend(origin::forwarded(request).join(&b','));
    HeaderValue::from_bytes(&seen).ok()
}
