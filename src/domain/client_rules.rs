//! What a client may register (RFC 7591 §2, OIDC Registration §2): the rules that no single member's type can carry.

use url::Url;

use super::assurance::Acr;
use crate::protocol::client_metadata::{ApplicationType, ClientMetadata, GrantType};
use crate::protocol::logout_uri::LogoutUri;
use crate::protocol::scope;
use crate::protocol::uri::is_web;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Violation {
    pub member: &'static str,
    pub message: String,
}

/// Checks a `client_id` (RFC 6749 §2.2) that an operator chooses: characters that no encoding touches (RFC 3986 §2.3), so
/// that every client library sends the same thing.
pub(crate) fn check_id(id: &str) -> Result<(), Violation> {
    let fits = (1..=100).contains(&id.len());
    if fits && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) {
        return Ok(());
    }
    let message = "a client id is 1 to 100 characters of A-Z, a-z, 0-9, `-`, `.`, `_` and `~`".to_owned();
    Err(Violation { member: "client_id", message })
}

pub(crate) fn violations(metadata: &ClientMetadata) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |member, message: String| found.push(Violation { member, message });
    if metadata.client_name.len() > 100 || metadata.client_name.chars().any(char::is_control) {
        report("client_name", "a client's name is at most 100 characters without control characters".to_owned());
    }
    check_grants(metadata, &mut report);
    check_uris(metadata, &mut report);
    for token in metadata.scope.iter().filter(|token| !scope::KNOWN.contains(token)) {
        report("scope", format!("the scope `{token}` does not exist here; there are {}", scope::KNOWN.join(", ")));
    }
    if !metadata.scope.contains(scope::OPENID) {
        report("scope", "without the scope `openid` the client could not sign anybody in (OIDC Core §3.1.2.1)".to_owned());
    }
    for value in metadata.default_acr_values.iter().filter(|value| Acr::parse(value).is_none()) {
        let known = Acr::ALL.map(Acr::as_str).join(", ");
        report("default_acr_values", format!("`{value}` is no acr value of this provider; there are {known}"));
    }
    found
}

/// Checks that the client's back-channel logout URI is https, or stays on this machine, unless the operator allows plain http
/// (`allow_private`): a logout token names a person's session.
pub(crate) fn check_transport(metadata: &ClientMetadata, allow_private: bool) -> Result<(), Violation> {
    if allow_private || !metadata.backchannel_logout_uri.as_ref().is_some_and(LogoutUri::is_plain_http) {
        return Ok(());
    }
    let message = "a back-channel logout URI is https; plain http to another machine needs `[outbound] allow_private = true`";
    Err(Violation { member: "backchannel_logout_uri", message: message.to_owned() })
}

fn check_grants(metadata: &ClientMetadata, report: &mut impl FnMut(&'static str, String)) {
    if !metadata.grant_types.contains(&GrantType::AuthorizationCode) {
        let message = "a client needs the grant `authorization_code`: there is no other way to begin (RFC 6749 §4.1)";
        report("grant_types", message.to_owned());
    }
    if metadata.always_refresh && !metadata.grant_types.contains(&GrantType::RefreshToken) {
        report("grant_types", "`always_refresh` needs the grant `refresh_token`".to_owned());
    }
}

fn check_uris(metadata: &ClientMetadata, report: &mut impl FnMut(&'static str, String)) {
    if metadata.redirect_uris.is_empty() {
        report("redirect_uris", "a client needs at least one redirect URI (RFC 6749 §3.1.2.2)".to_owned());
    }
    let own_scheme = |uri: &str| !uri.starts_with("https:") && !uri.starts_with("http:");
    if metadata.application_type == ApplicationType::Web {
        for uri in metadata.redirect_uris.iter().filter(|uri| own_scheme(uri.as_str())) {
            let text = format!("`{}` has a scheme of its own: that is for native clients (OIDC Registration §2)", uri.as_str());
            report("redirect_uris", text);
        }
    }
    if let Some(uri) = &metadata.client_uri
        && !Url::parse(uri).is_ok_and(|url| is_web(&url))
    {
        report("client_uri", "the page of the app is an https or http URL".to_owned());
    }
    if let Some(uri) = &metadata.logo_uri
        && !Url::parse(uri).is_ok_and(|url| is_web(&url) && url.scheme() == "https")
    {
        report("logo_uri", "the logo of the app is an https URL".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::redirect_uri::RedirectUri;
    use crate::protocol::scope::Scope;

    fn good() -> ClientMetadata {
        let uri = RedirectUri::parse("https://app.example/cb").unwrap();
        ClientMetadata { redirect_uris: vec![uri], ..ClientMetadata::default() }
    }

    fn members(metadata: &ClientMetadata) -> Vec<&'static str> {
        violations(metadata).into_iter().map(|violation| violation.member).collect()
    }

    #[test]
    fn a_plain_web_client_breaks_no_rule() {
        assert_eq!(violations(&good()), []);
    }

    #[test]
    fn every_broken_rule_is_named() {
        assert_eq!(members(&ClientMetadata { redirect_uris: vec![], ..good() }), ["redirect_uris"]);
        assert_eq!(members(&ClientMetadata { grant_types: vec![GrantType::RefreshToken], ..good() }), ["grant_types"]);
        assert_eq!(members(&ClientMetadata { scope: Scope::parse("email telepathy").unwrap(), ..good() }), ["scope", "scope"]);
        assert_eq!(members(&ClientMetadata { default_acr_values: vec!["phr".into()], ..good() }), ["default_acr_values"]);
        assert_eq!(members(&ClientMetadata { client_uri: Some("javascript:1".into()), ..good() }), ["client_uri"]);
        for logo in ["http://app.example/logo.png", "data:image/png;base64,AA==", "logo.png", "https://"] {
            assert_eq!(members(&ClientMetadata { logo_uri: Some(logo.into()), ..good() }), ["logo_uri"], "{logo}");
        }
        assert_eq!(members(&ClientMetadata { client_name: "a\nb".into(), ..good() }), ["client_name"]);
        let always = ClientMetadata { always_refresh: true, grant_types: vec![GrantType::AuthorizationCode], ..good() };
        assert_eq!(members(&always), ["grant_types"]);
    }

    #[test]
    fn a_scheme_of_its_own_is_for_native_clients() {
        let uris = vec![RedirectUri::parse("app.example:/cb").unwrap()];
        let web = ClientMetadata { redirect_uris: uris, ..good() };
        assert_eq!(members(&web), ["redirect_uris"]);
        assert_eq!(members(&ClientMetadata { application_type: ApplicationType::Native, ..web }), Vec::<&str>::new());
    }

    #[test]
    fn plain_http_to_another_machine_is_for_operators_who_allow_it() {
        let with = |uri: &str| ClientMetadata { backchannel_logout_uri: Some(LogoutUri::parse(uri).unwrap()), ..good() };
        assert!(check_transport(&with("http://app.internal/logout"), false).is_err());
        assert!(check_transport(&with("http://app.internal/logout"), true).is_ok());
        assert!(check_transport(&with("http://127.0.0.1:9/logout"), false).is_ok());
        assert!(check_transport(&with("https://app.example/logout"), false).is_ok());
        assert!(check_transport(&good(), false).is_ok());
    }

    #[test]
    fn a_client_id_has_only_characters_that_no_encoding_touches() {
        assert!(check_id("grafana-1.prod_x~").is_ok());
        for bad in ["", "a b", "a:b", "ä", "a/b", &"x".repeat(101)] {
            assert!(check_id(bad).is_err(), "{bad}");
        }
    }
}
