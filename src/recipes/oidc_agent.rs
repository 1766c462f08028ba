//! oidc-agent: access tokens on a command line. It listens on loopback for the answer, at whatever port its user gives it, and
//! calls that `localhost`.

use super::{File, Registered, Target, text};
use crate::domain::written::WrittenClient;
use crate::protocol::client_metadata::{ApplicationType, AuthMethod};

pub(super) fn client() -> WrittenClient {
    WrittenClient {
        name: Some("oidc-agent".to_owned()),
        // Any port (RFC 8252 §7.3).
        redirect_uris: Some(vec!["http://localhost".to_owned()]),
        auth_method: Some(AuthMethod::None),
        application_type: Some(ApplicationType::Native),
        require_pkce: Some(true),
        ..WrittenClient::default()
    }
}

pub(super) fn files(target: &Target, registered: &Registered<'_>) -> Vec<File> {
    let arguments = [
        target.alias.clone(),
        "--manual".to_owned(),
        format!("--issuer={}", registered.endpoints.issuer),
        format!("--client-id={}", registered.id()),
        // A public client has none, and is asked for it unless it says so.
        format!("--client-secret={}", registered.secret().unwrap_or_default()),
        "--redirect-uri=http://localhost:4242".to_owned(),
        format!("--scope={}", registered.scopes().join(" ")),
        "--flow=code".to_owned(),
    ];
    let command = text::command("oidc-gen", &arguments);
    vec![File::new("oidc-gen.sh", "as the person who wants tokens; then oidc-token prints one", command)]
}
