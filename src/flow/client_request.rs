//! What client authentication reads of a request, and what sender-constrained tokens are bound to (DPoP, RFC 9449 §4.3; mutual
//! TLS, RFC 8705 §3).

use super::error::OAuthError;
use crate::domain::browser::RequestSource;
use crate::protocol::error::ErrorCode;
use crate::protocol::parameters::Parameters;

pub(crate) trait Headers: Sync {
    fn values(&self, name: &str) -> Vec<&[u8]>;
}

#[derive(Clone, Copy)]
pub(crate) struct ClientRequest<'a> {
    #[expect(dead_code, reason = "a DPoP proof names it (htm, RFC 9449 §4.2)")]
    pub method: &'a str,
    /// The endpoint's own URL, without a query.
    #[expect(
        dead_code,
        reason = "a DPoP proof names it (htu, RFC 9449 §4.2), and so does a client assertion (aud, RFC 7523 §3)"
    )]
    pub url: &'a str,
    pub headers: &'a dyn Headers,
    /// The client's certificate in DER, where the connection has one.
    #[expect(dead_code, reason = "mutual TLS authenticates clients and binds tokens by it (RFC 8705 §2, §3)")]
    pub peer_certificate: Option<&'a [u8]>,
    pub parameters: &'a Parameters,
    pub origin: &'a RequestSource,
}

impl ClientRequest<'_> {
    /// `invalid_client` must then come with a `WWW-Authenticate: Basic` challenge (RFC 6749 §5.2).
    pub(crate) fn used_header(&self) -> bool {
        !self.headers.values("authorization").is_empty()
    }
}

/// The value of `Authorization`; `invalid_request` where there are two, or it is no text.
pub(crate) fn authorization(headers: &dyn Headers) -> Result<Option<&str>, OAuthError> {
    let malformed = || OAuthError::new(ErrorCode::InvalidRequest, "the Authorization header is malformed");
    match headers.values("authorization").as_slice() {
        [] => Ok(None),
        [only] if only.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) => {
            std::str::from_utf8(only).map(Some).map_err(|_never_ascii| malformed())
        }
        _several_or_no_text => Err(malformed()),
    }
}
