//! Apache with mod_auth_openidc: a site whose pages ask for a login. The module keeps the session; a path that holds no page
//! is its redirect URI, and takes logout tokens as well.

use super::{File, Registered, Target};
use crate::domain::written::WrittenClient;
use crate::protocol::client_metadata::AuthMethod;

/// The path that belongs to the module.
const CALLBACK: &str = "/oidc/callback";

pub(super) fn client(target: &Target) -> WrittenClient {
    let callback = target.at(CALLBACK);
    WrittenClient {
        name: Some("Apache".to_owned()),
        backchannel_logout_uri: Some(format!("{callback}?logout=backchannel")),
        redirect_uris: Some(vec![callback]),
        post_logout_redirect_uris: Some(vec![target.at("/")]),
        require_pkce: Some(true),
        auth_method: Some(AuthMethod::ClientSecretBasic),
        ..WrittenClient::default()
    }
}

pub(super) fn files(target: &Target, registered: &Registered<'_>) -> Vec<File> {
    let redirect = registered.client.metadata.redirect_uris.first().map_or("", |uri| uri.as_str());
    let path = url::Url::parse(redirect).map_or_else(|_never_malformed| CALLBACK.to_owned(), |url| url.path().to_owned());
    let mut settings = vec![
        ("OIDCProviderMetadataURL", registered.discovery_url()),
        ("OIDCClientID", registered.id().to_owned()),
        ("OIDCRedirectURI", redirect.to_owned()),
        ("OIDCCryptoPassphrase", registered.fresh.expose().to_owned()),
        ("OIDCScope", format!("\"{}\"", registered.scopes().join(" "))),
        ("OIDCPKCEMethod", "S256".to_owned()),
        ("OIDCRemoteUserClaim", "preferred_username".to_owned()),
    ];
    settings.extend(registered.secret().map(|secret| ("OIDCClientSecret", secret.to_owned())));
    let settings: String = settings.iter().map(|(name, value)| format!("{name} {value}\n")).collect();
    let logout = form_encoded(registered.after_logout().unwrap_or(&target.url));
    let content = format!(
        "{settings}\n\
         # The module answers here. Without these lines it refuses a logout token after it has ended the session.\n\
         <Location {path}>\n  AuthType openid-connect\n  Require valid-user\n</Location>\n\n\
         # What is protected: everybody who can sign in, or `Require claim groups:NAME`. A link that signs out:\n\
         # {redirect}?logout={logout}\n\
         <Location /private>\n  AuthType openid-connect\n  Require valid-user\n</Location>\n"
    );
    vec![File::new("signbridge.conf", "into the virtual host of the site; needs the module auth_openidc", content)]
}

fn form_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
