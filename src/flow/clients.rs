//! Clients as requests name them, and the URIs of their own that requests may ask for.

use super::Op;
use crate::domain::client::Client;
use crate::domain::id::ClientId;
use crate::protocol::client_metadata::ApplicationType;
use crate::protocol::redirect_uri::RedirectUri;
use crate::store::{StoreError, clients};

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
