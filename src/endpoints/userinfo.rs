//! UserInfo (OIDC Core §5.3): GET, and POST with the token in the header or the form. A token in the query opens nothing
//! (RFC 9700 §4.3.2).

use actix_web::{HttpRequest, HttpResponse, web};

use super::parameters::of_form;
use super::program::authorization;
use crate::flow::userinfo::{answer, presented_token};
use crate::protocol::parameters::Parameters;
use crate::web::Surface;
use crate::web::error::Failure;

/// `GET /userinfo`.
pub(super) async fn get(surface: web::Data<Surface>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    respond(&surface, &request, &Parameters::default()).await
}

/// `POST /userinfo`.
pub(super) async fn post(surface: web::Data<Surface>, request: HttpRequest, body: web::Bytes) -> Result<HttpResponse, Failure> {
    // A body that is no form holds no token (RFC 6750 §2.2); the header may.
    let form = of_form(&request, &body).unwrap_or_default();
    respond(&surface, &request, &form).await
}

async fn respond(surface: &Surface, request: &HttpRequest, form: &Parameters) -> Result<HttpResponse, Failure> {
    let header = authorization(request)?;
    let token = presented_token(header.as_deref(), form).map_err(Failure::Bearer)?;
    let claims = answer(&surface.op, token).await.map_err(Failure::Bearer)?;
    Ok(HttpResponse::Ok().json(claims))
}
