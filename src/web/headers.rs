//! Security headers of every answer (decision 2.15, security bar 111–114), and the refusal of foreign `Host` values.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};

use super::Surface;
use super::browser::Visit;
use super::error::{PageFailure, render_pending};

/// Headers that every answer has unless its handler set them.
const ALWAYS: &[(HeaderName, &str)] = &[
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
];

/// The endpoints that browser clients call from their own origin (relying parties 4.4, rule 13).
const READABLE: &[&str] = &["/token", "/userinfo", "/revoke"];

/// Refuses a `Host` that is not ours, renders the error pages that wait for it, and completes the headers of every answer.
///
/// # Errors
/// Those of the service behind it.
pub async fn guard(
    surface: web::Data<Surface>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    let host = host.or_else(|| request.uri().host()).unwrap_or_default().to_ascii_lowercase();
    let mut response = if surface.site.hosts.contains(&host) {
        next.call(request).await?.map_into_boxed_body()
    } else {
        let mut refusal = HttpResponse::MisdirectedRequest();
        let refusal = refusal.content_type("text/plain; charset=utf-8").body("This server does not answer for that host.\n");
        request.into_response(refusal)
    };
    if READABLE.contains(&response.request().path()) {
        // Nothing here depends on a cookie; browser clients must see errors too (Fetch §3.2.5). Never with credentials.
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("WWW-Authenticate"));
    }
    let failure = response.response().extensions().get::<PageFailure>().cloned();
    if let Some(failure) = failure {
        response = with_page(&surface, response, &failure);
    }
    complete(&surface, response.headers_mut());
    Ok(response)
}

/// The answer with its error page, in the language of the request.
fn with_page(surface: &Surface, response: ServiceResponse, failure: &PageFailure) -> ServiceResponse {
    let (request, plain) = response.into_parts();
    // Without the database, which may be what failed; and without a cookie: this may be the answer to anything.
    match render_pending(surface, &Visit::anonymous(surface, &request), failure) {
        Ok(mut page) => {
            for (name, value) in plain.headers() {
                if !page.headers().contains_key(name) {
                    page.headers_mut().insert(name.clone(), value.clone());
                }
            }
            ServiceResponse::new(request, page)
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
    if surface.site.https {
        let year = HeaderValue::from_static("max-age=31536000; includeSubDomains");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
}

/// The Content Security Policy of a page: nothing but our own style, script, pictures and event stream; forms go to
/// ourselves and, by redirect, to `form_targets` (decision 2.15). `None`: the client forwards the browser to places that we
/// cannot know, and Chromium applies `form-action` to the whole chain of redirects.
pub fn page_policy(nonce: &str, form_targets: Option<&[String]>) -> String {
    let form_action = match form_targets {
        Some(targets) => format!("; form-action 'self' {}", targets.join(" ")),
        None => String::new(),
    };
    format!(
        "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; frame-ancestors 'none'{}",
        form_action.trim_end()
    )
}
