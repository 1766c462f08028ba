//! The values of a client's members that are one of a few words.

use serde::{Deserialize, Serialize};

use crate::protocol::named::parsed_enum;

/// How a client authenticates at the token endpoint (`token_endpoint_auth_method`, RFC 7591 §2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuthMethod {
    /// HTTP Basic (RFC 6749 §2.3.1); `client_secret_post` is accepted for it as well (decision 2.9).
    #[default]
    ClientSecretBasic,
    /// Credentials in the form (RFC 6749 §2.3.1); Basic is accepted for it as well (decision 2.9).
    ClientSecretPost,
    /// A public client (RFC 6749 §2.1).
    None,
}

parsed_enum! {
    /// A grant that a client may use (`grant_types`, RFC 7591 §2; `grant_types_supported`, RFC 8414 §2).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case", try_from = "String")]
    pub(crate) enum GrantType {
        /// RFC 6749 §4.1.
        AuthorizationCode = "authorization_code",
        /// RFC 6749 §6.
        RefreshToken = "refresh_token",
    }
}

/// Whether the person is asked before a client gets anything (OIDC Core §3.1.2.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ConsentPolicy {
    /// Never: a client of the operator's own.
    #[default]
    None,
    /// Once per scope; remembered until revoked.
    Ask,
}

/// Which claims stand in the ID token beside those of the protocol (decision 2.9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum IdTokenClaimsPolicy {
    #[default]
    Scope,
    Minimal,
}

/// What an access token is (decision 2.11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AccessTokenFormat {
    /// A random handle, revocable at once.
    #[default]
    Opaque,
    /// A signed `at+jwt` (RFC 9068).
    Jwt,
}

/// `application_type` (OIDC Registration §2): a native client's loopback redirect URIs may vary in the port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ApplicationType {
    #[default]
    Web,
    /// A program on the person's machine (RFC 8252).
    Native,
}

parsed_enum! {
    /// A signature algorithm of ours (RFC 7518 §3.1, RFC 8037 §3.1; OIDC Discovery §3).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    pub(crate) enum SigningAlgorithm {
        /// The one every relying party knows.
        #[default]
        RS256 = "RS256",
        PS256 = "PS256",
        ES256 = "ES256",
        EdDSA = "EdDSA",
    }
}

impl TryFrom<String> for GrantType {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let known = Self::ALL.map(Self::as_str).join(", ");
        Self::parse(&text).ok_or_else(|| format!("no grant of this provider; there are {known}"))
    }
}
