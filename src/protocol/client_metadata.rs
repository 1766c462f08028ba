//! What a relying party registers (RFC 7591 §2, OIDC Registration §2) and the switches of our own beside it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::logout_uri::LogoutUri;
use super::redirect_uri::RedirectUri;
use super::scope::Scope;
use super::web_origin::WebOrigin;

/// How a client authenticates at the token endpoint (`token_endpoint_auth_method`, RFC 7591 §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// HTTP Basic (RFC 6749 §2.3.1); `client_secret_post` is accepted for it as well (decision 2.9).
    #[default]
    ClientSecretBasic,
    /// Credentials in the form (RFC 6749 §2.3.1); Basic is accepted for it as well (decision 2.9).
    ClientSecretPost,
    /// A public client (RFC 6749 §2.1).
    None,
}

/// A grant that a client may use (`grant_types`, RFC 7591 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.1.
    AuthorizationCode,
    /// RFC 6749 §6.
    RefreshToken,
}

impl GrantType {
    /// Every grant (`grant_types_supported`, RFC 8414 §2).
    pub const ALL: [Self; 2] = [Self::AuthorizationCode, Self::RefreshToken];

    /// The value on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
        }
    }

    /// The grant that `text` names.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text)
    }
}

/// Whether the person is asked before a client gets anything (OIDC Core §3.1.2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentPolicy {
    /// Never: a client of the operator's own.
    #[default]
    None,
    /// Once per scope; remembered until revoked.
    Ask,
}

/// Which claims stand in the ID token beside those of the protocol (decision 2.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdTokenClaimsPolicy {
    /// Those of the granted scopes.
    #[default]
    Scope,
    /// None: the client asks userinfo.
    Minimal,
}

/// What an access token is (decision 2.11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenFormat {
    /// A random handle, revocable at once.
    #[default]
    Opaque,
    /// A signed `at+jwt` (RFC 9068).
    Jwt,
}

/// `application_type` (OIDC Registration §2): a native client's loopback redirect URIs may vary in the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApplicationType {
    /// A server, or a page in a browser.
    #[default]
    Web,
    /// A program on the person's machine (RFC 8252).
    Native,
}

/// A signature algorithm of ours (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SigningAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256; the one every relying party knows.
    #[default]
    RS256,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// ECDSA with P-256 and SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

impl SigningAlgorithm {
    /// Every algorithm (`id_token_signing_alg_values_supported`, OIDC Discovery §3).
    pub const ALL: [Self; 4] = [Self::RS256, Self::PS256, Self::ES256, Self::EdDSA];

    /// The `alg` value on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::PS256 => "PS256",
            Self::ES256 => "ES256",
            Self::EdDSA => "EdDSA",
        }
    }

    /// The algorithm that `text` names.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|alg| alg.as_str() == text)
    }
}

fn is_understood(name: &str, value: &Value) -> bool {
    let alone = Map::from_iter([(name.to_owned(), value.clone())]);
    ClientMetadata::deserialize(Value::Object(alone)).is_ok()
}

/// A member as this program can have it: of a list what it understands; of a choice whose word it does not know, the one that
/// gives away least; none of a member that it does not know.
fn cautiously(name: &str, value: Value) -> Option<Value> {
    if is_understood(name, &value) {
        return Some(value);
    }
    let cautious = match (name, value) {
        (_, Value::Array(items)) => {
            items.into_iter().filter(|item| is_understood(name, &Value::Array(vec![item.clone()]))).collect()
        }
        ("consent", _) => "ask".into(),
        ("id_token_claims", _) => "minimal".into(),
        // A client without a secret that is not public can do nothing at the token endpoint.
        ("token_endpoint_auth_method", _) => "client_secret_basic".into(),
        ("access_token_format", _) => "opaque".into(),
        ("application_type", _) => "web".into(),
        ("id_token_signed_response_alg", _) => "RS256".into(),
        ("scope", _) => super::scope::OPENID.into(),
        _unknown => return None,
    };
    is_understood(name, &cautious).then_some(cautious)
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over so")]
fn is_off(switch: &bool) -> bool {
    !switch
}

fn default_grants() -> Vec<GrantType> {
    vec![GrantType::AuthorizationCode, GrantType::RefreshToken]
}

fn every_scope() -> Scope {
    Scope::parse(&super::scope::KNOWN.join(" ")).unwrap_or_default()
}

/// The metadata of one client. Unknown members are refused where an operator writes them; what stands in the database is read by
/// [`ClientMetadata::of_any_program`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientMetadata {
    /// The name that people read (`client_name`).
    #[serde(default)]
    pub client_name: String,
    /// Exact redirect URIs.
    #[serde(default)]
    pub redirect_uris: Vec<RedirectUri>,
    /// Exact URIs for after a logout (OIDC RP-Initiated Logout §3.1).
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<RedirectUri>,
    /// How the client authenticates.
    #[serde(default)]
    pub token_endpoint_auth_method: AuthMethod,
    /// The grants it may use.
    #[serde(default = "default_grants")]
    pub grant_types: Vec<GrantType>,
    /// The scopes it may have.
    #[serde(default = "every_scope")]
    pub scope: Scope,
    /// Web or native.
    #[serde(default)]
    pub application_type: ApplicationType,
    /// The algorithm of its ID tokens.
    #[serde(default)]
    pub id_token_signed_response_alg: SigningAlgorithm,
    /// Whether PKCE is demanded; a public client's always is (decision 2.9).
    #[serde(default = "yes")]
    pub require_pkce: bool,
    /// Whether people are asked for consent.
    #[serde(default)]
    pub consent: ConsentPolicy,
    /// Which claims stand in the ID token.
    #[serde(default)]
    pub id_token_claims: IdTokenClaimsPolicy,
    /// What its access tokens are.
    #[serde(default)]
    pub access_token_format: AccessTokenFormat,
    /// Whether it gets a refresh token without `offline_access` (decision 2.9).
    #[serde(default)]
    pub always_refresh: bool,
    /// Whether it forwards the browser to sites that we do not know (a broker): no `form-action` in the CSP (decision 2.15).
    #[serde(default)]
    pub forwards: bool,
    /// The `acr` values that satisfy it, unless the request asks otherwise (`default_acr_values`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub default_acr_values: Vec<String>,
    /// The page of the app, for the way back from an error (`client_uri`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_uri: Option<String>,
    /// Where logout tokens are posted (OIDC Back-Channel Logout §2.2).
    // Written only where it is set, as the two below: a node of the release of 2026-11 refuses members that it does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<LogoutUri>,
    /// Whether the client needs `sid` in logout tokens (OIDC Back-Channel Logout §2.2); here they always have it.
    #[serde(default, skip_serializing_if = "is_off")]
    pub backchannel_logout_session_required: bool,
    /// Origins of its browser code, beside those of a public client's redirect URIs (relying parties 4.4, rule 13).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cors_origins: Vec<WebOrigin>,
}

impl ClientMetadata {
    /// What stands in the database, whichever program wrote it: members that this one does not know are passed over, words that
    /// it does not know are read in the most cautious way.
    ///
    /// # Errors
    /// When the text is no JSON object.
    pub fn of_any_program(stored: &str) -> Result<Self, serde_json::Error> {
        if let Ok(known) = serde_json::from_str(stored) {
            return Ok(known);
        }
        let members: Map<String, Value> = serde_json::from_str(stored)?;
        let understood = members.into_iter().filter_map(|(name, value)| cautiously(&name, value).map(|value| (name, value)));
        serde_json::from_value(Value::Object(understood.collect()))
    }

    /// These metadata as they are written in place of what is `stored`: what this program does not understand stays as it is,
    /// unless the member was changed. Of a text that is no JSON object nothing stays.
    ///
    /// # Errors
    /// Never seen: when they cannot be written as JSON.
    pub fn written_over(&self, stored: &str) -> Result<String, serde_json::Error> {
        let Ok(before) = serde_json::from_str::<Map<String, Value>>(stored) else { return serde_json::to_string(self) };
        let mut written: Map<String, Value> = serde_json::from_value(serde_json::to_value(self)?)?;
        let unchanged = serde_json::to_value(Self::of_any_program(stored)?)?;
        for (name, value) in before {
            if !is_understood(&name, &value) && written.get(&name) == unchanged.get(&name) {
                written.insert(name, value);
            }
        }
        serde_json::to_string(&written)
    }

    /// Whether the client cannot keep a secret (RFC 6749 §2.1).
    pub fn is_public(&self) -> bool {
        self.token_endpoint_auth_method == AuthMethod::None
    }

    /// Whether its authorization requests must carry a code challenge (RFC 9700 §2.1.1).
    pub fn demands_pkce(&self) -> bool {
        self.is_public() || self.require_pkce
    }
}

impl Default for ClientMetadata {
    fn default() -> Self {
        Self {
            client_name: String::new(),
            redirect_uris: Vec::new(),
            post_logout_redirect_uris: Vec::new(),
            token_endpoint_auth_method: AuthMethod::default(),
            grant_types: default_grants(),
            scope: every_scope(),
            application_type: ApplicationType::default(),
            id_token_signed_response_alg: SigningAlgorithm::default(),
            require_pkce: true,
            consent: ConsentPolicy::default(),
            id_token_claims: IdTokenClaimsPolicy::default(),
            access_token_format: AccessTokenFormat::default(),
            always_refresh: false,
            forwards: false,
            default_acr_values: Vec::new(),
            client_uri: None,
            backchannel_logout_uri: None,
            backchannel_logout_session_required: false,
            cors_origins: Vec::new(),
        }
    }
}
