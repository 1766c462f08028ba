//! What the endpoints for programs share: their form, their `Authorization` header, and the one answer to a client that did
//! not prove who it is.

use actix_web::http::header;
use actix_web::{HttpRequest, web};

use super::parameters::for_program;
use crate::domain::browser::Origin;
use crate::flow::client_authentication::ClientRequest;
use crate::flow::error::OAuthError;
use crate::protocol::error::ErrorCode;
use crate::protocol::parameters::Parameters;
use crate::web::Surface;
use crate::web::error::Failure;
use crate::web::origin;

/// A request of a program, read.
pub(super) struct Call {
    authorization: Option<String>,
    /// Its form.
    pub(super) parameters: Parameters,
    origin: Origin,
}

impl Call {
    /// Reads a request.
    ///
    /// # Errors
    /// `invalid_request` when its body is not a form, or a secret stands in its query (RFC 6749 §2.3.1).
    pub(super) fn read(surface: &Surface, request: &HttpRequest, body: &web::Bytes) -> Result<Self, Failure> {
        Ok(Self {
            authorization: authorization(request)?,
            parameters: for_program(request, body)?,
            origin: origin::of(surface, request),
        })
    }

    /// The request as the flows take it.
    pub(super) fn client_request(&self) -> ClientRequest<'_> {
        ClientRequest { authorization: self.authorization.as_deref(), parameters: &self.parameters, origin: &self.origin }
    }

    /// An error of the flow: `invalid_client` becomes 401 (RFC 6749 §5.2).
    pub(super) fn failure(&self, error: OAuthError) -> Failure {
        match error {
            OAuthError::Refused { code: ErrorCode::InvalidClient, hint, .. } => {
                Failure::Unauthenticated { basic: self.client_request().used_header(), hint: hint.unwrap_or_default() }
            }
            other => Failure::OAuth(other),
        }
    }
}

/// The value of `Authorization`, if there is exactly one and it is text.
pub(super) fn authorization(request: &HttpRequest) -> Result<Option<String>, Failure> {
    let malformed = || Failure::OAuth(OAuthError::new(ErrorCode::InvalidRequest, "the Authorization header is malformed"));
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(malformed());
    }
    Ok(Some(value.to_str().map_err(|_not_text| malformed())?.to_owned()))
}
