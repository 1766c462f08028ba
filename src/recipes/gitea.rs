//! Gitea and Forgejo: one command that adds an authentication source. They do no PKCE (go-gitea/gitea#21376) and have no
//! logout that reaches us.

use super::{File, Registered, Target, text};
use crate::domain::written::WrittenClient;
use crate::protocol::client_metadata::AuthMethod;

pub(super) fn client(target: &Target) -> WrittenClient {
    WrittenClient {
        name: Some("Gitea".to_owned()),
        redirect_uris: Some(vec![target.at(&format!("/user/oauth2/{}/callback", target.alias))]),
        require_pkce: Some(false),
        auth_method: Some(AuthMethod::ClientSecretBasic),
        scopes: Some(["openid", "profile", "email", "groups"].map(str::to_owned).to_vec()),
        ..WrittenClient::default()
    }
}

pub(super) fn files(target: &Target, registered: &Registered<'_>) -> Vec<File> {
    let mut arguments =
        vec![format!("--name={}", target.alias), "--provider=openidConnect".to_owned(), format!("--key={}", registered.id())];
    arguments.extend(registered.secret().map(|secret| format!("--secret={secret}")));
    arguments.push(format!("--auto-discover-url={}", registered.discovery_url()));
    arguments.extend(registered.scopes().iter().map(|scope| format!("--scopes={scope}")));
    arguments.extend(["--group-claim-name=groups".to_owned(), format!("--admin-group={}", target.admin_group)]);
    let command = text::command("gitea admin auth add-oauth", &arguments);
    vec![File::new("gitea.sh", "as Gitea's user; Forgejo takes the same with `forgejo admin`", command)]
}
