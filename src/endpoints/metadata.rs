//! Discovery (OIDC Discovery §4, RFC 8414 §3) and the keys (RFC 7517 §5).

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use crate::web::Surface;
use crate::web::error::Failure;

/// Public, and worth a short cache: keys are announced an hour before they sign.
const CACHE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");

/// `GET /.well-known/openid-configuration` and `GET /.well-known/oauth-authorization-server`.
pub(super) async fn discovery(surface: web::Data<Surface>) -> Result<HttpResponse, Failure> {
    let document = crate::flow::discovery::document(&surface.op.settings.issuer);
    Ok(HttpResponse::Ok().insert_header(CACHE).json(document))
}

/// `GET /jwks`.
pub(super) async fn jwks(surface: web::Data<Surface>) -> Result<HttpResponse, Failure> {
    let body = surface.op.keys.ring.jwks();
    Ok(HttpResponse::Ok().insert_header(CACHE).content_type("application/json").body(body))
}
