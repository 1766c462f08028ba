//! What a demonstration's provider is told. `signbridge.toml` in the data directory is an ordinary configuration, so that
//! every other command works beside the running demonstration with `--config`.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::data_dir::{DataDir, Kept};
use super::running::Urls;
use super::{DemoError, Limits};

const CONFIG_FILE: &str = "signbridge.toml";
const FILE_HEAD: &str =
    "# Written by `signbridge demo` at every start: changes are lost. `signbridge config reference` explains the keys.\n\n";

/// Who is declared; each is known by the same name to both phone services.
pub(super) const USERS: [&str; 2] = ["alice", "bob"];

/// The clients of the contract, as the configuration declares them.
pub(super) fn clients(kept: &Kept, app_url: &str) -> [Value; 3] {
    let web = |id: &str, secret: &str, name: &str, consent: &str| {
        json!({
            "id": id,
            "secret": secret,
            "name": name,
            "auth_method": "client_secret_basic",
            "application_type": "web",
            "redirect_uris": [format!("{app_url}/callback")],
            "post_logout_redirect_uris": [format!("{app_url}/signed-out")],
            "consent": consent,
        })
    };
    let native = json!({
        "id": "demo-native",
        "name": "Example program",
        "auth_method": "none",
        "application_type": "native",
        "redirect_uris": ["http://127.0.0.1/callback"],
        "post_logout_redirect_uris": ["http://127.0.0.1/signed-out"],
        "consent": "none",
    });
    let asking = web("demo-consent", &kept.consent_secret, "Example app that asks", "ask");
    [web("demo-web", &kept.web_secret, "Example app", "none"), asking, native]
}

/// A client as the announcement shows it (design 3, Commands).
pub(super) fn announced(client: &Value) -> Value {
    json!({
        "client_id": client["id"],
        "client_secret": client["secret"],
        "auth_method": client["auth_method"],
        "redirect_uris": client["redirect_uris"],
        "post_logout_redirect_uris": client["post_logout_redirect_uris"],
        "consent": client["consent"] == "ask",
    })
}

fn user(username: &str, name: &str, groups: &[&str]) -> Value {
    json!({
        "username": username,
        "email": format!("{username}@example.com"),
        "name": name,
        "groups": groups,
        "secsignid": username,
        "thumbsignin_user_id": username,
    })
}

/// Writes the configuration file and answers its path. `database` is the URL of another database than the file of its own.
pub(super) fn write_config(
    dir: &DataDir,
    kept: &Kept,
    limits: Limits,
    urls: &Urls,
    database: Option<&str>,
) -> Result<PathBuf, DemoError> {
    let address = |port: u16| format!("127.0.0.1:{port}");
    let config = json!({
        "issuer": urls.issuer,
        "allow_loopback_upstream": true,
        "keys_dir": "keys",
        "listen": { "address": address(kept.ports.provider), "management": address(kept.ports.management) },
        "database": { "url": database.unwrap_or("sqlite:signbridge.db") },
        "secsign": { "url": urls.upstream },
        "thumbsignin": {
            "url": urls.upstream,
            "app_id": kept.app_id,
            "secret": kept.secret,
            "allow_unnamed": true,
        },
        // Relying parties of a demonstration live on this machine.
        "outbound": { "allow_private": true },
        "limits": { "profile": if limits == Limits::Off { "off" } else { "production" } },
        "client": clients(kept, &urls.app),
        "user": [user("alice", "Alice Example", &["staff", "admins"]), user("bob", "Bob Example", &["staff"])],
    });
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
