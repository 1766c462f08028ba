//! Nextcloud with the app `user_oidc`: one `occ` command. Where Nextcloud has no pretty URLs, its paths stand below
//! `/index.php`; that form works in every installation.

use super::{File, Registered, Target, text};
use crate::domain::written::WrittenClient;
use crate::protocol::client_metadata::AuthMethod;

pub(super) fn client(target: &Target) -> WrittenClient {
    WrittenClient {
        name: Some("Nextcloud".to_owned()),
        redirect_uris: Some(vec![target.at("/apps/user_oidc/code"), target.at("/index.php/apps/user_oidc/code")]),
        post_logout_redirect_uris: Some(vec![target.at("/")]),
        backchannel_logout_uri: Some(target.at(&format!("/index.php/apps/user_oidc/backchannel-logout/{}", target.alias))),
        require_pkce: Some(true),
        auth_method: Some(AuthMethod::ClientSecretPost),
        scopes: Some(["openid", "profile", "email", "groups"].map(str::to_owned).to_vec()),
        ..WrittenClient::default()
    }
}

pub(super) fn files(target: &Target, registered: &Registered<'_>) -> Vec<File> {
    let mut arguments = vec![target.alias.clone(), format!("--clientid={}", registered.id())];
    arguments.extend(registered.secret().map(|secret| format!("--clientsecret={secret}")));
    arguments.extend([
        format!("--discoveryuri={}", registered.discovery_url()),
        format!("--endsessionendpointuri={}", registered.endpoints.end_session_endpoint),
    ]);
    arguments.extend(registered.after_logout().map(|uri| format!("--postlogouturi={uri}")));
    arguments.extend([
        format!("--scope={}", registered.scopes().join(" ")),
        // The account is tied to `sub`: a person here can never become a local account there that has the same name.
        "--unique-uid=1".to_owned(),
        "--mapping-uid=sub".to_owned(),
        "--mapping-display-name=name".to_owned(),
        "--mapping-email=email".to_owned(),
        "--mapping-groups=groups".to_owned(),
        "--group-provisioning=1".to_owned(),
        "--send-id-token-hint=1".to_owned(),
    ]);
    let command = text::command("occ user_oidc:provider", &arguments);
    vec![File::new("nextcloud.sh", "as the web server's user, with the app user_oidc switched on", command)]
}
