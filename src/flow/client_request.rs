//! What client authentication reads of a request, and what sender-constrained tokens are bound to (DPoP, RFC 9449 §4.3; mutual
//! TLS, RFC 8705 §3); clients as requests name them, and the URIs of their own that requests may ask for.

use super::prelude::*;
use crate::domain::id::ClientId;
use crate::protocol::client_metadata::ApplicationType;
use crate::protocol::redirect_uri::RedirectUri;
use crate::store::clients;

pub(crate) trait Headers: Sync {
    fn values(&self, name: &str) -> Vec<&[u8]>;
}

#[expect(dead_code, reason = "DPoP, client assertions and mutual TLS will read all of it")]
#[derive(Clone, Copy)]
pub(crate) struct ClientRequest<'a> {
    /// A DPoP proof names it (`htm`, RFC 9449 §4.2).
    pub method: &'a str,
    /// The endpoint's own URL, without a query: `htu` of a DPoP proof, `aud` of a client assertion (RFC 7523 §3).
    pub url: &'a str,
    pub headers: &'a dyn Headers,
    /// The client's certificate in DER, where the connection has one (RFC 8705 §2, §3).
    pub peer_certificate: Option<&'a [u8]>,
    pub parameters: &'a Parameters,
    pub origin: &'a RequestSource,
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

pub(super) const LONGEST_CLIENT_ID: usize = 255;

/// The client that a request names, switched off or not; none for a text that cannot be an identifier (RFC 6749 appendix A.1).
pub(super) async fn find_presented(op: &Op, client_id: &str) -> Result<Option<Client>, StoreError> {
    if client_id.len() > LONGEST_CLIENT_ID || !client_id.bytes().all(|byte| matches!(byte, 0x20..=0x7E)) {
        return Ok(None);
    }
    clients::find(op.store.read(), &ClientId::new(client_id)).await
}

/// The URI that a request may ask for: the same string as one of `registered` (RFC 9700 §2.1), but for the port of a native
/// client's loopback URI (RFC 8252 §7.3). A client that is public only may be a web page (decision 2.9).
pub(super) fn registered_uri(client: &Client, registered: &[RedirectUri], requested: &str) -> Option<RedirectUri> {
    let native = client.metadata.application_type == ApplicationType::Native;
    let allowed = registered.iter().any(|uri| uri.allows(requested, native));
    RedirectUri::parse(requested).ok().filter(|_uri| allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::token::tests::Bench;
    use crate::protocol::client_metadata::AuthMethod;

    #[tokio::test]
    async fn the_port_of_a_loopback_uri_may_vary_for_native_clients_only() {
        let bench = Bench::new().await;
        let mut client = bench.client("tool").await;
        let registered = [RedirectUri::parse("http://127.0.0.1/cb").unwrap()];
        for auth_method in [AuthMethod::None, AuthMethod::ClientSecretBasic] {
            for application_type in [ApplicationType::Native, ApplicationType::Web] {
                client.metadata.token_endpoint_auth_method = auth_method;
                client.metadata.application_type = application_type;
                let allowed = |uri: &str| registered_uri(&client, &registered, uri).is_some_and(|found| found.as_str() == uri);
                let native = application_type == ApplicationType::Native;
                assert!(allowed("http://127.0.0.1/cb"), "{auth_method:?} {application_type:?}");
                assert_eq!(allowed("http://127.0.0.1:5123/cb"), native, "{auth_method:?} {application_type:?}");
                assert!(!allowed("http://localhost:5123/cb") && !allowed("http://127.0.0.1:5123/other"));
            }
        }
    }

    #[tokio::test]
    async fn what_cannot_be_an_identifier_is_not_looked_up() {
        let bench = Bench::new().await;
        bench.client("web").await;
        assert!(find_presented(&bench.op, "web").await.unwrap().is_some());
        bench.op.store.close().await;
        for text in ["w\u{e9}b", "web\n", "\u{7f}", &"w".repeat(256)] {
            assert!(find_presented(&bench.op, text).await.unwrap().is_none(), "{text:?}");
        }
        assert!(find_presented(&bench.op, &"w".repeat(255)).await.is_err(), "the control");
    }
}
