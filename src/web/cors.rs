//! Cross-origin requests of browser clients (Fetch §3.2; security bar 17), never with credentials: what is everybody's
//! (discovery and the keys), and the endpoints that browser clients call, for the origins that clients registered.

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

use super::Surface;

/// Documents that scripts of any origin may read (relying parties 4.4, rule 13).
const PUBLIC: &[&str] = &["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks"];
/// The endpoints that browser clients call from their own origin (relying parties 4.4, rule 13).
const READABLE: &[&str] = &["/token", "/userinfo", "/revoke"];
/// Apps and their libraries add headers of their own (tracing, `x-requested-with`, `cache-control`): none of them means anything
/// here. The asterisk stands for all but `Authorization` (Fetch §4.8).
const ANY_HEADER: HeaderValue = HeaderValue::from_static("*, Authorization");

/// What a request's answer says to the browser about other origins.
#[derive(Debug)]
pub(super) enum Readers {
    /// An endpoint that no script of another origin reads.
    Nobody,
    /// A document for everybody.
    Everybody { is_preflight: bool },
    /// An endpoint for browser clients; the `Origin` where it is one of theirs, and whether it asks beforehand.
    Clients { origin: Option<HeaderValue>, is_preflight: bool },
}

/// Judges a request before it is served. Costs nothing where there is no `Origin`.
pub(super) async fn readers(surface: &Surface, request: &ServiceRequest) -> Readers {
    let is_preflight = request.method() == Method::OPTIONS;
    if PUBLIC.contains(&request.path()) {
        return Readers::Everybody { is_preflight };
    }
    if !READABLE.contains(&request.path()) {
        return Readers::Nobody;
    }
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Readers::Clients { origin: None, is_preflight } };
    let allowed = match std::str::from_utf8(origin.as_bytes()) {
        Ok(text) => surface.browser_origins.allow(&surface.op, text).await,
        Err(_not_text) => false,
    };
    Readers::Clients { origin: allowed.then(|| origin.clone()), is_preflight }
}

impl Readers {
    /// Completes the headers of the answer. Errors are readable as well (Fetch §3.2.5).
    pub(super) fn complete(self, headers: &mut HeaderMap) {
        let (origin, methods, is_preflight) = match self {
            Self::Nobody => return,
            Self::Everybody { is_preflight } => (HeaderValue::from_static("*"), "GET", is_preflight),
            Self::Clients { origin, is_preflight } => {
                headers.append(header::VARY, HeaderValue::from_static("Origin"));
                let Some(origin) = origin else { return };
                if !is_preflight {
                    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("WWW-Authenticate"));
                }
                (origin, "GET, POST", is_preflight)
            }
        };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if is_preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, ANY_HEADER);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(readers: Readers) -> Vec<String> {
        let mut headers = HeaderMap::new();
        readers.complete(&mut headers);
        let mut said: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        said.sort();
        said
    }

    #[test]
    fn a_preflight_is_told_methods_and_headers_and_nobody_is_told_of_credentials() {
        assert_eq!(said(Readers::Nobody), Vec::<String>::new());
        let everybody = [
            "access-control-allow-headers: *, Authorization",
            "access-control-allow-methods: GET",
            "access-control-allow-origin: *",
            "access-control-max-age: 600",
        ];
        assert_eq!(said(Readers::Everybody { is_preflight: true }), everybody);
        assert_eq!(said(Readers::Everybody { is_preflight: false }), ["access-control-allow-origin: *"]);
        for is_preflight in [true, false] {
            assert_eq!(said(Readers::Clients { origin: None, is_preflight }), ["vary: Origin"]);
            let origin = Some(HeaderValue::from_static("https://app.example"));
            let theirs = said(Readers::Clients { origin, is_preflight });
            assert!(theirs.contains(&"access-control-allow-origin: https://app.example".to_owned()), "{theirs:?}");
            assert!(!theirs.iter().any(|line| line.contains("credentials")), "{theirs:?}");
            assert_eq!(theirs.contains(&"access-control-allow-headers: *, Authorization".to_owned()), is_preflight);
        }
    }
}
