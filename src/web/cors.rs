//! Cross-origin requests of browser clients (Fetch §3.2; check 17), never with credentials: what is everybody's
//! (discovery and the keys), and the endpoints that browser clients call, for the origins that clients registered.

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

use super::Surface;
use crate::protocol::endpoint::{CorsPolicy, Endpoint};

/// Apps and their libraries add headers of their own (tracing, `x-requested-with`, `cache-control`): none of them means anything
/// here. The asterisk stands for all but `Authorization` (Fetch §4.8).
const ANY_HEADER: HeaderValue = HeaderValue::from_static("*, Authorization");

pub(super) struct Cors {
    policy: CorsPolicy,
    /// The `Origin` of the request, where it is one of a browser client that may read the answer.
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl Cors {
    /// Judges a request before it is served. Costs nothing where there is no `Origin`.
    pub(super) async fn of(surface: &Surface, request: &ServiceRequest) -> Self {
        let policy = Endpoint::parse(request.path()).map_or(CorsPolicy::None, Endpoint::cors);
        let origin = request.headers().get(header::ORIGIN).filter(|_| policy == CorsPolicy::Clients);
        let allowed = match origin.map(|origin| std::str::from_utf8(origin.as_bytes())) {
            Some(Ok(text)) => surface.browser_origins.allow(&surface.op, text).await,
            Some(Err(_)) | None => false,
        };
        let is_preflight = request.method() == Method::OPTIONS;
        Self { policy, origin: origin.filter(|_| allowed).cloned(), is_preflight }
    }

    /// Completes the headers of the answer. Errors are readable as well (Fetch §3.2.5).
    pub(super) fn complete(self, headers: &mut HeaderMap) {
        let (origin, methods) = match self.policy {
            CorsPolicy::None => return,
            CorsPolicy::Public => (HeaderValue::from_static("*"), "GET"),
            CorsPolicy::Clients => {
                headers.append(header::VARY, HeaderValue::from_static("Origin"));
                let Some(origin) = self.origin else { return };
                if !self.is_preflight {
                    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("WWW-Authenticate"));
                }
                (origin, "GET, POST")
            }
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.is_preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ANY_HEADER);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(policy: CorsPolicy, origin: Option<HeaderValue>, is_preflight: bool) -> Vec<String> {
        let mut headers = HeaderMap::new();
        Cors { policy, origin, is_preflight }.complete(&mut headers);
        let mut said: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        said.sort();
        said
    }

    #[test]
    fn a_preflight_is_told_methods_and_headers_and_nobody_is_told_of_credentials() {
        assert_eq!(said(CorsPolicy::None, None, true), Vec::<String>::new());
        let everybody = [
            "access-control-allow-headers: *, Authorization",
            "access-control-allow-methods: GET",
            "access-control-allow-origin: *",
            "access-control-max-age: 600",
        ];
        assert_eq!(said(CorsPolicy::Public, None, true), everybody);
        assert_eq!(said(CorsPolicy::Public, None, false), ["access-control-allow-origin: *"]);
        for is_preflight in [true, false] {
            assert_eq!(said(CorsPolicy::Clients, None, is_preflight), ["vary: Origin"]);
            let origin = Some(HeaderValue::from_static("https://app.example"));
            let theirs = said(CorsPolicy::Clients, origin, is_preflight);
            assert!(theirs.contains(&"access-control-allow-origin: https://app.example".to_owned()), "{theirs:?}");
            assert!(!theirs.iter().any(|line| line.contains("credentials")), "{theirs:?}");
            assert_eq!(theirs.contains(&"access-control-allow-headers: *, Authorization".to_owned()), is_preflight);
        }
    }
}
