//! Token introspection (RFC 7662 §2).

use actix_web::{HttpRequest, HttpResponse, web};

use super::program::Call;
use crate::flow::introspection;
use crate::web::Surface;
use crate::web::error::Failure;

/// `POST /introspect`.
pub(super) async fn post(surface: web::Data<Surface>, request: HttpRequest, body: web::Bytes) -> Result<HttpResponse, Failure> {
    let call = Call::read(&surface, &request, &body)?;
    let answer = introspection::answer(&surface.op, &call.client_request()).await;
    Ok(HttpResponse::Ok().json(answer.map_err(|error| call.failure(error))?))
}
