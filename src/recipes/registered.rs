//! The client as it was registered, in the words of the other side.

use crate::domain::client::Client;
use crate::domain::secret::Secret;
use crate::flow::discovery::{self, Discovery};
use crate::protocol::client_metadata::GrantType;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::scope;

/// What the other side must be told.
#[derive(Clone, Debug)]
pub struct Registered<'a> {
    /// The client as it was registered: what flags of the operator changed in the recipe shows on both sides.
    pub client: &'a Client,
    /// Its secret; a public client has none.
    pub secret: Option<&'a Secret>,
    /// A random value for a secret of the app's own.
    pub fresh: &'a Secret,
    /// The endpoints, as discovery names them.
    pub endpoints: Discovery,
}

impl<'a> Registered<'a> {
    /// A client of the provider whose issuer is `issuer`.
    pub fn new(issuer: &str, client: &'a Client, secret: Option<&'a Secret>, fresh: &'a Secret) -> Self {
        Self { client, secret, fresh, endpoints: discovery::document(issuer) }
    }

    pub(super) fn id(&self) -> &str {
        self.client.id.as_str()
    }

    /// The secret as a text, for the one place that it is meant for.
    pub(super) fn secret(&self) -> Option<&str> {
        self.secret.map(Secret::expose)
    }

    /// Where discovery is (OIDC Discovery §4).
    pub(super) fn discovery_url(&self) -> String {
        Endpoint::OpenIdConfiguration.url(&self.endpoints.issuer)
    }

    /// The scopes that the client may have, `openid` first.
    pub(super) fn scopes(&self) -> Vec<&str> {
        let others = self.client.metadata.scope.iter().filter(|token| *token != scope::OPENID);
        std::iter::once(scope::OPENID).chain(others).collect()
    }

    /// Whether it gets refresh tokens when it asks for all of its scopes.
    pub(super) fn refreshes(&self) -> bool {
        let metadata = &self.client.metadata;
        let may = metadata.grant_types.contains(&GrantType::RefreshToken);
        may && (metadata.always_refresh || metadata.scope.contains(scope::OFFLINE_ACCESS))
    }

    /// The first page after a logout.
    pub(super) fn after_logout(&self) -> Option<&str> {
        self.client.metadata.post_logout_redirect_uris.first().map(|uri| uri.as_str())
    }

    /// The end-session endpoint with `parameters` (OIDC RP-Initiated Logout §2).
    pub(super) fn end_session(&self, parameters: &[(&str, &str)]) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        format!("{}?{query}", self.endpoints.end_session_endpoint)
    }
}
