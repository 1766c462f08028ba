//! What the widget asks for: a QR code, how far the phone is, and where to go then (ThumbSignIn notes §3.2). These are GETs that
//! change something, by the vendor's protocol: the cookie decides, and what the browser says of where they come from.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};

use crate::domain::login::{Challenge, End, Login, LoginStage, Reason};
use crate::flow::authorization::response::Delivery;
use crate::flow::error::Internal;
use crate::flow::site::{self, Handle, SiteError};
use crate::web::embedding::SiteVisit;
use crate::web::error::{Failure, OwnWords};
use crate::web::form::of_query;
use crate::web::{HandlerResult, Surface};

pub(super) async fn authenticate(surface: web::Data<Surface>, request: HttpRequest) -> HandlerResult {
    let visit = SiteVisit::of(&surface, &request).await?;
    let begun = site::authenticate(&surface.op, &visit.visitor, &of_query(&request)).await;
    begun_or_refused(&visit, begun)
}

pub(super) async fn register(surface: web::Data<Surface>, request: HttpRequest) -> HandlerResult {
    let visit = SiteVisit::of(&surface, &request).await?;
    let begun = site::register(&surface.op, &visit.visitor, &of_query(&request)).await;
    begun_or_refused(&visit, begun)
}

fn begun_or_refused(visit: &SiteVisit, begun: Result<(Handle, Login), SiteError>) -> HandlerResult {
    let (handle, login) = match begun {
        Ok(begun) => begun,
        Err(error) => return refused(visit, error),
    };
    // The widget has words for what the service says of somebody, and none for a transaction that did not begin.
    let about_somebody = [Reason::NotRegistered, Reason::AlreadyRegistered, Reason::NoSuitableAuthenticator];
    if let LoginStage::Ended(End::Failed(reason)) = login.stage
        && !about_somebody.contains(&reason)
    {
        let (status, message) = match reason {
            Reason::RateLimited | Reason::Busy => (StatusCode::TOO_MANY_REQUESTS, "too many requests: wait a little"),
            _service => (StatusCode::BAD_GATEWAY, "the phone service cannot be asked at present"),
        };
        return Ok(answer(status, told("SERVER_ERROR", message)));
    }
    let mut members = standing(visit, &handle, &login);
    if let Some(Challenge::QrCode { image, deep_link }) = login.challenge {
        members.insert("qrImage".to_owned(), image.into());
        members.insert("deepLinkUrl".to_owned(), deep_link.into());
    }
    let mut builder = HttpResponse::Ok();
    visit.remember(&mut builder, None);
    Ok(builder.json(Value::Object(members)))
}

pub(super) async fn status(surface: web::Data<Surface>, request: HttpRequest, id: web::Path<String>) -> HandlerResult {
    let visit = SiteVisit::of(&surface, &request).await?;
    let Some(handle) = Handle::parse(&id) else { return refused(&visit, SiteError::Unknown) };
    // A site takes any value for a yes (ThumbSignIn notes §3.1).
    let cancel = of_query(&request).has("cancelled");
    match site::state(&surface.op, &visit.visitor, &handle, cancel).await {
        Ok(login) => Ok(answer(StatusCode::OK, standing(&visit, &handle, &login))),
        Err(error) => refused(&visit, error),
    }
}

/// `GET /tsAuth/return/{id}`: to the site's redirect URI.
pub(super) async fn go_on(surface: web::Data<Surface>, request: HttpRequest, id: web::Path<String>) -> HandlerResult {
    let visits = SiteVisit::of_each(&surface, &request).await?;
    let handle = Handle::parse(&id).ok_or_else(Failure::not_found)?;
    for visit in visits {
        let (response, session) = match site::go_on(&surface.op, &visit.visitor, &handle).await {
            Ok(answered) => answered,
            Err(SiteError::Internal(internal)) => return Err(internal.into()),
            Err(_unknown) => continue,
        };
        // A site's request names no other response mode.
        let Delivery::Redirect(location) = response.delivery() else { return Err(Internal::Stopped.into()) };
        let mut builder = HttpResponse::SeeOther();
        builder.insert_header((header::LOCATION, location));
        visit.remember(&mut builder, session.as_ref());
        return Ok(builder.finish());
    }
    Err(Failure::not_found())
}

fn refused(visit: &SiteVisit, error: SiteError) -> HandlerResult {
    let (status, members) = match error {
        SiteError::Unauthorized => (StatusCode::UNAUTHORIZED, told("401", "Unauthorized")),
        SiteError::Misconfigured(why) => {
            tracing::info!(site = visit.visitor.site.origin.as_str(), hint = %why, "refused");
            (StatusCode::BAD_REQUEST, told("INVALID_REQUEST", &why))
        }
        SiteError::Unknown => (StatusCode::NOT_FOUND, told("NOT_FOUND", "there is no such transaction")),
        SiteError::Internal(internal) => return Err(internal.into()),
    };
    Ok(answer(status, members))
}

pub(super) fn told(status: &str, message: &str) -> Map<String, Value> {
    Map::from_iter([("status".to_owned(), status.into()), ("message".to_owned(), message.into())])
}

/// How a transaction stands, in the words of the service (ThumbSignIn notes §2.3).
fn standing(visit: &SiteVisit, handle: &Handle, login: &Login) -> Map<String, Value> {
    let now = visit.surface.op.env.now();
    let (status, reason) = words(&login.stage_at(now));
    let mut members = Map::from_iter([
        ("transactionId".to_owned(), handle.to_string().into()),
        ("status".to_owned(), status.into()),
        ("failureReason".to_owned(), reason.into()),
        ("expireInSeconds".to_owned(), login.deadline.since(now).as_secs().into()),
    ]);
    if status == "COMPLETED_SUCCESSFUL" {
        members.insert("redirectUrl".to_owned(), visit.location(&format!("/tsAuth/return/{handle}")).into());
    }
    members
}

/// Status and reason of its failure.
const fn words(stage: &LoginStage) -> (&'static str, &'static str) {
    let reason = match stage {
        LoginStage::Creating | LoginStage::Pending(_) => return ("PENDING", ""),
        LoginStage::Fetched(_) => return ("INITIATED", ""),
        LoginStage::Approved { .. } => return ("COMPLETED_SUCCESSFUL", ""),
        LoginStage::Ended(End::Denied) => "DECLINED",
        LoginStage::Ended(End::Expired) => "TIMEOUT",
        LoginStage::Ended(End::Cancelled(_)) => "CANCELLED",
        LoginStage::Ended(End::Failed(Reason::NotRegistered)) => "NOT_REGISTERED",
        LoginStage::Ended(End::Failed(Reason::AlreadyRegistered)) => "ALREADY_REGISTERED",
        LoginStage::Ended(End::Failed(Reason::NoSuitableAuthenticator)) => "NO_SUITABLE_AUTHENTICATOR",
        LoginStage::Ended(End::Failed(_)) => "TECHNICAL_REASON",
    };
    ("COMPLETED_FAILURE", reason)
}

pub(super) fn answer(status: StatusCode, members: Map<String, Value>) -> HttpResponse {
    let mut response = HttpResponse::build(status).json(Value::Object(members));
    response.extensions_mut().insert(OwnWords);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::login::UpstreamHandle;
    use crate::domain::secret::Secret;

    #[test]
    fn every_stage_has_a_word_of_the_service() {
        let handle = || UpstreamHandle(Secret::new(""));
        assert_eq!(words(&LoginStage::Creating), ("PENDING", ""));
        assert_eq!(words(&LoginStage::Pending(handle())), ("PENDING", ""));
        assert_eq!(words(&LoginStage::Fetched(handle())), ("INITIATED", ""));
        for (end, reason) in [
            (End::Denied, "DECLINED"),
            (End::Expired, "TIMEOUT"),
            (End::Cancelled(Some(Reason::Replaced)), "CANCELLED"),
            (End::Failed(Reason::NotRegistered), "NOT_REGISTERED"),
            (End::Failed(Reason::AlreadyRegistered), "ALREADY_REGISTERED"),
            (End::Failed(Reason::NoSuitableAuthenticator), "NO_SUITABLE_AUTHENTICATOR"),
            (End::Failed(Reason::UpstreamDown), "TECHNICAL_REASON"),
        ] {
            assert_eq!(words(&LoginStage::Ended(end)), ("COMPLETED_FAILURE", reason));
        }
    }
}
