//! What a demonstration's provider is told: its clients, its people, and the configuration file that holds everything
//! together.
//!
//! `signbridge.toml` in the data directory is an ordinary configuration, so that every other command works beside the
//! running demonstration with `--config`.

use std::path::PathBuf;

use serde::Serialize;
use serde_json::{Value, json};

use super::data_dir::{DataDir, Kept};
use super::running::Urls;
use super::{DemoError, Limits};

const CONFIG_FILE: &str = "signbridge.toml";
const FILE_HEAD: &str =
    "# Written by `signbridge demo` at every start: changes are lost. `signbridge config reference` explains the keys.\n\n";

/// A declared client, and what the announcement says of it.
#[derive(Clone, Serialize)]
pub(super) struct DemoClient {
    id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    name: &'static str,
    auth_method: &'static str,
    application_type: &'static str,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    consent: &'static str,
}

impl DemoClient {
    /// The client as the announcement shows it (design 3, Commands).
    pub(super) fn announced(&self) -> Value {
        json!({
            "client_id": self.id,
            "client_secret": self.secret,
            "auth_method": self.auth_method,
            "redirect_uris": self.redirect_uris,
            "post_logout_redirect_uris": self.post_logout_redirect_uris,
            "consent": self.consent == "ask",
        })
    }
}

/// A declared user with a phone of each service.
#[derive(Clone, Serialize)]
pub(super) struct DemoUser {
    pub(super) username: &'static str,
    email: &'static str,
    name: &'static str,
    groups: &'static [&'static str],
    pub(super) secsignid: &'static str,
    pub(super) thumbsignin_user_id: &'static str,
}

pub(super) const USERS: [DemoUser; 2] = [
    DemoUser {
        username: "alice",
        email: "alice@example.com",
        name: "Alice Example",
        groups: &["staff", "admins"],
        secsignid: "alice",
        thumbsignin_user_id: "alice",
    },
    DemoUser {
        username: "bob",
        email: "bob@example.com",
        name: "Bob Example",
        groups: &["staff"],
        secsignid: "bob",
        thumbsignin_user_id: "bob",
    },
];

/// The clients of the contract.
pub(super) fn clients(kept: &Kept, app_url: &str) -> Vec<DemoClient> {
    let web = DemoClient {
        id: "demo-web",
        secret: Some(kept.web_secret.clone()),
        name: "Example app",
        auth_method: "client_secret_basic",
        application_type: "web",
        redirect_uris: vec![format!("{app_url}/callback")],
        post_logout_redirect_uris: vec![format!("{app_url}/signed-out")],
        consent: "none",
    };
    let consent = DemoClient {
        id: "demo-consent",
        secret: Some(kept.consent_secret.clone()),
        name: "Example app that asks",
        consent: "ask",
        ..web.clone()
    };
    let native = DemoClient {
        id: "demo-native",
        secret: None,
        name: "Example program",
        auth_method: "none",
        application_type: "native",
        redirect_uris: vec!["http://127.0.0.1/callback".to_owned()],
        post_logout_redirect_uris: vec!["http://127.0.0.1/signed-out".to_owned()],
        consent: "none",
    };
    vec![web, consent, native]
}

/// The configuration of the demonstration's provider.
#[derive(Serialize)]
struct ConfigFile<'a> {
    issuer: &'a str,
    allow_loopback_upstream: bool,
    keys_dir: &'static str,
    listen: Value,
    database: Value,
    secsign: Value,
    thumbsignin: Value,
    outbound: Value,
    limits: Value,
    client: &'a [DemoClient],
    user: &'a [DemoUser],
}

/// Where a demonstration keeps everything, unless it is told otherwise.
const OWN_DATABASE: &str = "sqlite:signbridge.db";

/// Writes the configuration file and answers its path. `database` is the URL of another database than the file of its own.
pub(super) fn write_config(
    dir: &DataDir,
    kept: &Kept,
    limits: Limits,
    urls: &Urls,
    database: Option<&str>,
) -> Result<PathBuf, DemoError> {
    let address = |port: u16| format!("127.0.0.1:{port}");
    let config = ConfigFile {
        issuer: &urls.issuer,
        allow_loopback_upstream: true,
        keys_dir: "keys",
        listen: json!({ "address": address(kept.ports.provider), "management": address(kept.ports.management) }),
        database: json!({ "url": database.unwrap_or(OWN_DATABASE) }),
        secsign: json!({ "url": urls.upstream }),
        thumbsignin: json!({
            "url": urls.upstream,
            "app_id": kept.app_id,
            "secret": kept.secret,
            "allow_unnamed": true,
        }),
        // Relying parties of a demonstration live on this machine.
        outbound: json!({ "allow_private": true }),
        limits: json!({ "profile": if limits == Limits::Off { "off" } else { "production" } }),
        client: &clients(kept, &urls.app),
        user: &USERS,
    };
    let text = toml::to_string(&config)?;
    dir.write(CONFIG_FILE, &format!("{FILE_HEAD}{text}"))?;
    Ok(dir.file(CONFIG_FILE))
}

#[cfg(test)]
mod tests {
    use super::super::data_dir::Ports;
    use super::*;
    use crate::config::Config;
    use crate::domain::env::Env;

    fn urls() -> Urls {
        let [issuer, upstream, app, management] =
            ["localhost:8080", "127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.1:8083"].map(|host| format!("http://{host}"));
        Urls { issuer, phone: upstream.clone(), upstream, app, management }
    }

    #[test]
    fn the_configuration_that_is_written_is_one_that_the_product_accepts() {
        let dir = DataDir::open(None, &Env::system()).unwrap();
        let kept = Kept::new(Ports::from(8080).unwrap(), &Env::system()).unwrap();
        let file = write_config(&dir, &kept, Limits::Off, &urls(), None).unwrap();
        let config = Config::load(Some(&file), []).unwrap();
        assert_eq!(config.issuer.text(), "http://localhost:8080");
        let ids: Vec<&str> = config.clients.iter().map(|client| client.id.as_str()).collect();
        assert_eq!(ids, ["demo-web", "demo-consent", "demo-native"]);
        assert!(config.clients[2].metadata.is_public() && config.clients[2].secret.is_none());
        assert_eq!(config.users.iter().map(|user| user.devices.len()).collect::<Vec<_>>(), [2, 2]);
    }
}
