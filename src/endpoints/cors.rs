//! The question that a browser asks before a browser client's request (Fetch §3.2.2); the answers themselves are made readable
//! in `web::headers`.

use actix_web::HttpResponse;
use actix_web::http::header;

/// `OPTIONS` of the endpoints that browser clients call with headers of their own.
pub(super) async fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"))
        .finish()
}
