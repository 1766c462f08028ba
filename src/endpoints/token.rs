//! The token endpoint (RFC 6749 §3.2).

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use super::program::Call;
use crate::flow::token;
use crate::web::Surface;
use crate::web::error::Failure;

/// `POST /token`. The answer must not be stored anywhere (RFC 6749 §5.1).
pub(super) async fn post(surface: web::Data<Surface>, request: HttpRequest, body: web::Bytes) -> Result<HttpResponse, Failure> {
    let call = Call::read(&surface, &request, &body)?;
    let response = token::answer(&surface.op, &call.client_request()).await.map_err(|error| call.failure(error))?;
    Ok(HttpResponse::Ok().insert_header((header::PRAGMA, "no-cache")).json(response))
}
