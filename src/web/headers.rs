//! Headers of every answer: those of security (decision 2.15, checks 111–114), and what browsers are told about other origins;
//! and the refusal of foreign `Host` values.

use std::convert::Infallible;

use actix_web::body::{self, BodySize, BodyStream, BoxBody, MessageBody, SizedStream};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use futures_util::stream;

use super::error::render_error;
use super::{Surface, embedding};
use crate::protocol::endpoint::{CorsPolicy, Endpoint};
use crate::view::pages::ErrorPage;

/// Who may load an answer without reading it (Fetch §3.7).
pub(crate) const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Headers that every answer has unless its handler set them.
const ALWAYS: [(HeaderName, &str); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (RESOURCE_POLICY, "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
];

/// Apps and their libraries add headers of their own (tracing, `x-requested-with`, `cache-control`): none of them means anything
/// here. The asterisk stands for all but `Authorization` (Fetch §4.8).
const ANY_HEADER: HeaderValue = HeaderValue::from_static("*, Authorization");

/// Refuses a `Host` that is not ours, renders deferred errors, completes headers, empties answers to HEAD (RFC 9110 §9.3.2).
pub(crate) async fn guard(
    surface: web::Data<Surface>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let cors = Cors::of(&surface, &request).await;
    let readable = embedding::Readable::of(&surface, request.path(), request.headers());
    let is_own_host = !embedding::is_by_host_of_site(&surface, request.headers());
    let mut response = if is_for_us(&surface, &request) {
        let response = next.call(request).await?.map_into_boxed_body();
        match ErrorPage::of_answer(response.response()) {
            Some(error) => with_error(&surface, response, &error),
            None => response,
        }
    } else {
        let mut refusal = HttpResponse::MisdirectedRequest();
        // What follows was meant for somebody else as well.
        refusal.force_close().content_type("text/plain; charset=utf-8");
        request.into_response(refusal.body("This server does not answer for that host.\n"))
    };
    cors.complete(response.headers_mut());
    if let Some(readable) = readable {
        readable.complete(response.headers_mut());
    }
    complete(&surface, is_own_host, response.headers_mut());
    if response.request().method() == Method::HEAD {
        response = response.map_body(|_head, body| unsent(body.size()));
    }
    if surface.stop.is_cancelled() {
        // The next request of this client goes to another node, or finds nobody: not a connection that closes under it.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    }
    Ok(response)
}

/// Whether every name that the request gives this server is ours: that of its target, where it is absolute (RFC 9112 §3.2.2)
/// or HTTP/2's `:authority` (RFC 9113 §8.3.1), and that of `Host`.
fn is_for_us(surface: &Surface, request: &ServiceRequest) -> bool {
    let target = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let named = request.headers().get_all(header::HOST).map(|host| host.as_bytes());
    let mut names = target.into_iter().chain(named).peekable();
    names.peek().is_some()
        && names.all(|name| surface.site.is_host(name) || embedding::is_host_of_site(surface, request.path(), name))
}

/// The body of an answer to HEAD: as long as that of the answer to GET, and never sent. A stream would be waited for.
fn unsent(size: BodySize) -> BoxBody {
    let nothing = stream::empty::<Result<web::Bytes, Infallible>>();
    match size {
        BodySize::None => BoxBody::new(body::None::new()),
        BodySize::Sized(length) => BoxBody::new(SizedStream::new(length, nothing)),
        BodySize::Stream => BoxBody::new(BodyStream::new(nothing)),
    }
}

fn with_error(surface: &web::Data<Surface>, response: ServiceResponse, error: &ErrorPage) -> ServiceResponse {
    let (request, plain) = response.into_parts();
    match render_error(surface, &request, error) {
        Ok(mut rendered) => {
            for (name, value) in plain.headers() {
                if !rendered.headers().contains_key(name) {
                    rendered.headers_mut().insert(name.clone(), value.clone());
                }
            }
            ServiceResponse::new(request, rendered)
        }
        Err(error) => {
            tracing::error!(%error, "an error page could not be rendered");
            ServiceResponse::new(request, plain)
        }
    }
}

fn complete(surface: &Surface, is_own_host: bool, headers: &mut HeaderMap) {
    for (name, value) in ALWAYS {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    // It would bind the host of another site (RFC 6797 §8.1).
    if let Some(policy) = surface.site.hsts.as_ref().filter(|_| is_own_host) {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, policy.clone());
    }
}

/// Cross-origin requests of browser clients (Fetch §3.2; check 17), never with credentials: what is everybody's (discovery and the
/// keys), and the endpoints that browser clients call, for the origins that clients registered. What pages of sites ask for is
/// `embedding::Readable`.
struct Cors {
    policy: CorsPolicy,
    /// The `Origin` of the request, where it is one of a browser client that may read the answer.
    origin: Option<HeaderValue>,
    is_preflight: bool,
}

impl Cors {
    /// Judges a request before it is served. Costs nothing where there is no `Origin`.
    async fn of(surface: &Surface, request: &ServiceRequest) -> Self {
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
    fn complete(self, headers: &mut HeaderMap) {
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
