//! What a client may register (RFC 7591 §2, OIDC Registration §2): the rules that no single member's type can carry.

use url::Url;

use super::assurance::Acr;
use super::id::ClientId;
use super::written::group;
use crate::protocol::client_metadata::{ApplicationType, ClientMetadata, GrantType};
use crate::protocol::scope;
use crate::protocol::uri::{LogoutUri, is_web};

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Violation {
    pub member: &'static str,
    pub message: String,
}

/// Checks a `client_id` (RFC 6749 §2.2) that an operator chooses: characters that no encoding touches (RFC 3986 §2.3), so
/// that every client library sends the same thing.
pub(crate) fn check_id(id: &str) -> Result<ClientId, Violation> {
    let fits = (1..=100).contains(&id.len());
    if fits && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)) {
        return Ok(ClientId::new(id));
    }
    let message = "a client id is 1 to 100 characters of A-Z, a-z, 0-9, `-`, `.`, `_` and `~`".to_owned();
    Err(Violation { member: "client_id", message })
}

/// `allow_private`: whether a client may be told of logouts over plain http to another machine (`[outbound] allow_private`).
pub(crate) fn violations(metadata: &ClientMetadata, allow_private: bool) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut demand = |holds: bool, member, message: &str| {
        if !holds {
            found.push(Violation { member, message: message.to_owned() });
        }
    };
    let name = &metadata.client_name;
    let message = "a client's name is at most 100 characters without control characters";
    demand(name.len() <= 100 && !name.chars().any(char::is_control), "client_name", message);
    let has = |grant| metadata.grant_types.contains(&grant);
    let message = "a client needs the grant `authorization_code`: there is no other way to begin (RFC 6749 §4.1)";
    demand(has(GrantType::AuthorizationCode), "grant_types", message);
    let can_refresh = !metadata.always_refresh || has(GrantType::RefreshToken);
    demand(can_refresh, "grant_types", "`always_refresh` needs the grant `refresh_token`");
    let message = "a client needs at least one redirect URI (RFC 6749 §3.1.2.2)";
    demand(!metadata.redirect_uris.is_empty(), "redirect_uris", message);
    for uri in metadata.redirect_uris.iter().map(|uri| uri.as_str()) {
        let fits = metadata.application_type != ApplicationType::Web || uri.starts_with("https:") || uri.starts_with("http:");
        let message = format!("`{uri}` has a scheme of its own: that is for native clients (OIDC Registration §2)");
        demand(fits, "redirect_uris", &message);
    }
    let is_page = |uri: &String| Url::parse(uri).is_ok_and(|url| is_web(&url));
    demand(metadata.client_uri.as_ref().is_none_or(is_page), "client_uri", "the page of the app is an https or http URL");
    let is_https = |uri: &String| Url::parse(uri).is_ok_and(|url| is_web(&url) && url.scheme() == "https");
    demand(metadata.logo_uri.as_ref().is_none_or(is_https), "logo_uri", "the logo of the app is an https URL");
    for token in metadata.scope.iter() {
        let message = format!("unknown scope `{token}`; choose from {}", scope::KNOWN.join(", "));
        demand(scope::KNOWN.contains(&token), "scope", &message);
    }
    let message = "without the scope `openid` the client could not sign anybody in (OIDC Core §3.1.2.1)";
    demand(metadata.scope.contains(scope::OPENID), "scope", message);
    for value in &metadata.default_acr_values {
        let message = format!("`{value}` is no acr value of this provider; there are {}", Acr::ALL.map(Acr::as_str).join(", "));
        demand(Acr::parse(value).is_some(), "default_acr_values", &message);
    }
    for name in &metadata.allowed_groups {
        let checked = group(name);
        demand(checked.is_ok(), "allowed_groups", &format!("`{name}`: {}", checked.err().unwrap_or_default()));
    }
    // A logout token names a person's session.
    let may_be_told = allow_private || !metadata.backchannel_logout_uri.as_ref().is_some_and(LogoutUri::is_plain_http);
    let message = "a back-channel logout URI is https; plain http to another machine needs `[outbound] allow_private = true`";
    demand(may_be_told, "backchannel_logout_uri", message);
    found
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
        violations(metadata, false).into_iter().map(|violation| violation.member).collect()
    }

    #[test]
    fn a_plain_web_client_breaks_no_rule() {
        assert_eq!(violations(&good(), false), []);
    }

    #[test]
    fn every_broken_rule_is_named() {
        assert_eq!(members(&ClientMetadata { redirect_uris: vec![], ..good() }), ["redirect_uris"]);
        assert_eq!(members(&ClientMetadata { grant_types: vec![GrantType::RefreshToken], ..good() }), ["grant_types"]);
        let unknown = ClientMetadata { scope: Scope::parse("email telepathy").unwrap(), ..good() };
        assert_eq!(members(&unknown), ["scope", "scope"]);
        assert!(violations(&unknown, false).remove(0).message.starts_with("unknown scope `telepathy`; choose from openid, "));
        assert_eq!(members(&ClientMetadata { default_acr_values: vec!["phr".into()], ..good() }), ["default_acr_values"]);
        assert_eq!(members(&ClientMetadata { client_uri: Some("javascript:1".into()), ..good() }), ["client_uri"]);
        for logo in ["http://app.example/logo.png", "data:image/png;base64,AA==", "logo.png", "https://"] {
            assert_eq!(members(&ClientMetadata { logo_uri: Some(logo.into()), ..good() }), ["logo_uri"], "{logo}");
        }
        assert_eq!(members(&ClientMetadata { client_name: "a\nb".into(), ..good() }), ["client_name"]);
        let groups = vec!["Domain Users".into(), "a,b".into(), " ".into()];
        assert_eq!(members(&ClientMetadata { allowed_groups: groups, ..good() }), ["allowed_groups", "allowed_groups"]);
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
        assert_eq!(members(&with("http://app.internal/logout")), ["backchannel_logout_uri"]);
        assert_eq!(violations(&with("http://app.internal/logout"), true), []);
        assert_eq!(violations(&with("http://127.0.0.1:9/logout"), false), []);
        assert_eq!(violations(&with("https://app.example/logout"), false), []);
        assert_eq!(violations(&good(), false), []);
    }

    #[test]
    fn a_client_id_has_only_characters_that_no_encoding_touches() {
        assert!(check_id("grafana-1.prod_x~").is_ok());
        for bad in ["", "a b", "a:b", "ä", "a/b", &"x".repeat(101)] {
            assert!(check_id(bad).is_err(), "{bad}");
        }
    }
}
