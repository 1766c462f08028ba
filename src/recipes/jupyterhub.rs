//! JupyterHub with oauthenticator's generic class. It sends people to the end-session endpoint without a hint, so that they
//! are asked there whether they mean it.

use serde_json::json;

use super::{File, Registered, Target};
use crate::domain::written::WrittenClient;
use crate::protocol::client_metadata::AuthMethod;

pub(super) fn client(target: &Target) -> WrittenClient {
    WrittenClient {
        name: Some("JupyterHub".to_owned()),
        redirect_uris: Some(vec![target.at("/hub/oauth_callback")]),
        require_pkce: Some(true),
        auth_method: Some(AuthMethod::ClientSecretPost),
        ..WrittenClient::default()
    }
}

pub(super) fn files(target: &Target, registered: &Registered<'_>) -> Vec<File> {
    let endpoints = &registered.endpoints;
    let redirect = registered.client.metadata.redirect_uris.first().map_or("", |uri| uri.as_str());
    // A text or a list of texts is written alike in JSON and in Python.
    let settings = [
        ("login_service", json!("Signbridge")),
        ("client_id", json!(registered.id())),
        ("client_secret", json!(registered.secret().unwrap_or_default())),
        ("oauth_callback_url", json!(redirect)),
        ("authorize_url", json!(endpoints.authorization_endpoint)),
        ("token_url", json!(endpoints.token_endpoint)),
        ("userdata_url", json!(endpoints.userinfo_endpoint)),
        ("logout_redirect_url", json!(endpoints.end_session_endpoint)),
        ("scope", json!(registered.scopes())),
        ("username_claim", json!("preferred_username")),
        ("auth_state_groups_key", json!("oauth_user.groups")),
        ("allowed_groups", json!(target.groups)),
        ("admin_groups", json!([target.admin_group])),
    ];
    let settings: String = settings.iter().map(|(name, value)| format!("c.GenericOAuthenticator.{name} = {value}\n")).collect();
    let everybody = if target.groups.is_empty() { "c.GenericOAuthenticator.allow_all = True\n" } else { "" };
    let content = format!(
        "c.JupyterHub.authenticator_class = \"generic-oauth\"\n{settings}{everybody}\
         c.GenericOAuthenticator.manage_groups = True\n\
         # Keeps the tokens, encrypted under JUPYTERHUB_CRYPT_KEY (openssl rand -hex 32), so that groups follow.\n\
         c.GenericOAuthenticator.enable_auth_state = True\n"
    );
    vec![File::new("jupyterhub_signbridge.py", "onto the end of jupyterhub_config.py", content)]
}
