//! The discovery document: OIDC Discovery §3 and RFC 8414 §2 in one. It says only what exists and is true (RFC 9700 §2.6);
//! the issuer comes from the configuration, never from a request (OIDC Discovery §4.3).

use serde::Serialize;

use crate::domain::assurance::Acr;
use crate::protocol::client_metadata::{AuthMethod, GrantType, SigningAlgorithm};
use crate::protocol::id_token::UserClaims;
use crate::protocol::response_mode::ResponseMode;
use crate::protocol::scope;

/// The values of `prompt` that are understood (OIDC Core §3.1.2.1; Initiating User Registration §4.1 names the member).
const PROMPTS: &[&str] = &["none", "login", "consent", "select_account"];
/// The languages of the pages (BCP 47).
const LANGUAGES: &[&str] = &["en", "de"];
/// The claims of the protocol in ID tokens (OIDC Core §2, Front-Channel Logout §3 for `sid`).
const PROTOCOL_CLAIMS: &[&str] = &["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid"];

/// Paths of the endpoints below the issuer (design 3).
pub mod path {
    /// RFC 6749 §3.1.
    pub const AUTHORIZATION: &str = "/authorize";
    /// RFC 6749 §3.2.
    pub const TOKEN: &str = "/token";
    /// OIDC Core §5.3.
    pub const USERINFO: &str = "/userinfo";
    /// RFC 7517 §5.
    pub const JWKS: &str = "/jwks";
    /// RFC 7662 §2.
    pub const INTROSPECTION: &str = "/introspect";
    /// RFC 7009 §2.
    pub const REVOCATION: &str = "/revoke";
    /// OIDC RP-Initiated Logout §2.
    pub const END_SESSION: &str = "/logout";
}

/// The document. Member names are those of the IANA registry of authorization server metadata.
#[derive(Clone, Debug, Serialize)]
pub struct Discovery {
    /// The issuer, as it stands in tokens.
    pub issuer: String,
    /// RFC 6749 §3.1.
    pub authorization_endpoint: String,
    /// RFC 6749 §3.2.
    pub token_endpoint: String,
    /// OIDC Core §5.3.
    pub userinfo_endpoint: String,
    /// RFC 7517 §5.
    pub jwks_uri: String,
    /// RFC 7662 §2.
    pub introspection_endpoint: String,
    /// RFC 7009 §2.
    pub revocation_endpoint: String,
    /// OIDC RP-Initiated Logout §2.1.
    pub end_session_endpoint: String,
    /// The code flow only (decision 2.11).
    pub response_types_supported: Vec<&'static str>,
    /// How answers travel.
    pub response_modes_supported: Vec<&'static str>,
    /// Grants of the token endpoint.
    pub grant_types_supported: Vec<&'static str>,
    /// Scopes that mean something here.
    pub scopes_supported: Vec<&'static str>,
    /// One subject for all clients (OIDC Core §8).
    pub subject_types_supported: Vec<&'static str>,
    /// RS256 first: OIDC Discovery §3 demands it.
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
    /// How clients authenticate at the token endpoint.
    pub token_endpoint_auth_methods_supported: Vec<AuthMethod>,
    /// The same at introspection, which public clients cannot use.
    pub introspection_endpoint_auth_methods_supported: Vec<AuthMethod>,
    /// The same at revocation.
    pub revocation_endpoint_auth_methods_supported: Vec<AuthMethod>,
    /// RFC 7636; S256 only.
    pub code_challenge_methods_supported: Vec<&'static str>,
    /// The ladder of decision 2.1.
    pub acr_values_supported: Vec<&'static str>,
    /// Claims that an ID token or userinfo can have.
    pub claims_supported: Vec<&'static str>,
    /// What may stand in `prompt`.
    pub prompt_values_supported: &'static [&'static str],
    /// The languages of the pages.
    pub ui_locales_supported: &'static [&'static str],
    /// RFC 9207 §3.
    pub authorization_response_iss_parameter_supported: bool,
    /// OIDC Back-Channel Logout §2.1.
    pub backchannel_logout_supported: bool,
    /// OIDC Back-Channel Logout §2.1: every logout token has `sid`.
    pub backchannel_logout_session_supported: bool,
    /// OIDC Core §5.5.
    pub claims_parameter_supported: bool,
    /// OIDC Core §6.1.
    pub request_parameter_supported: bool,
    /// OIDC Core §6.2; said because its default is `true` (OIDC Discovery §3).
    pub request_uri_parameter_supported: bool,
}

/// The document of the provider whose issuer is `issuer` (without a trailing slash).
pub fn document(issuer: &str) -> Discovery {
    use AuthMethod::{ClientSecretBasic, ClientSecretPost, None};
    let at = |path: &str| format!("{issuer}{path}");
    Discovery {
        issuer: issuer.to_owned(),
        authorization_endpoint: at(path::AUTHORIZATION),
        token_endpoint: at(path::TOKEN),
        userinfo_endpoint: at(path::USERINFO),
        jwks_uri: at(path::JWKS),
        introspection_endpoint: at(path::INTROSPECTION),
        revocation_endpoint: at(path::REVOCATION),
        end_session_endpoint: at(path::END_SESSION),
        response_types_supported: vec!["code"],
        response_modes_supported: ResponseMode::ALL.map(ResponseMode::as_str).to_vec(),
        grant_types_supported: GrantType::ALL.map(GrantType::as_str).to_vec(),
        scopes_supported: scope::KNOWN.to_vec(),
        subject_types_supported: vec!["public"],
        id_token_signing_alg_values_supported: SigningAlgorithm::ALL.map(SigningAlgorithm::as_str).to_vec(),
        token_endpoint_auth_methods_supported: vec![ClientSecretBasic, ClientSecretPost, None],
        introspection_endpoint_auth_methods_supported: vec![ClientSecretBasic, ClientSecretPost],
        revocation_endpoint_auth_methods_supported: vec![ClientSecretBasic, ClientSecretPost, None],
        code_challenge_methods_supported: vec!["S256"],
        acr_values_supported: Acr::ALL.map(Acr::as_str).to_vec(),
        claims_supported: [PROTOCOL_CLAIMS, &UserClaims::NAMES].concat(),
        prompt_values_supported: PROMPTS,
        ui_locales_supported: LANGUAGES,
        authorization_response_iss_parameter_supported: true,
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
        claims_parameter_supported: false,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
    }
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
            let parsed = crate::protocol::prompt::Prompt::parse(prompt).unwrap();
            assert_ne!(parsed, crate::protocol::prompt::Prompt::default(), "{prompt}");
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
