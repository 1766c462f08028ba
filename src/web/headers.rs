//! Security headers of every answer (decision 2.15, checks 111–114), and the refusal of foreign `Host` values.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use super::Surface;
use super::cors::Cors;
use super::error::{DeferredError, render_deferred_error};

/// Headers that every answer has unless its handler set them.
const ALWAYS: &[(HeaderName, &str)] = &[
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
];

/// Refuses a `Host` that is not ours, renders deferred errors, completes headers, empties answers to HEAD (RFC 9110 §9.3.2).
pub(crate) async fn guard(
    surface: web::Data<Surface>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let cors = Cors::of(&surface, &request).await;
    let mut response = if is_for_us(&surface, &request) {
        let response = next.call(request).await?.map_into_boxed_body();
        match DeferredError::of_answer(response.response()) {
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
    complete(&surface, response.headers_mut());
    if response.request().method() == Method::HEAD {
        response = response.map_body(|_head, body| BoxBody::new(Unsent(body.size())));
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
    names.peek().is_some() && names.all(|name| surface.site.is_host(name))
}

/// The body of an answer to HEAD: as long as that of the answer to GET, and never sent. A stream would be waited for.
struct Unsent(BodySize);

impl MessageBody for Unsent {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        self.0
    }

    fn poll_next(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Option<Result<web::Bytes, Infallible>>> {
        Poll::Ready(None)
    }
}

fn with_error(surface: &Surface, response: ServiceResponse, error: &DeferredError) -> ServiceResponse {
    let (request, plain) = response.into_parts();
    match render_deferred_error(surface, &request, error) {
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

fn complete(surface: &Surface, headers: &mut HeaderMap) {
    let own_origin = HeaderValue::from_static("same-origin");
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), own_origin);
    for (name, value) in ALWAYS {
        if !headers.contains_key(name) {
            headers.insert(name.clone(), HeaderValue::from_static(value));
        }
    }
    if let Some(policy) = &surface.site.hsts {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, policy.clone());
    }
}
