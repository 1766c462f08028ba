//! Errors become answers and log lines here and nowhere else. A page says what happened and carries a reference id; the log
//! has the reason under the same id. A JSON error has the form of RFC 6749 §5.2.

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, Resource, ResponseError, web};

use super::browser::Visit;
use super::page::{self, PageOptions};
use super::{HandlerResult, Surface};
use crate::domain::error_chain::chain;
use crate::flow::error::{Internal, OAuthError};
use crate::flow::userinfo::BearerError;
use crate::protocol::error::ErrorCode;
use crate::view::ViewError;
use crate::view::pages::{ErrorKind, ErrorPage};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0:?}")]
    Page(ErrorPage),
    #[error(transparent)]
    OAuth(#[from] OAuthError),
    /// The client did not prove who it is (RFC 6749 §5.2): 401, with a challenge where it tried HTTP Basic.
    #[error("invalid_client")]
    Unauthenticated { basic: bool, hint: String },
    /// The access token is missing, or not enough (RFC 6750 §3).
    #[error(transparent)]
    Bearer(BearerError),
    #[error(transparent)]
    Internal(Internal),
    #[error(transparent)]
    View(#[from] ViewError),
    /// A form of a step that is over: the browser goes to where its flow stands now.
    #[error("the step is over")]
    SeeOther(String),
}

/// Who reads the answers of a path. An [`ErrorPage`] becomes a page for browsers, and JSON (RFC 6749 §5.2) for API clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    Browser,
    Api,
}

impl Audience {
    pub(crate) fn resource(self, path: &str) -> Resource {
        web::resource(path).app_data(self)
    }
}

/// Marks an error whose handler wrote the body in the words of its own protocol.
pub(crate) struct OwnWords;

/// It becomes an answer on the way out, where the audience, the language and the id of the request are known.
impl ErrorPage {
    pub(crate) fn new(kind: ErrorKind, status: StatusCode) -> Self {
        Self { kind, status: status.as_u16(), detail: None, reference_id: String::new(), return_to: None }
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// For an answer that the framework made by itself: a method or a body that no handler got to see.
    fn of_status(status: StatusCode) -> Self {
        let kind = match status {
            StatusCode::NOT_FOUND => ErrorKind::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ErrorKind::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => ErrorKind::TooLarge,
            other if other.is_server_error() => ErrorKind::Internal,
            _other => ErrorKind::BadRequest,
        };
        Self::new(kind, status)
    }

    /// The error that an answer still has to tell: one that was deferred, or that of the framework.
    pub(super) fn of_answer(response: &HttpResponse) -> Option<Self> {
        let deferred = response.extensions().get::<Self>().cloned();
        let status = response.status();
        let ours = response.error().is_some_and(|error| error.as_error::<Failure>().is_some())
            || response.extensions().get::<OwnWords>().is_some();
        deferred.or_else(|| (!ours && (status.is_client_error() || status.is_server_error())).then(|| Self::of_status(status)))
    }

    fn into_response(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status()).finish();
        response.extensions_mut().insert(self);
        response
    }
}

impl Failure {
    pub(crate) fn page(kind: ErrorKind, status: StatusCode) -> Self {
        Self::Page(ErrorPage::new(kind, status))
    }

    /// What a stranger sees who has everything but the cookie, and anybody who asks for what is not there.
    pub(crate) fn not_found() -> Self {
        Self::page(ErrorKind::NotFound, StatusCode::NOT_FOUND)
    }

    pub(crate) fn of_framework(error: &actix_web::Error) -> Self {
        Self::Page(ErrorPage::of_status(error.as_response_error().status_code()))
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        let error = ErrorPage::new(ErrorKind::BadRequest, StatusCode::BAD_REQUEST);
        Self::Page(ErrorPage { detail: Some(detail.into()), ..error })
    }

    /// A form that is not ours, or not of this browser.
    pub(crate) fn forged() -> Self {
        Self::page(ErrorKind::Forged, StatusCode::FORBIDDEN)
    }
}

/// Whatever fails of ours: the database, random numbers, keys.
impl<E: Into<Internal>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Internal(error.into())
    }
}

/// Whether the same request may succeed later: what an error page says of it, and its status.
fn outlook(internal: &Internal) -> (ErrorKind, StatusCode) {
    let passing = matches!(internal, Internal::Store(error) if error.is_unavailable());
    let for_good = (ErrorKind::Internal, StatusCode::INTERNAL_SERVER_ERROR);
    if passing { (ErrorKind::Unavailable, StatusCode::SERVICE_UNAVAILABLE) } else { for_good }
}

impl ResponseError for Failure {
    fn error_response(&self) -> HttpResponse<BoxBody> {
        match self {
            Self::OAuth(OAuthError::Refused { code, description, hint }) => {
                tracing::info!(error = %code, description, hint = hint.as_deref(), "refused");
                json(StatusCode::BAD_REQUEST, *code, description)
            }
            Self::OAuth(OAuthError::Limited { pause }) => {
                tracing::info!(error = "invalid_client", hint = "too many failed attempts", "refused");
                let response = json(StatusCode::TOO_MANY_REQUESTS, ErrorCode::InvalidClient, "too many failed attempts");
                // Rounded up: nobody is told to come too early.
                with_header(response, header::RETRY_AFTER, header::HeaderValue::from(pause.as_secs() + 1))
            }
            Self::Unauthenticated { basic, hint } => {
                tracing::info!(error = "invalid_client", hint, "refused");
                let response = json(StatusCode::UNAUTHORIZED, ErrorCode::InvalidClient, "client authentication failed");
                let challenge = header::HeaderValue::from_static("Basic realm=\"token\", charset=\"UTF-8\"");
                if *basic { with_header(response, header::WWW_AUTHENTICATE, challenge) } else { response }
            }
            Self::OAuth(OAuthError::Internal(internal)) | Self::Bearer(BearerError::Internal(internal)) => {
                tracing::error!(error = %chain(internal), "a request failed");
                later(json(outlook(internal).1, ErrorCode::ServerError, "the request could not be completed"))
            }
            Self::Bearer(refused) => bearer(refused),
            Self::Page(error) => error.clone().into_response(),
            Self::Internal(internal) => {
                tracing::error!(error = %chain(internal), "a request failed");
                let (kind, status) = outlook(internal);
                later(ErrorPage::new(kind, status).into_response())
            }
            Self::View(error) => {
                tracing::error!(error = %chain(error), "a page could not be rendered");
                ErrorPage::new(ErrorKind::Internal, StatusCode::INTERNAL_SERVER_ERROR).into_response()
            }
            Self::SeeOther(location) => HttpResponse::SeeOther().insert_header((header::LOCATION, location.as_str())).finish(),
        }
    }
}

fn with_header(mut response: HttpResponse, name: header::HeaderName, value: header::HeaderValue) -> HttpResponse {
    response.headers_mut().insert(name, value);
    response
}

fn json(status: StatusCode, code: ErrorCode, description: &str) -> HttpResponse {
    let body = serde_json::json!({ "error": code.as_str(), "error_description": description });
    let mut response = HttpResponse::build(status).insert_header((header::PRAGMA, "no-cache")).json(body);
    response.extensions_mut().insert(code);
    response
}

/// RFC 6750 §3: a challenge; without credentials it names no error.
fn bearer(refused: &BearerError) -> HttpResponse {
    tracing::info!(error = %refused, "refused");
    let (status, code) = refused.status_and_code();
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::UNAUTHORIZED);
    let response = match code {
        None => HttpResponse::build(status).finish(),
        Some(code) => json(status, code, "the access token does not open this"),
    };
    match header::HeaderValue::from_str(&refused.challenge()) {
        Ok(challenge) => with_header(response, header::WWW_AUTHENTICATE, challenge),
        Err(_never_malformed) => response,
    }
}

fn later(response: HttpResponse) -> HttpResponse {
    if response.status() != StatusCode::SERVICE_UNAVAILABLE {
        return response;
    }
    with_header(response, header::RETRY_AFTER, header::HeaderValue::from_static("2"))
}

pub(super) fn render_error(surface: &web::Data<Surface>, request: &HttpRequest, error: &ErrorPage) -> HandlerResult {
    match request.app_data::<Audience>() {
        Some(Audience::Api) => Ok(error_json(error)),
        // Without the database, which may be what failed; and without a cookie: this may be the answer to anything.
        Some(Audience::Browser) | None => error_page(&Visit::anonymous(surface, request), error),
    }
}

fn error_json(error: &ErrorPage) -> HttpResponse {
    let (code, description) = match error.kind {
        ErrorKind::MethodNotAllowed => (ErrorCode::InvalidRequest, "the method is not allowed here"),
        ErrorKind::TooLarge => (ErrorCode::InvalidRequest, "the request is too large"),
        ErrorKind::NotFound => (ErrorCode::InvalidRequest, "there is nothing here"),
        ErrorKind::Unavailable | ErrorKind::Internal => (ErrorCode::ServerError, "the request could not be completed"),
        _other => (ErrorCode::InvalidRequest, "the request is malformed"),
    };
    tracing::info!(error = %code, description, status = error.status, "refused");
    json(error.status(), code, description)
}

/// Logged under the reference id that the page shows.
fn error_page(visit: &Visit, error: &ErrorPage) -> HandlerResult {
    let reference_id = super::request::id(&visit.surface.op.env)?;
    tracing::info!(reference_id, status = error.status, kind = ?error.kind, detail = error.detail.as_deref(), "error page");
    let page = ErrorPage { reference_id, ..error.clone() };
    let mut response = page::answer(visit, &page, &PageOptions::default())?;
    *response.status_mut() = page.status();
    Ok(response)
}
