//! The claims of ID tokens, of userinfo answers, of access tokens that are JWTs and of logout tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha512};

use super::client_metadata::SigningAlgorithm;
use super::scope::Scope;

/// What a scope lets a relying party learn about a person (OIDC Core §5.1, §5.4). A claim without a value is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UserClaims {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_username: Option<String>,
    /// In seconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether somebody vouched for the address: a boolean, never a string.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// Group names: a flat list (decision 2.9).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
}

impl UserClaims {
    /// The claims (`claims_supported`, OIDC Discovery §3) beside those of every token.
    pub(crate) const NAMES: [&'static str; 6] =
        ["name", "preferred_username", "updated_at", "email", "email_verified", "groups"];

    /// Those of the claims that `scope` asks for (OIDC Core §5.4; `groups` is the scope that many relying parties use).
    #[must_use]
    pub(crate) fn limited_to(self, scope: &Scope) -> Self {
        let (profile, email, groups) = (scope.contains("profile"), scope.contains("email"), scope.contains("groups"));
        Self {
            name: self.name.filter(|_| profile),
            preferred_username: self.preferred_username.filter(|_| profile),
            updated_at: self.updated_at.filter(|_| profile),
            email_verified: self.email_verified.filter(|_| email && self.email.is_some()),
            email: self.email.filter(|_| email),
            groups: self.groups.filter(|_| groups),
        }
    }
}

/// A userinfo answer (OIDC Core §5.3.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct UserInfo {
    pub sub: String,
    #[serde(flatten)]
    pub user: UserClaims,
}

/// The claims of an ID token (OIDC Core §2). Moments are whole seconds since the epoch (RFC 7519 §2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdTokenClaims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub exp: i64,
    pub iat: i64,
    pub auth_time: i64,
    /// The `nonce` of the request, exactly (OIDC Core §3.1.3.7, rule 11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// How strong the login was (decision 2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By which means (RFC 8176).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// The browser session (OIDC Back-Channel Logout §2.1): always a string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// What the scope lets the client learn; empty for clients with minimal ID tokens (decision 2.9).
    #[serde(flatten)]
    pub user: UserClaims,
}

/// The claims of an access token that is a JWT (RFC 9068 §2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccessTokenClaims {
    pub iss: String,
    pub sub: String,
    /// The resource servers, else the issuer itself (RFC 9068 §3).
    pub aud: String,
    /// The client that it was issued to (RFC 8693 §4.3).
    pub client_id: String,
    pub jti: String,
    pub exp: i64,
    pub iat: i64,
    /// What it allows (RFC 8693 §4.2).
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    /// When the person approved (RFC 9068 §2.2.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
}

/// The claims of a logout token (OIDC Back-Channel Logout §2.4), which tells a client that a session ended. There is no `nonce`, so
/// that it can never be taken for an ID token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct LogoutTokenClaims {
    pub iss: String,
    pub sub: String,
    pub aud: String,
    pub iat: i64,
    pub exp: i64,
    /// Its unique id; the same when it is sent again.
    pub jti: String,
    pub sid: String,
    pub events: Map<String, Value>,
}

/// The `events` claim: one member, whose value is an empty object.
pub(crate) fn events() -> Map<String, Value> {
    Map::from_iter([("http://schemas.openid.net/event/backchannel-logout".to_owned(), Value::Object(Map::new()))])
}

/// OIDC Core §3.1.3.6: the left half of the hash that `alg` uses, which for Ed25519 is SHA-512 (RFC 8032 §5.1).
pub(crate) fn at_hash(alg: SigningAlgorithm, access_token: &str) -> String {
    let hash = match alg {
        SigningAlgorithm::RS256 | SigningAlgorithm::PS256 | SigningAlgorithm::ES256 => Sha256::digest(access_token).to_vec(),
        SigningAlgorithm::EdDSA => Sha512::digest(access_token).to_vec(),
    };
    let left_half = hash.get(..hash.len() / 2).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(left_half)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn alice() -> UserClaims {
        UserClaims {
            name: Some("Alice".into()),
            preferred_username: Some("alice".into()),
            updated_at: Some(1_700_000_000),
            email: Some("alice@example.com".into()),
            email_verified: Some(true),
            groups: Some(vec!["staff".into()]),
        }
    }

    fn claims() -> IdTokenClaims {
        IdTokenClaims {
            iss: "https://id.example".into(),
            sub: "u1".into(),
            aud: "app".into(),
            exp: 2,
            iat: 1,
            auth_time: 1,
            nonce: Some("n".into()),
            acr: None,
            amr: vec!["mca".into()],
            sid: Some("s1".into()),
            at_hash: None,
            user: alice(),
        }
    }

    #[test]
    fn the_hash_example_of_the_specification_comes_out() {
        // OIDC Core appendix A.3.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(at_hash(SigningAlgorithm::RS256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(at_hash(SigningAlgorithm::ES256, token), at_hash(SigningAlgorithm::PS256, token));
        assert_eq!(at_hash(SigningAlgorithm::EdDSA, token).len(), 43);
    }

    #[test]
    fn claims_of_the_person_stand_flat_and_typed_beside_those_of_the_protocol() {
        let written = serde_json::to_value(claims()).unwrap();
        assert_eq!(written["aud"], "app");
        assert_eq!(written["email_verified"], Value::Bool(true));
        assert_eq!(written["groups"], json!(["staff"]));
        assert_eq!(written["updated_at"], 1_700_000_000);
        for absent in ["acr", "at_hash", "azp", "user"] {
            assert!(written.get(absent).is_none(), "{absent}");
        }
        assert_eq!(serde_json::from_value::<IdTokenClaims>(written).unwrap(), claims());
    }

    #[test]
    fn a_moment_that_is_no_whole_number_of_seconds_is_refused() {
        let good = serde_json::to_value(claims()).unwrap();
        assert!(serde_json::from_value::<IdTokenClaims>(good.clone()).is_ok());
        for bad in [json!("2"), json!(1.5), json!(9_223_372_036_854_775_808_u64), json!(null), json!([2])] {
            let mut changed = good.clone();
            changed["exp"] = bad.clone();
            assert!(serde_json::from_value::<IdTokenClaims>(changed).is_err(), "{bad}");
        }
        let mut without = good;
        without.as_object_mut().unwrap().remove("exp");
        assert!(serde_json::from_value::<IdTokenClaims>(without).is_err());
    }

    #[test]
    fn each_scope_gives_its_own_claims() {
        let given = |scope: &str| serde_json::to_value(alice().limited_to(&Scope::parse(scope).unwrap())).unwrap();
        assert_eq!(given("openid"), json!({}));
        assert_eq!(given("openid email"), json!({"email": "alice@example.com", "email_verified": true}));
        assert_eq!(given("groups"), json!({"groups": ["staff"]}));
        assert_eq!(given("profile"), json!({"name": "Alice", "preferred_username": "alice", "updated_at": 1_700_000_000}));
        assert_eq!(given("profile email groups"), serde_json::to_value(alice()).unwrap());
    }

    #[test]
    fn an_address_that_does_not_exist_is_not_called_verified() {
        let nobody = UserClaims { email_verified: Some(false), ..UserClaims::default() };
        assert_eq!(nobody.limited_to(&Scope::parse("email").unwrap()), UserClaims::default());
    }
}
