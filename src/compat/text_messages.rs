//! `POST /sendSMS`: the widget's module `sms` (ThumbSignIn notes §3.7).

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::Value;

use super::transactions::{answer, told};
use crate::flow::site::text_message::{TextError, send_link};
use crate::protocol::json::parse_object;
use crate::web::embedding::SiteVisit;
use crate::web::{HandlerResult, Surface};

pub(super) async fn send(surface: web::Data<Surface>, request: HttpRequest, body: web::Bytes) -> HandlerResult {
    let visit = SiteVisit::of(&surface, &request).await?;
    let sent = parse_object(&body).unwrap_or_default();
    let to = sent.get("to").and_then(Value::as_str).unwrap_or_default();
    let (status, members) = match send_link(&surface.op, &visit.visitor, to).await {
        Ok(()) => (StatusCode::OK, told("SENT", "")),
        Err(TextError::Internal(internal)) => return Err(internal.into()),
        Err(error) => (status_of(&error), told("NOT_SENT", &error.to_string())),
    };
    Ok(answer(status, members))
}

const fn status_of(error: &TextError) -> StatusCode {
    match error {
        TextError::NoService => StatusCode::NOT_FOUND,
        TextError::NoNumber => StatusCode::BAD_REQUEST,
        TextError::NoTransaction => StatusCode::CONFLICT,
        TextError::TooMany => StatusCode::TOO_MANY_REQUESTS,
        TextError::Failed => StatusCode::BAD_GATEWAY,
        TextError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What a browser asks before a page of a site may post JSON to our own host (Fetch §3.2.2).
pub(super) async fn preflight(surface: web::Data<Surface>, request: HttpRequest) -> HandlerResult {
    SiteVisit::of(&surface, &request).await?;
    let mut builder = HttpResponse::NoContent();
    builder.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "POST"));
    builder.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "content-type"));
    builder.insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"));
    Ok(builder.finish())
}
