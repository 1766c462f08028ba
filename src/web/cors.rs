//! Cross-origin requests of browser clients (Fetch §3.2; security bar 17): the endpoints that they call, for the origins that
//! clients registered, never with credentials. Discovery and the keys are everybody's (`endpoints::metadata`).

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

use super::Surface;

/// The endpoints that browser clients call from their own origin (relying parties 4.4, rule 13).
const READABLE: &[&str] = &["/token", "/userinfo", "/revoke"];

/// What a request's answer says to the browser about other origins.
#[derive(Debug)]
pub(super) enum Readers {
    /// An endpoint that no script of another origin reads.
    Nobody,
    /// An endpoint for browser clients; the `Origin` where it is one of theirs, and whether it asks beforehand.
    Clients { origin: Option<HeaderValue>, is_preflight: bool },
}

/// Judges a request before it is served. Costs nothing where there is no `Origin`.
pub(super) async fn readers(surface: &Surface, request: &ServiceRequest) -> Readers {
    if !READABLE.contains(&request.path()) {
        return Readers::Nobody;
    }
    let is_preflight = request.method() == Method::OPTIONS;
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Readers::Clients { origin: None, is_preflight } };
    let allowed = match origin.to_str() {
        Ok(text) => surface.browser_origins.allow(&surface.op, text).await,
        Err(_not_text) => false,
    };
    Readers::Clients { origin: allowed.then(|| origin.clone()), is_preflight }
}

impl Readers {
    /// Completes the headers of the answer. Errors are readable as well (Fetch §3.2.5).
    pub(super) fn complete(self, headers: &mut HeaderMap) {
        let Self::Clients { origin, is_preflight } = self else { return };
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if is_preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization, Content-Type"));
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        } else {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("WWW-Authenticate"));
        }
    }
}
