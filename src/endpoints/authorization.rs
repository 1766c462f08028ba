//! The authorization endpoint (RFC 6749 §3.1, OIDC Core §3.1.2): GET, and POST from another site.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};

use super::interaction;
use crate::domain::authorization::AuthorizationRequest;
use crate::flow::authorization;
use crate::flow::authorization::request::{RequestError, VerifiedRequest, admit, check};
use crate::flow::refusals;
use crate::view::pages::ErrorKind;
use crate::web::browser::Visit;
use crate::web::error::Failure;
use crate::web::form::{of_browser, of_query};
use crate::web::{HandlerResult, Surface};

/// What a sealed address holds.
const POSTED: &str = "authorize";

pub(super) async fn get(surface: web::Data<Surface>, request: HttpRequest) -> HandlerResult {
    go_on(&surface, &request, check(&surface.op, &of_query(&request)).await).await
}

/// `POST /authorize` (OIDC Core §3.1.2.1). A cross-site POST carries no `SameSite=Lax` cookie, so it reads none: a GET of ours
/// goes on (decision 2.2). Nothing is stored: what passed the checks goes along in the address, sealed.
pub(super) async fn post(surface: web::Data<Surface>, request: HttpRequest, body: web::Bytes) -> HandlerResult {
    let op = &surface.op;
    let checked = match check(op, &of_browser(&request, &body)?).await {
        Ok(VerifiedRequest { request, .. }) => request,
        Err(error) => return tell(&Visit::anonymous(&surface, &request), error),
    };
    let until = op.env.now().plus(op.settings.lifetimes.authorization);
    let sealed = op.keys.purposes.seal_address(&op.env, POSTED, &checked, until)?;
    Ok(HttpResponse::SeeOther().insert_header(("Location", format!("/authorize/posted/{sealed}"))).finish())
}

/// `GET /authorize/posted/{sealed}`: goes on with a posted request, also after a reload.
pub(super) async fn get_posted(surface: web::Data<Surface>, request: HttpRequest, sealed: web::Path<String>) -> HandlerResult {
    let op = &surface.op;
    let Some(posted) = op.keys.purposes.open_address::<AuthorizationRequest>(POSTED, &sealed, op.env.now()) else {
        return Err(Failure::page(ErrorKind::Expired, StatusCode::BAD_REQUEST));
    };
    go_on(&surface, &request, admit(op, posted).await).await
}

async fn go_on(
    surface: &web::Data<Surface>,
    request: &HttpRequest,
    checked: Result<VerifiedRequest, RequestError>,
) -> HandlerResult {
    if let Err(RequestError::Internal(internal)) = checked {
        // The database failed: asking it for the visit as well would only take longer.
        return Err(internal.into());
    }
    let visit = Visit::of(surface, request).await?;
    match checked {
        Ok(checked) => {
            let next = authorization::begin(&surface.op, checked, &visit.browser, &visit.origin).await?;
            interaction::show(&visit, next).await
        }
        Err(error) => tell(&visit, error),
    }
}

/// By a page until it is known where the browser may be sent, then by a response to the app (RFC 6749 §4.1.2.1).
fn tell(visit: &Visit, error: RequestError) -> HandlerResult {
    match error {
        RequestError::Unverified(refusal) => {
            refusals::log(&refusal);
            Err(Failure::bad_request(refusal.detail()))
        }
        RequestError::Refused(refusal) => interaction::deliver(visit, &refusal),
        RequestError::Internal(internal) => Err(internal.into()),
    }
}
