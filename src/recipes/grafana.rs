//! Grafana: `[auth.generic_oauth]`. It knows no discovery, so that every endpoint is written down. It looks for a role in the
//! ID token first; an expression that always has a result never reads userinfo, so the groups must stand in the ID token.

use super::{File, Registered, Target, text};
use crate::domain::written::WrittenClient;
use crate::protocol::client_metadata::AuthMethod;

pub(super) fn client(target: &Target) -> WrittenClient {
    WrittenClient {
        name: Some("Grafana".to_owned()),
        redirect_uris: Some(vec![target.at("/login/generic_oauth")]),
        post_logout_redirect_uris: Some(vec![target.at("/login")]),
        require_pkce: Some(true),
        auth_method: Some(AuthMethod::ClientSecretBasic),
        ..WrittenClient::default()
    }
}

pub(super) fn files(target: &Target, registered: &Registered<'_>) -> Vec<File> {
    let server = [("root_url", target.at("/"))];
    let settings = settings(target, registered);
    let ini = format!("{}\n{}", text::ini("server", &server), text::ini("auth.generic_oauth", &settings));
    let environment = text::environment("GF_SERVER", &server) + &text::environment("GF_AUTH_GENERIC_OAUTH", &settings);
    vec![
        File::new("grafana.ini", "into /etc/grafana/grafana.ini, or where your grafana.ini is", ini),
        File::new("grafana.env", "or instead for a container: docker run --env-file grafana.env", environment),
    ]
}

/// The settings by their names in Grafana's documentation ("Configure Generic OAuth authentication").
fn settings(target: &Target, registered: &Registered<'_>) -> Vec<(&'static str, String)> {
    let endpoints = &registered.endpoints;
    let auth_style = match registered.client.metadata.token_endpoint_auth_method {
        AuthMethod::ClientSecretBasic => "InHeader",
        AuthMethod::ClientSecretPost | AuthMethod::None => "InParams",
    };
    let mut settings: Vec<(&str, String)> = vec![
        ("enabled", "true".to_owned()),
        ("name", "Signbridge".to_owned()),
        ("allow_sign_up", "true".to_owned()),
        ("auto_login", "false".to_owned()),
        ("client_id", registered.id().to_owned()),
    ];
    settings.extend(registered.secret().map(|secret| ("client_secret", secret.to_owned())));
    settings.extend([
        ("auth_style", auth_style.to_owned()),
        ("scopes", registered.scopes().join(" ")),
        ("auth_url", endpoints.authorization_endpoint.clone()),
        ("token_url", endpoints.token_endpoint.clone()),
        ("api_url", endpoints.userinfo_endpoint.clone()),
        ("use_pkce", "true".to_owned()),
        ("use_refresh_token", registered.refreshes().to_string()),
        ("validate_id_token", "true".to_owned()),
        ("jwk_set_url", endpoints.jwks_uri.clone()),
        ("login_attribute_path", "preferred_username".to_owned()),
        ("name_attribute_path", "name".to_owned()),
        ("email_attribute_path", "email".to_owned()),
        ("groups_attribute_path", "groups".to_owned()),
        ("role_attribute_path", role(target)),
        ("role_attribute_strict", "false".to_owned()),
        ("allow_assign_grafana_admin", "false".to_owned()),
        ("skip_org_role_sync", "false".to_owned()),
    ]);
    settings.extend(registered.after_logout().map(|uri| ("signout_redirect_url", sign_out(registered, uri))));
    settings
}

/// A JMESPath expression over the claims; `groups` is a list even for a person without any.
fn role(target: &Target) -> String {
    let Target { admin_group, editor_group, .. } = target;
    format!("contains(groups[*], '{admin_group}') && 'Admin' || contains(groups[*], '{editor_group}') && 'Editor' || 'Viewer'")
}

/// Grafana adds `id_token_hint` where it sees `post_logout_redirect_uri` and its access token is still good; `client_id`
/// names us the client where it does not.
fn sign_out(registered: &Registered<'_>, uri: &str) -> String {
    registered.end_session(&[("client_id", registered.id()), ("post_logout_redirect_uri", uri)])
}
