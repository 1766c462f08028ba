//! Token revocation (RFC 7009 §2).

use actix_web::{HttpRequest, HttpResponse, web};

use super::program::Call;
use crate::flow::revocation;
use crate::web::Surface;
use crate::web::error::Failure;

/// `POST /revoke`: 200 once it is durable.
pub(super) async fn post(surface: web::Data<Surface>, request: HttpRequest, body: web::Bytes) -> Result<HttpResponse, Failure> {
    let call = Call::read(&surface, &request, &body)?;
    revocation::answer(&surface.op, &call.client_request()).await.map_err(|error| call.failure(error))?;
    Ok(HttpResponse::Ok().finish())
}
