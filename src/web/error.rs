//! Errors become answers and log lines here and nowhere else. A page says what happened and carries a reference id; the log
//! has the reason under the same id. A JSON error has the form of RFC 6749 §5.2.

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, ResponseError};

use super::Surface;
use super::browser::Visit;
use super::page::{self, PageOptions};
use crate::domain::error_chain::chain;
use crate::flow::error::{Internal, OAuthError};
use crate::flow::userinfo::BearerError;
use crate::protocol::error::ErrorCode;
use crate::view::ViewError;
use crate::view::pages::{ErrorKind, ErrorPage, ReturnLink};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("{0:?}")]
    Page(DeferredError),
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

/// Who reads the answers of a path. A [`DeferredError`] becomes a page for browsers, and JSON (RFC 6749 §5.2) for API clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    Browser,
    Api,
}

/// An error that becomes an answer on the way out, where the audience and the language of the request are known.
#[derive(Clone, Debug)]
pub(crate) struct DeferredError {
    pub(crate) kind: ErrorKind,
    pub(crate) status: StatusCode,
    /// More, for whoever integrates the app: a text of ours.
    pub(crate) detail: Option<String>,
    pub(crate) return_to: Option<ReturnLink>,
}

impl DeferredError {
    const fn new(kind: ErrorKind, status: StatusCode) -> Self {
        Self { kind, status, detail: None, return_to: None }
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
        let ours = response.error().is_some_and(|error| error.as_error::<Failure>().is_some());
        deferred.or_else(|| (!ours && (status.is_client_error() || status.is_server_error())).then(|| Self::of_status(status)))
    }

    fn into_response(self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status).finish();
        response.extensions_mut().insert(self);
        response
    }
}

impl Failure {
    pub(crate) const fn page(kind: ErrorKind, status: StatusCode) -> Self {
        Self::Page(DeferredError::new(kind, status))
    }

    /// What a stranger sees who has everything but the cookie, and anybody who asks for what is not there.
    pub(crate) const fn not_found() -> Self {
        Self::page(ErrorKind::NotFound, StatusCode::NOT_FOUND)
    }

    pub(crate) fn of_framework(error: &actix_web::Error) -> Self {
        Self::Page(DeferredError::of_status(error.as_response_error().status_code()))
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        let error = DeferredError::new(ErrorKind::BadRequest, StatusCode::BAD_REQUEST);
        Self::Page(DeferredError { detail: Some(detail.into()), ..error })
    }

    /// A form that is not ours, or not of this browser.
    pub(crate) const fn forged() -> Self {
        Self::page(ErrorKind::Forged, StatusCode::FORBIDDEN)
    }
}

/// Whatever fails of ours: the database, random numbers, keys.
impl<E: Into<Internal>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Internal(error.into())
    }
}

/// What an error page says: whether the same request may succeed later.
const fn kind_of(internal: &Internal) -> ErrorKind {
    let passing = matches!(internal, Internal::Store(error) if error.is_unavailable());
    if passing { ErrorKind::Unavailable } else { ErrorKind::Internal }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Page(page) => page.status,
            Self::Unauthenticated { .. } => StatusCode::UNAUTHORIZED,
            Self::OAuth(OAuthError::Refused { .. }) => StatusCode::BAD_REQUEST,
            Self::OAuth(OAuthError::Limited { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal(internal)
            | Self::OAuth(OAuthError::Internal(internal))
            | Self::Bearer(BearerError::Internal(internal)) => match kind_of(internal) {
                ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                _for_good => StatusCode::INTERNAL_SERVER_ERROR,
            },
            Self::Bearer(refused) => {
                refused.status().and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::UNAUTHORIZED)
            }
            Self::View(_) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::SeeOther(_) => StatusCode::SEE_OTHER,
        }
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let status = self.status_code();
        match self {
            Self::OAuth(OAuthError::Refused { code, description, hint }) => {
                tracing::info!(error = %code, description, hint = hint.as_deref(), "refused");
                json(status, *code, description)
            }
            Self::OAuth(OAuthError::Limited { pause }) => {
                tracing::info!(error = "invalid_client", hint = "too many failed attempts", "refused");
                let mut response = json(status, ErrorCode::InvalidClient, "too many failed attempts");
                // Rounded up: nobody is told to come too early.
                response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(pause.as_secs() + 1));
                response
            }
            Self::Unauthenticated { basic, hint } => {
                tracing::info!(error = "invalid_client", hint, "refused");
                let mut response = json(status, ErrorCode::InvalidClient, "client authentication failed");
                if *basic {
                    let challenge = header::HeaderValue::from_static("Basic realm=\"token\", charset=\"UTF-8\"");
                    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                }
                response
            }
            Self::OAuth(OAuthError::Internal(internal)) | Self::Bearer(BearerError::Internal(internal)) => {
                tracing::error!(error = %chain(internal), "a request failed");
                later(json(status, ErrorCode::ServerError, "the request could not be completed"), status)
            }
            Self::Bearer(refused) => bearer(status, refused),
            Self::Page(error) => error.clone().into_response(),
            Self::Internal(internal) => {
                tracing::error!(error = %chain(internal), "a request failed");
                later(DeferredError::new(kind_of(internal), status).into_response(), status)
            }
            Self::View(error) => {
                tracing::error!(error = %chain(error), "a page could not be rendered");
                DeferredError::new(ErrorKind::Internal, status).into_response()
            }
            Self::SeeOther(location) => {
                HttpResponse::build(status).insert_header((header::LOCATION, location.as_str())).finish()
            }
        }
    }
}

fn json(status: StatusCode, code: ErrorCode, description: &str) -> HttpResponse {
    let body = serde_json::json!({ "error": code.as_str(), "error_description": description });
    let mut response = HttpResponse::build(status).insert_header((header::PRAGMA, "no-cache")).json(body);
    response.extensions_mut().insert(code);
    response
}

/// RFC 6750 §3: a challenge; without credentials it names no error.
fn bearer(status: StatusCode, refused: &BearerError) -> HttpResponse {
    tracing::info!(error = %refused, "refused");
    let mut response = match refused.code() {
        None => HttpResponse::build(status).finish(),
        Some(code) => json(status, code, "the access token does not open this"),
    };
    if let Ok(challenge) = header::HeaderValue::from_str(&refused.challenge()) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

fn later(mut response: HttpResponse, status: StatusCode) -> HttpResponse {
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("2"));
    }
    response
}

pub(super) fn render_deferred_error(
    surface: &Surface,
    request: &HttpRequest,
    error: &DeferredError,
) -> Result<HttpResponse, Failure> {
    match request.app_data::<Audience>() {
        Some(Audience::Api) => Ok(error_json(error)),
        // Without the database, which may be what failed; and without a cookie: this may be the answer to anything.
        Some(Audience::Browser) | None => error_page(surface, &Visit::anonymous(surface, request), error),
    }
}

fn error_json(error: &DeferredError) -> HttpResponse {
    let (code, description) = match error.kind {
        ErrorKind::MethodNotAllowed => (ErrorCode::InvalidRequest, "the method is not allowed here"),
        ErrorKind::TooLarge => (ErrorCode::InvalidRequest, "the request is too large"),
        ErrorKind::NotFound => (ErrorCode::InvalidRequest, "there is nothing here"),
        ErrorKind::Unavailable | ErrorKind::Internal => (ErrorCode::ServerError, "the request could not be completed"),
        _other => (ErrorCode::InvalidRequest, "the request is malformed"),
    };
    tracing::info!(error = %code, description, status = error.status.as_u16(), "refused");
    json(error.status, code, description)
}

/// Logged under the reference id that the page shows.
fn error_page(surface: &Surface, visit: &Visit, error: &DeferredError) -> Result<HttpResponse, Failure> {
    let reference_id = super::request::id(&surface.op.env)?;
    let DeferredError { kind, status, detail, return_to } = error.clone();
    tracing::info!(reference_id, status = status.as_u16(), kind = ?kind, detail = detail.as_deref(), "error page");
    let page = ErrorPage { kind, status: status.as_u16(), detail, reference_id, return_to };
    page::answer(surface, visit, &page, &PageOptions { status, ..PageOptions::default() })
}
