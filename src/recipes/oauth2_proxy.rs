//! oauth2-proxy: its configuration file. Its sign-out calls the end-session endpoint from its server, with the ID token and
//! without a cookie; that ends the session here (decision 2.16).

use toml::{Table, Value};

use super::{File, Registered, Target};
use crate::domain::written::WrittenClient;
use crate::protocol::client_metadata::AuthMethod;

pub(super) fn client(target: &Target) -> WrittenClient {
    WrittenClient {
        name: Some("oauth2-proxy".to_owned()),
        redirect_uris: Some(vec![target.at("/oauth2/callback")]),
        post_logout_redirect_uris: Some(vec![target.at("/")]),
        require_pkce: Some(true),
        auth_method: Some(AuthMethod::ClientSecretBasic),
        ..WrittenClient::default()
    }
}

pub(super) fn files(target: &Target, registered: &Registered<'_>) -> Vec<File> {
    let text = |value: &str| Value::String(value.to_owned());
    let redirect = registered.client.metadata.redirect_uris.first().map_or("", |uri| uri.as_str());
    let mut settings: Vec<(&str, Value)> = vec![
        ("provider", text("oidc")),
        ("provider_display_name", text("Signbridge")),
        ("oidc_issuer_url", text(&registered.endpoints.issuer)),
        ("redirect_url", text(redirect)),
        ("client_id", text(registered.id())),
        ("cookie_secret", text(registered.fresh.expose())),
        ("cookie_secure", Value::Boolean(target.url.starts_with("https:"))),
        ("scope", text(&registered.scopes().join(" "))),
        ("code_challenge_method", text("S256")),
        ("insecure_oidc_skip_nonce", Value::Boolean(false)),
        ("oidc_email_claim", text("email")),
        ("oidc_groups_claim", text("groups")),
        ("email_domains", Value::Array(vec![text("*")])),
        ("skip_provider_button", Value::Boolean(true)),
        // The braces are the proxy's: it puts the ID token there.
        (
            "backend_logout_url",
            Value::String(format!("{}?id_token_hint={{id_token}}", registered.endpoints.end_session_endpoint)),
        ),
    ];
    settings.extend(registered.secret().map(|secret| ("client_secret", text(secret))));
    if registered.refreshes() {
        // Sooner than our access tokens expire (decision 2.10).
        settings.push(("cookie_refresh", text("5m")));
    }
    let table: Table = settings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let note = "# Add where the requests of people who are signed in go: upstreams = [\"http://127.0.0.1:8000/\"]\n";
    vec![File::new("oauth2-proxy.cfg", "oauth2-proxy --config oauth2-proxy.cfg", format!("{note}{table}"))]
}
