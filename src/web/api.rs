//! Requests to the endpoints that clients call, and the one answer to a client that did not prove who it is.

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use super::error::Failure;
use super::{Surface, parameters, request_source};
use crate::domain::browser::RequestSource;
use crate::flow::client_request::{ClientRequest, Headers};
use crate::flow::error::OAuthError;
use crate::protocol::error::ErrorCode;
use crate::protocol::parameters::Parameters;

/// `invalid_request` where the body is no form, or the query holds a secret (RFC 6749 §2.3.1).
pub(crate) struct ApiRequest {
    pub surface: web::Data<Surface>,
    http: HttpRequest,
    url: String,
    parameters: Parameters,
    origin: RequestSource,
}

impl ApiRequest {
    pub(crate) fn client_request(&self) -> ClientRequest<'_> {
        ClientRequest {
            method: self.http.method().as_str(),
            url: &self.url,
            headers: self.http.headers(),
            // No listener of ours asks clients for one.
            peer_certificate: None,
            parameters: &self.parameters,
            origin: &self.origin,
        }
    }

    /// An error of the flow: `invalid_client` becomes 401 (RFC 6749 §5.2).
    pub(crate) fn failure(&self, error: OAuthError) -> Failure {
        match error {
            OAuthError::Refused { code: ErrorCode::InvalidClient, hint, .. } => {
                Failure::Unauthenticated { basic: self.client_request().used_header(), hint: hint.unwrap_or_default() }
            }
            other => Failure::OAuth(other),
        }
    }
}

impl FromRequest for ApiRequest {
    type Error = Failure;
    type Future = LocalBoxFuture<'static, Result<Self, Failure>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (surface, body) = (Surface::of(request), web::Bytes::from_request(request, payload));
        let http = request.clone();
        Box::pin(async move {
            let (surface, body) = (surface?, body.await.map_err(|error| Failure::of_framework(&error))?);
            let url = format!("{}{}", surface.op.settings.issuer, http.match_pattern().unwrap_or_default());
            let parameters = parameters::of_client(&http, &body)?;
            let origin = request_source::of(&surface, &http);
            Ok(Self { surface, http, url, parameters, origin })
        })
    }
}

impl Headers for HeaderMap {
    fn values(&self, name: &str) -> Vec<&[u8]> {
        self.get_all(name).map(|value| value.as_bytes()).collect()
    }
}
