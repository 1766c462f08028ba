//! The provider as the example app knows it: its metadata and keys (OIDC Discovery §4), fetched at the first request that
//! needs them and kept for a while.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use openidconnect::core::{
    CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClient, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
    CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
    CoreSubjectIdentifierType,
};
use openidconnect::{
    AdditionalProviderMetadata, ClientId, ClientSecret, EndSessionUrl, EndpointMaybeSet, EndpointNotSet, EndpointSet,
    IssuerUrl, ProviderMetadata, RedirectUrl,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{Settings, SignInError};
use crate::demo::http::HttpClient;
use crate::domain::clock::Timestamp;
use crate::domain::env::Env;
use crate::domain::error_chain::chain;

/// How long metadata and keys are used before they are fetched again. An ID token under an unknown key fetches them at once.
const KEPT: Duration = Duration::from_secs(600);

/// The members of the metadata that the crate does not know by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MoreMetadata {
    /// Where to sign out (OIDC RP-Initiated Logout §2.1).
    pub end_session_endpoint: Option<EndSessionUrl>,
    /// Whether authorization answers carry `iss` (RFC 9207 §3).
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for MoreMetadata {}

type Metadata = ProviderMetadata<
    MoreMetadata,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// A client whose endpoints come from discovery.
pub type DiscoveredClient =
    CoreClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointMaybeSet, EndpointMaybeSet>;

/// A discovered provider.
pub struct Provider {
    /// The app as a client of it.
    pub client: DiscoveredClient,
    /// What else it said.
    pub more: MoreMetadata,
    fetched_at: Timestamp,
}

/// Fetches the provider when it is needed and remembers it.
pub struct Discovery {
    settings: Settings,
    http: HttpClient,
    env: Env,
    latest: Mutex<Option<Arc<Provider>>>,
}

impl Discovery {
    /// A discovery that has fetched nothing yet, so that app and provider may start in any order.
    pub fn new(settings: Settings, http: HttpClient, env: Env) -> Self {
        Self { settings, http, env, latest: Mutex::new(None) }
    }

    /// The provider, fetched when nothing recent is known.
    ///
    /// # Errors
    /// When it cannot be reached, or its metadata is not that of the configured issuer (OIDC Discovery §4.3).
    pub async fn provider(&self) -> Result<Arc<Provider>, SignInError> {
        let mut latest = self.latest.lock().await;
        match latest.as_ref() {
            Some(provider) if self.env.now().since(provider.fetched_at) < KEPT => Ok(Arc::clone(provider)),
            _unknown_or_old => self.fetch_into(&mut latest).await,
        }
    }

    /// The provider with the keys that it has now: for an ID token under a key that `known` does not have
    /// (OIDC Core §10.1.1). Several callers cause one fetch.
    ///
    /// # Errors
    /// As [`Self::provider`].
    pub async fn provider_newer_than(&self, known: &Provider) -> Result<Arc<Provider>, SignInError> {
        let mut latest = self.latest.lock().await;
        match latest.as_ref() {
            Some(provider) if provider.fetched_at > known.fetched_at => Ok(Arc::clone(provider)),
            _same => self.fetch_into(&mut latest).await,
        }
    }

    async fn fetch_into(&self, latest: &mut Option<Arc<Provider>>) -> Result<Arc<Provider>, SignInError> {
        let provider = Arc::new(self.fetch().await?);
        *latest = Some(Arc::clone(&provider));
        Ok(provider)
    }

    async fn fetch(&self) -> Result<Provider, SignInError> {
        let discovery = |error: &dyn Error| SignInError::Discovery(chain(error));
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(|error| discovery(&error))?;
        // The crate compares the `issuer` of the document with the one asked for (OIDC Discovery §4.3).
        let metadata = Metadata::discover_async(issuer, &self.http).await.map_err(|error| discovery(&error))?;
        let redirect_uri = RedirectUrl::new(self.settings.redirect_uri()).map_err(|error| discovery(&error))?;
        let more = metadata.additional_metadata().clone();
        let client = CoreClient::from_provider_metadata(
            metadata,
            ClientId::new(self.settings.client_id.clone()),
            Some(ClientSecret::new(self.settings.client_secret.expose().to_owned())),
        )
        .set_redirect_uri(redirect_uri)
        // The scopes are sent exactly as asked for, `openid` included.
        .disable_openid_scope();
        Ok(Provider { client, more, fetched_at: self.env.now() })
    }
}
