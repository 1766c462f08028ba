//! The question that a browser asks before a browser client's request (Fetch §3.2.2). Who gets which answer is decided in
//! `web::cors`.

use actix_web::HttpResponse;

/// `OPTIONS` of what scripts of other origins may read.
pub(super) async fn preflight() -> HttpResponse {
    HttpResponse::NoContent().finish()
}
