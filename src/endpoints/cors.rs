//! The question that a browser asks before a browser client's request (Fetch §3.2.2). Who gets which answer is decided in
//! `web::cors`.

use actix_web::HttpResponse;

/// `OPTIONS` of the endpoints that browser clients call with headers of their own.
pub(super) async fn preflight() -> HttpResponse {
    HttpResponse::NoContent().finish()
}
