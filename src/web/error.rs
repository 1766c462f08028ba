//! Errors become answers and log lines here and nowhere else. A page says what happened and carries a reference id; the log
//! has the reason under the same id. A JSON error has the form of RFC 6749 §5.2.

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};

use super::Surface;
use super::browser::Visit;
use super::page::{self, Frame};
use crate::domain::error_chain::chain;
use crate::domain::random::RandomError;
use crate::flow::authorization::request::PageRefusal;
use crate::flow::error::{Internal, OAuthError};
use crate::flow::userinfo::BearerError;
use crate::protocol::error::ErrorCode;
use crate::store::StoreError;
use crate::view::ViewError;
use crate::view::pages::{ErrorKind, ErrorPage, ReturnLink};

/// Why a handler has no better answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A page that a person reads.
    #[error("{0:?}")]
    Page(PageFailure),
    /// An error that a program reads.
    #[error(transparent)]
    OAuth(#[from] OAuthError),
    /// The client did not prove who it is (RFC 6749 §5.2): 401, with a challenge where it tried HTTP Basic.
    #[error("invalid_client")]
    Unauthenticated {
        /// Whether it tried HTTP Basic.
        basic: bool,
        /// For the log.
        hint: String,
    },
    /// The access token is missing, or not enough (RFC 6750 §3).
    #[error(transparent)]
    Bearer(BearerError),
    /// Something of ours failed.
    #[error(transparent)]
    Internal(#[from] Internal),
    /// A page could not be rendered.
    #[error(transparent)]
    View(#[from] ViewError),
    /// A form of a step that is over: the browser goes to where its flow stands now.
    #[error("the step is over")]
    SeeOther(String),
}

/// Who reads the answers of a path, errors among them: an error without a voice of its own becomes a page for people, and
/// JSON (RFC 6749 §5.2) for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// People, in a browser.
    Person,
    /// Programs.
    Program,
}

/// What an error page says.
#[derive(Clone, Debug)]
pub struct PageFailure {
    /// What happened.
    pub kind: ErrorKind,
    /// The status.
    pub status: StatusCode,
    /// More, for whoever integrates the app: a text of ours.
    pub detail: Option<String>,
    /// The way back to the app.
    pub return_to: Option<ReturnLink>,
}

impl PageFailure {
    /// What an answer says that the framework made by itself: a method or a body that no handler got to see.
    fn of_status(status: StatusCode) -> Self {
        let kind = match status {
            StatusCode::NOT_FOUND => ErrorKind::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => ErrorKind::MethodNotAllowed,
            StatusCode::PAYLOAD_TOO_LARGE => ErrorKind::TooLarge,
            other if other.is_server_error() => ErrorKind::Internal,
            _other => ErrorKind::BadRequest,
        };
        Self { kind, status, detail: None, return_to: None }
    }

    /// What an answer still has to say: it waits for its page, or the framework made it and said nothing of ours.
    pub fn pending(response: &HttpResponse) -> Option<Self> {
        let waiting = response.extensions().get::<Self>().cloned();
        let status = response.status();
        let ours = response.error().is_some_and(|error| error.as_error::<Failure>().is_some());
        waiting.or_else(|| (!ours && (status.is_client_error() || status.is_server_error())).then(|| Self::of_status(status)))
    }
}

impl Failure {
    /// An error page without more.
    pub const fn page(kind: ErrorKind, status: StatusCode) -> Self {
        Self::Page(PageFailure { kind, status, detail: None, return_to: None })
    }

    /// What a stranger sees who has everything but the cookie, and anybody who asks for what is not there.
    pub const fn not_found() -> Self {
        Self::page(ErrorKind::NotFound, StatusCode::NOT_FOUND)
    }

    /// What stopped a request before its handler.
    pub fn of_framework(error: &actix_web::Error) -> Self {
        Self::Page(PageFailure::of_status(error.as_response_error().status_code()))
    }

    /// An error page for a request that makes no sense; `detail` says why.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::Page(PageFailure {
            kind: ErrorKind::BadRequest,
            status: StatusCode::BAD_REQUEST,
            detail: Some(detail.into()),
            return_to: None,
        })
    }

    /// A form that is not ours, or not of this browser.
    pub const fn forged() -> Self {
        Self::page(ErrorKind::Forged, StatusCode::FORBIDDEN)
    }
}

impl From<PageRefusal> for Failure {
    fn from(refusal: PageRefusal) -> Self {
        Self::bad_request(refusal.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<RandomError> for Failure {
    fn from(error: RandomError) -> Self {
        Self::Internal(error.into())
    }
}

/// 503 where the same request may succeed later, else 500.
const fn status_of(internal: &Internal) -> StatusCode {
    if is_passing(internal) { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::INTERNAL_SERVER_ERROR }
}

/// Whether the same request may succeed later.
const fn is_passing(internal: &Internal) -> bool {
    matches!(internal, Internal::Store(error) if error.is_unavailable())
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
            | Self::Bearer(BearerError::Internal(internal)) => status_of(internal),
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
            Self::Page(page) => pending_page(page.clone()),
            Self::Internal(internal) => {
                tracing::error!(error = %chain(internal), "a request failed");
                let kind = if is_passing(internal) { ErrorKind::Unavailable } else { ErrorKind::Internal };
                later(pending_page(PageFailure { kind, status, detail: None, return_to: None }), status)
            }
            Self::View(error) => {
                tracing::error!(error = %chain(error), "a page could not be rendered");
                pending_page(PageFailure { kind: ErrorKind::Internal, status, detail: None, return_to: None })
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

/// An answer whose words are found on the way out, where the request's reader and language are known.
fn pending_page(page: PageFailure) -> HttpResponse {
    let mut response = HttpResponse::build(page.status).finish();
    response.extensions_mut().insert(page);
    response
}

/// The JSON of an answer that waits for it, for a program.
pub fn json_of(failure: &PageFailure) -> HttpResponse {
    let (code, description) = match failure.kind {
        ErrorKind::MethodNotAllowed => (ErrorCode::InvalidRequest, "the method is not allowed here"),
        ErrorKind::TooLarge => (ErrorCode::InvalidRequest, "the request is too large"),
        ErrorKind::NotFound => (ErrorCode::InvalidRequest, "there is nothing here"),
        ErrorKind::Unavailable | ErrorKind::Internal => (ErrorCode::ServerError, "the request could not be completed"),
        _other => (ErrorCode::InvalidRequest, "the request is malformed"),
    };
    tracing::info!(error = %code, description, status = failure.status.as_u16(), "refused");
    json(failure.status, code, description)
}

/// Renders the error page of an answer that waits for it, and logs it under its reference id.
pub fn render_pending(surface: &Surface, visit: &Visit, failure: &PageFailure) -> Result<HttpResponse, Failure> {
    let reference_id = super::request::id(&surface.op.env)?;
    let status = failure.status.as_u16();
    tracing::info!(reference_id, status, kind = ?failure.kind, detail = failure.detail.as_deref(), "error page");
    let page = ErrorPage {
        kind: failure.kind,
        status,
        detail: failure.detail.clone(),
        reference_id,
        return_to: failure.return_to.clone(),
    };
    page::answer(surface, visit, &page, &Frame { status: failure.status, ..Frame::default() })
}
