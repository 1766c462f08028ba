//! Kubernetes: the flags of the API server, and a kubeconfig user that signs in with kubelogin (`kubectl oidc-login`). The API
//! server accepts https issuers only, and RS256 unless it is told more.

use serde_json::json;

use super::{File, Registered, Target, text};
use crate::domain::written::WrittenClient;
use crate::protocol::client_metadata::{ApplicationType, AuthMethod, SigningAlgorithm};

/// Where kubelogin listens: the second port if the first is taken.
const LISTENERS: [&str; 2] = ["http://localhost:8000", "http://localhost:18000"];

pub(super) fn client() -> WrittenClient {
    WrittenClient {
        name: Some("Kubernetes".to_owned()),
        redirect_uris: Some(LISTENERS.map(str::to_owned).to_vec()),
        auth_method: Some(AuthMethod::None),
        application_type: Some(ApplicationType::Native),
        require_pkce: Some(true),
        id_token_signing_alg: Some(SigningAlgorithm::RS256),
        ..WrittenClient::default()
    }
}

pub(super) fn files(target: &Target, registered: &Registered<'_>) -> Vec<File> {
    let login = login(registered);
    let setup = text::command("kubectl oidc-login setup", &login);
    let arguments: Vec<&str> = ["oidc-login", "get-token"].into_iter().chain(login.iter().map(String::as_str)).collect();
    // JSON is YAML, and kubectl reads either.
    let user = json!({ "apiVersion": "v1", "kind": "Config", "users": [{ "name": target.alias, "user": { "exec": {
        "apiVersion": "client.authentication.k8s.io/v1", "interactiveMode": "Never", "command": "kubectl", "args": arguments,
    } } }] });
    vec![
        File::new(
            "kube-apiserver.flags",
            "onto the command line of kube-apiserver; the issuer must be https",
            flags(target, registered),
        ),
        File::new("kubeconfig-user.json", "KUBECONFIG=~/.kube/config:kubeconfig-user.json", format!("{user:#}\n")),
        File::new("kubelogin.sh", "to try the login alone", setup),
    ]
}

/// The flags of kubelogin. It asks for `openid` by itself.
fn login(registered: &Registered<'_>) -> Vec<String> {
    let mut flags =
        vec![format!("--oidc-issuer-url={}", registered.endpoints.issuer), format!("--oidc-client-id={}", registered.id())];
    flags.extend(registered.secret().map(|secret| format!("--oidc-client-secret={secret}")));
    flags.extend(registered.scopes().iter().skip(1).map(|scope| format!("--oidc-extra-scope={scope}")));
    flags.push("--oidc-pkce-method=S256".to_owned());
    flags
}

/// Names and groups from here get a prefix in role bindings, so that nobody here can become a user of the cluster's own.
fn flags(target: &Target, registered: &Registered<'_>) -> String {
    let alg = registered.client.metadata.id_token_signed_response_alg.as_str();
    let prefix = &target.alias;
    let lines = [
        format!("--oidc-issuer-url={}", registered.endpoints.issuer),
        format!("--oidc-client-id={}", registered.id()),
        "--oidc-username-claim=preferred_username".to_owned(),
        format!("--oidc-username-prefix={prefix}:"),
        "--oidc-groups-claim=groups".to_owned(),
        format!("--oidc-groups-prefix={prefix}:"),
        format!("--oidc-signing-algs={alg}"),
    ];
    lines.join("\n") + "\n"
}
