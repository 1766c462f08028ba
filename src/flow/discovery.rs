//! The discovery document: OIDC Discovery §3 and RFC 8414 §2 in one. It says only what exists and is true (RFC 9700 §2.6);
//! the issuer comes from the configuration, never from a request (OIDC Discovery §4.3).

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::{Value, json};

use crate::domain::assurance::Acr;
use crate::protocol::authorization::ResponseMode;
use crate::protocol::claims::UserClaims;
use crate::protocol::client_metadata::{AuthMethod, GrantType, SigningAlgorithm};
use crate::protocol::endpoint::Endpoint;
use crate::protocol::scope;

/// The values of `prompt` (OIDC Core §3.1.2.1; Initiating User Registration §4.1 names the member).
const PROMPTS: &[&str] = &["none", "login", "consent", "select_account"];
/// The claims of the protocol in ID tokens (OIDC Core §2, Front-Channel Logout §3 for `sid`).
const PROTOCOL_CLAIMS: &[&str] = &["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"];

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Discovery {
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
    pub(crate) userinfo_endpoint: String,
    pub(crate) jwks_uri: String,
    pub(crate) introspection_endpoint: String,
    pub(crate) revocation_endpoint: String,
    pub(crate) end_session_endpoint: String,
    pub(crate) ui_locales_supported: &'static [&'static str],
    #[serde(flatten)]
    capabilities: &'static Value,
}

/// `issuer` has no trailing slash.
pub(crate) fn document(issuer: &str) -> Discovery {
    static CAPABILITIES: LazyLock<Value> = LazyLock::new(capabilities);
    let at = |endpoint: Endpoint| endpoint.url(issuer);
    Discovery {
        issuer: issuer.to_owned(),
        authorization_endpoint: at(Endpoint::Authorization),
        token_endpoint: at(Endpoint::Token),
        userinfo_endpoint: at(Endpoint::UserInfo),
        jwks_uri: at(Endpoint::Jwks),
        introspection_endpoint: at(Endpoint::Introspection),
        revocation_endpoint: at(Endpoint::Revocation),
        end_session_endpoint: at(Endpoint::EndSession),
        ui_locales_supported: &["en", "de"],
        capabilities: &CAPABILITIES,
    }
}

fn capabilities() -> Value {
    let auth_methods = [AuthMethod::ClientSecretBasic, AuthMethod::ClientSecretPost, AuthMethod::None];
    // Public clients cannot introspect.
    let [basic, post, _none] = auth_methods;
    let claims = [PROTOCOL_CLAIMS, &UserClaims::NAMES].concat();
    json!({
        // The code flow only (decision 2.11).
        "response_types_supported": ["code"],
        "response_modes_supported": ResponseMode::ALL.map(ResponseMode::as_str),
        "grant_types_supported": GrantType::ALL.map(GrantType::as_str),
        "scopes_supported": scope::KNOWN,
        // One subject for all clients (OIDC Core §8).
        "subject_types_supported": ["public"],
        // RS256 first: OIDC Discovery §3 demands it.
        "id_token_signing_alg_values_supported": SigningAlgorithm::ALL.map(SigningAlgorithm::as_str),
        "token_endpoint_auth_methods_supported": auth_methods,
        "introspection_endpoint_auth_methods_supported": [basic, post],
        "revocation_endpoint_auth_methods_supported": auth_methods,
        "code_challenge_methods_supported": ["S256"],
        // The ladder of decision 2.1.
        "acr_values_supported": Acr::ALL.map(Acr::as_str),
        "claims_supported": claims,
        "prompt_values_supported": PROMPTS,
        "authorization_response_iss_parameter_supported": true,
        "backchannel_logout_supported": true,
        // Every logout token has `sid`.
        "backchannel_logout_session_supported": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        // Said because its default is `true` (OIDC Discovery §3).
        "request_uri_parameter_supported": false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn discovered() -> Value {
        serde_json::to_value(document("https://id.example/op")).unwrap()
    }

    #[test]
    fn the_issuer_is_repeated_exactly_and_every_endpoint_stands_below_it() {
        let document = discovered();
        assert_eq!(document["issuer"], "https://id.example/op");
        for (name, value) in document.as_object().unwrap() {
            if name.ends_with("_endpoint") || name.ends_with("_uri") {
                assert!(value.as_str().unwrap().starts_with("https://id.example/op/"), "{name}");
            }
        }
        for endpoint in Endpoint::ALL.into_iter().filter(|endpoint| !endpoint.as_str().starts_with("/.well-known/")) {
            let url = endpoint.url("https://id.example/op");
            assert!(document.as_object().unwrap().values().any(|value| *value == url), "{url}");
        }
    }

    #[test]
    fn only_what_exists_is_advertised() {
        let document = discovered();
        assert_eq!(document["response_types_supported"], json!(["code"]));
        assert_eq!(document["grant_types_supported"], json!(["authorization_code", "refresh_token"]));
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(document["id_token_signing_alg_values_supported"], json!(["RS256", "PS256", "ES256", "EdDSA"]));
        let methods = json!(["client_secret_basic", "client_secret_post", "none"]);
        assert_eq!(document["token_endpoint_auth_methods_supported"], methods);
        for absent in ["registration_endpoint", "pushed_authorization_request_endpoint", "frontchannel_logout_supported"] {
            assert!(document.get(absent).is_none(), "{absent}");
        }
        for works in ["backchannel_logout_supported", "backchannel_logout_session_supported"] {
            assert_eq!(document[works], true, "{works}");
        }
        for refused in ["claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported"] {
            assert_eq!(document[refused], false, "{refused}");
        }
        for prompt in PROMPTS {
            let parsed = crate::protocol::authorization::Prompt::parse(prompt).unwrap();
            assert_ne!(parsed, crate::protocol::authorization::Prompt::default(), "{prompt}");
        }
    }

    #[test]
    fn every_advertised_scope_and_acr_parses_back() {
        let document = discovered();
        let scopes = document["scopes_supported"].as_array().unwrap();
        assert!(scopes.contains(&json!("openid")));
        for acr in document["acr_values_supported"].as_array().unwrap() {
            assert!(Acr::parse(acr.as_str().unwrap()).is_some());
        }
    }
}
