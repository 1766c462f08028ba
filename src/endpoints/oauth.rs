//! The endpoints whose answers are JSON: token (RFC 6749 §3.2), introspection (RFC 7662 §2), revocation (RFC 7009 §2), UserInfo
//! (OIDC Core §5.3), discovery (OIDC Discovery §4, RFC 8414 §3) and the keys (RFC 7517 §5).

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::flow::client_request::authorization;
use crate::flow::userinfo::presented_token;
use crate::flow::{discovery, introspection, revocation, token, userinfo};
use crate::protocol::parameters::Parameters;
use crate::web::error::Failure;
use crate::web::form::{ApiRequest, of_form};
use crate::web::{HandlerResult, Surface};

/// Public, and worth a short cache: keys are announced an hour before they sign.
const CACHE: (header::HeaderName, &str) = (header::CACHE_CONTROL, "public, max-age=300");

/// The question that a browser asks before a browser client's request (Fetch §3.2.2); `web::headers` completes the answer.
pub(super) async fn preflight() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// `POST /token`. The answer must not be stored anywhere (RFC 6749 §5.1).
pub(super) async fn token(request: ApiRequest) -> HandlerResult {
    let response = token::answer(&request.surface.op, &request.client_request()).await;
    let response = response.map_err(|error| request.failure(error))?;
    Ok(HttpResponse::Ok().insert_header((header::PRAGMA, "no-cache")).json(response))
}

pub(super) async fn introspect(request: ApiRequest) -> HandlerResult {
    let response = introspection::answer(&request.surface.op, &request.client_request()).await;
    Ok(HttpResponse::Ok().json(response.map_err(|error| request.failure(error))?))
}

/// `POST /revoke`: 200 once it is durable.
pub(super) async fn revoke(request: ApiRequest) -> HandlerResult {
    let revoked = revocation::answer(&request.surface.op, &request.client_request()).await;
    revoked.map_err(|error| request.failure(error))?;
    Ok(HttpResponse::Ok().finish())
}

/// `GET /userinfo`. A token in the query opens nothing (RFC 9700 §4.3.2).
pub(super) async fn userinfo(surface: web::Data<Surface>, request: HttpRequest) -> HandlerResult {
    open_userinfo(&surface, &request, &Parameters::default()).await
}

/// `POST /userinfo`, with the token in the header or in the form.
pub(super) async fn post_userinfo(surface: web::Data<Surface>, request: HttpRequest, body: web::Bytes) -> HandlerResult {
    // A body that is no form holds no token (RFC 6750 §2.2); the header may.
    let form = of_form(&request, &body).unwrap_or_default();
    open_userinfo(&surface, &request, &form).await
}

async fn open_userinfo(surface: &Surface, request: &HttpRequest, form: &Parameters) -> HandlerResult {
    let token = presented_token(authorization(request.headers())?, form).map_err(Failure::Bearer)?;
    Ok(HttpResponse::Ok().json(userinfo::answer(&surface.op, token).await.map_err(Failure::Bearer)?))
}

/// `GET /.well-known/openid-configuration` and `GET /.well-known/oauth-authorization-server`.
pub(super) async fn discovery(surface: web::Data<Surface>) -> HttpResponse {
    HttpResponse::Ok().insert_header(CACHE).json(discovery::document(&surface.op.settings.issuer))
}

pub(super) async fn jwks(surface: web::Data<Surface>) -> HttpResponse {
    HttpResponse::Ok().insert_header(CACHE).content_type("application/json").body(surface.op.keys.jwks())
}
