//! Parameters from a request: its query, or a form in its body, never a mixture (RFC 6749 §3.1, §3.2).

use actix_web::http::header;
use actix_web::{HttpRequest, web};

use super::error::Failure;
use crate::flow::error::OAuthError;
use crate::protocol::error::ErrorCode;
use crate::protocol::parameters::Parameters;

/// What must never stand in a URL, where logs and histories keep it (RFC 6749 §2.3.1).
const SECRET: &[&str] = &["client_secret", "code", "code_verifier", "refresh_token", "token"];

/// What the endpoints that clients call read. Others are ignored, whatever is wrong with them (RFC 6749 §3.2).
const READ: &[&str] = &[
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_verifier",
    "grant_type",
    "redirect_uri",
    "refresh_token",
    "scope",
    "token",
    "token_type_hint",
];

pub(crate) fn of_query(request: &HttpRequest) -> Parameters {
    Parameters::parse(request.query_string().as_bytes())
}

/// The parameters of a form (`application/x-www-form-urlencoded`, UTF-8), or what else the body is.
pub(crate) fn of_form(request: &HttpRequest, body: &web::Bytes) -> Result<Parameters, String> {
    let kind = request.headers().get(header::CONTENT_TYPE).map(|value| value.as_bytes()).unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    if !kind.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") {
        return Err("the body must be application/x-www-form-urlencoded".to_owned());
    }
    if std::str::from_utf8(body).is_err() {
        return Err("the body is not UTF-8".to_owned());
    }
    Ok(Parameters::parse(body))
}

/// The form of an endpoint that clients call (RFC 6749 §3.2). Client secrets in the query are refused (RFC 6749 §2.3.1).
pub(crate) fn of_client(request: &HttpRequest, body: &web::Bytes) -> Result<Parameters, Failure> {
    let refuse = |hint: String| {
        let refusal = OAuthError::new(ErrorCode::InvalidRequest, "the request is malformed");
        Failure::OAuth(refusal.hint(hint))
    };
    let query = of_query(request);
    if let Some(name) = SECRET.iter().find(|name| query.has(name)) {
        return Err(refuse(format!("{name} must be in the body, not in the query")));
    }
    let form = of_form(request, body).map_err(refuse)?;
    form.all_sound(READ).map_err(|invalid| refuse(invalid.to_string()))?;
    Ok(form)
}

/// A form that a browser sends on behalf of a relying party.
pub(crate) fn of_browser(request: &HttpRequest, body: &web::Bytes) -> Result<Parameters, Failure> {
    of_form(request, body).map_err(Failure::bad_request)
}

/// The form of one of our pages: it has every field once.
pub(crate) fn of_page(request: &HttpRequest, body: &web::Bytes) -> Result<Parameters, Failure> {
    of_browser(request, body)?.strict().map_err(|invalid| Failure::bad_request(invalid.to_string()))
}
