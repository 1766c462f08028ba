//! What this provider saw of a request, told to `doctor`, which checks from outside what the proxies before it add. Only who
//! holds the master key is answered: the header carries a time and a MAC over it.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, HeaderValue};

use super::{Surface, request_source};
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
    let client = request_source::of(surface, request).address;
    let mut seen = format!("peer={peer}; client={client}; forwarded=").into_bytes();
    seen.extend(request_source::forwarded(request).join(&b','));
    HeaderValue::from_bytes(&seen).ok()
}
