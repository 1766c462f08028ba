//! The authorization endpoint (RFC 6749 §3.1, OIDC Core §3.1.2): GET, and POST from another site.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::interaction;
use super::parameters::{for_person, of_query};
use crate::domain::secret::{Secret, SecretDigest};
use crate::flow::authorization::request::Refusal;
use crate::flow::authorization::{self};
use crate::protocol::parameters::Parameters;
use crate::store::posted;
use crate::view::pages::ErrorKind;
use crate::web::Surface;
use crate::web::browser::Visit;
use crate::web::error::Failure;

/// `GET /authorize`.
pub(super) async fn get(surface: web::Data<Surface>, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let parameters = of_query(&request).map_err(|invalid| Failure::bad_request(invalid.to_string()))?;
    begin(&surface, &request, &parameters).await
}

/// `POST /authorize` (OIDC Core §3.1.2.1). A cross-site POST carries no `SameSite=Lax` cookie, so it reads none: the
/// parameters are stored, and a GET of ours goes on with them (decision 2.2).
pub(super) async fn post(surface: web::Data<Surface>, request: HttpRequest, body: web::Bytes) -> Result<HttpResponse, Failure> {
    let parameters = for_person(&request, &body)?;
    let op = &surface.op;
    let handle = Secret::generate(&op.env)?;
    let expires_at = op.env.now().plus(op.settings.lifetimes.authorization);
    let input = (handle.digest(), parameters);
    op.store
        .write(input, move |tx, (digest, parameters)| {
            Box::pin(async move { posted::insert(tx, digest, parameters, expires_at).await })
        })
        .await?;
    let location = format!("/authorize/posted/{}", handle.expose());
    Ok(HttpResponse::SeeOther().insert_header(("Location", location)).finish())
}

/// `GET /authorize/posted/{handle}`: goes on with posted parameters.
pub(super) async fn get_posted(
    surface: web::Data<Surface>,
    request: HttpRequest,
    handle: web::Path<String>,
) -> Result<HttpResponse, Failure> {
    let op = &surface.op;
    let digest = SecretDigest::of(handle.as_bytes());
    let Some(parameters) = posted::find(op.store.read(), &digest, op.env.now()).await? else {
        return Err(Failure::page(ErrorKind::Expired, StatusCode::BAD_REQUEST));
    };
    begin(&surface, &request, &parameters).await
}

async fn begin(surface: &Surface, request: &HttpRequest, parameters: &Parameters) -> Result<HttpResponse, Failure> {
    let visit = Visit::of(surface, request).await?;
    match authorization::begin(&surface.op, parameters, &visit.browser).await {
        Ok(next) => interaction::show(surface, &visit, next).await,
        Err(Refusal::Page(refusal)) => Err(refusal.into()),
        Err(Refusal::Redirect(response)) => interaction::deliver(surface, &visit, &response),
        Err(Refusal::Internal(internal)) => Err(internal.into()),
    }
}
