//! The directory of a demonstration: what it keeps from one start to the next (ports and secrets, in `demo.json`), and what its
//! provider is told. `signbridge.toml` is an ordinary configuration, so that every other command works beside the running
//! demonstration with `--config`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use minijinja::value::Serde;
use minijinja::{Environment, context};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::running::Urls;
use super::{DemoError, DemoOptions, Limits};
use crate::domain::env::Env;
use crate::domain::hex::hex;
use crate::domain::secret::Secret;

const KEPT_FILE: &str = "demo.json";
const CONFIG_FILE: &str = "signbridge.toml";

/// Who is declared; each is known by the same name to both phone services.
pub(super) const USERS: [&str; 2] = ["alice", "bob"];

/// The directory of a demonstration; one that nobody asked for is removed at the end.
#[derive(Debug)]
pub(super) struct DataDir {
    pub(super) path: PathBuf,
    pub(super) is_kept: bool,
}

impl DataDir {
    /// Makes the directory, for its owner only.
    pub(super) fn open(asked: Option<&Path>, env: &Env) -> Result<Self, DemoError> {
        let path = match asked {
            Some(path) => std::path::absolute(path)?,
            None => std::env::temp_dir().join(format!("signbridge-demo-{}", random_text(env)?)),
        };
        fs::DirBuilder::new().recursive(asked.is_some()).mode(0o700).create(&path)?;
        Ok(Self { path, is_kept: asked.is_some() })
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file that only its owner reads.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), DemoError> {
        // Written beside and renamed: a start that is killed half-way leaves the old file.
        let (target, beside) = (self.file(name), self.file(&format!("{name}.new")));
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&beside, target)?;
        Ok(())
    }

    /// Writes the configuration file. Answers its path, and the clients as the announcement shows them (design 3, Commands).
    /// `database` is the URL of another database than the file of its own.
    pub(super) fn write_config(
        &self,
        kept: &Kept,
        limits: Limits,
        urls: &Urls,
        database: Option<&str>,
    ) -> Result<(PathBuf, Vec<Value>), DemoError> {
        let values = context! {
            database => database.unwrap_or("sqlite:signbridge.db"),
            limits => if limits == Limits::Off { "off" } else { "production" },
            ..context! { ..Serde(kept), ..Serde(urls) },
        };
        let text = Environment::new().render_str(include_str!("../../templates/demo/signbridge.toml"), values)?;
        self.write(CONFIG_FILE, &text)?;
        let written: Value = toml::from_str(&text)?;
        let announced = |client: &Value| {
            json!({
                "client_id": client["id"],
                "client_secret": client["secret"],
                "auth_method": client["auth_method"],
                "redirect_uris": client["redirect_uris"],
                "post_logout_redirect_uris": client["post_logout_redirect_uris"],
                "consent": client["consent"] == "ask",
            })
        };
        let clients = written.get("client").and_then(Value::as_array).into_iter().flatten().map(announced).collect();
        Ok((self.file(CONFIG_FILE), clients))
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if !self.is_kept
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "the throw-away directory stays behind");
        }
    }
}

/// Where everything listens, on loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ports {
    pub(super) provider: u16,
    pub(super) upstream: u16,
    pub(super) app: u16,
    pub(super) management: u16,
}

impl Ports {
    /// N to N+3.
    pub(super) fn from(first: u16) -> Result<Self, DemoError> {
        let last = first.checked_add(3).ok_or("--port can be at most 65532: demo uses four consecutive ports")?;
        Ok(Self { provider: first, upstream: first + 1, app: first + 2, management: last })
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    pub(super) ports: Ports,
    pub(super) app_id: String,
    pub(super) secret: String,
    pub(super) web_secret: String,
    pub(super) consent_secret: String,
}

impl Kept {
    /// What an earlier start left in `dir`; `None` at the first.
    pub(super) fn find(dir: &DataDir, options: &DemoOptions) -> Result<Option<Self>, DemoError> {
        let file = dir.file(KEPT_FILE);
        if !file.exists() {
            return Ok(None);
        }
        let kept: Self = serde_json::from_str(&fs::read_to_string(&file)?)
            .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        let (dir, port) = (dir.path.display(), kept.ports.provider);
        match options.port {
            // The issuer holds the port, and a database belongs to one issuer for ever.
            Some(asked) if asked != 0 && asked != port => {
                let needs = format!("which stands in its issuer; --port {asked} needs another directory");
                Err(format!("{dir} was made for port {port}, {needs}").into())
            }
            _same_or_none => Ok(Some(kept)),
        }
    }

    pub(super) fn new(ports: Ports, env: &Env) -> Result<Self, DemoError> {
        Ok(Self {
            ports,
            app_id: hex(&env.random_bytes::<16>()?),
            secret: random_text(env)?,
            web_secret: random_text(env)?,
            consent_secret: random_text(env)?,
        })
    }

    pub(super) fn write(&self, dir: &DataDir) -> Result<(), DemoError> {
        dir.write(KEPT_FILE, &serde_json::to_string_pretty(self)?)
    }
}

fn random_text(env: &Env) -> Result<String, DemoError> {
    Ok(Secret::generate(env)?.expose().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_second_start_finds_ports_and_secrets_of_the_first() {
        let dir = DataDir::open(None, &Env::system()).unwrap();
        let options = |port| DemoOptions { port, ..DemoOptions::default() };
        assert!(Kept::find(&dir, &options(None)).unwrap().is_none());
        let first = Kept::new(Ports::from(8080).unwrap(), &Env::system()).unwrap();
        first.write(&dir).unwrap();
        for port in [None, Some(0), Some(8080)] {
            let again = Kept::find(&dir, &options(port)).unwrap().unwrap();
            assert_eq!((again.ports, &again.web_secret), (first.ports, &first.web_secret));
        }
        let refused = Kept::find(&dir, &options(Some(9000))).err().unwrap().to_string();
        assert!(refused.contains("was made for port 8080"), "{refused}");
    }

    #[test]
    fn a_directory_that_nobody_asked_for_goes_and_an_asked_one_stays() {
        let env = Env::system();
        let thrown_away = DataDir::open(None, &env).unwrap().path.clone();
        assert!(!thrown_away.exists());
        let path = std::env::temp_dir().join(format!("signbridge-test-{}", random_text(&env).unwrap()));
        drop(DataDir::open(Some(&path), &env).unwrap());
        assert!(path.exists());
        fs::remove_dir_all(path).unwrap();
    }

    #[test]
    fn there_are_no_ports_beyond_the_last() {
        assert!(Ports::from(65533).unwrap_err().to_string().contains("at most 65532"));
        assert_eq!(Ports::from(65532).unwrap().management, 65535);
    }

    fn urls() -> Urls {
        let [issuer, upstream, app, management] =
            ["localhost:8080", "127.0.0.1:8081", "127.0.0.1:8082", "127.0.0.1:8083"].map(|host| format!("http://{host}"));
        Urls { issuer, phone_url: upstream.clone(), upstream_url: upstream, app_url: app, management_url: management }
    }

    #[test]
    fn the_configuration_that_is_written_is_one_that_the_product_accepts() {
        let dir = DataDir::open(None, &Env::system()).unwrap();
        let kept = Kept::new(Ports::from(8080).unwrap(), &Env::system()).unwrap();
        let (file, clients) = dir.write_config(&kept, Limits::Off, &urls(), None).unwrap();
        let config = Config::load(Some(&file), []).unwrap();
        assert_eq!(config.issuer.text(), "http://localhost:8080");
        let ids: Vec<&str> = config.clients.iter().map(|client| client.id.as_str()).collect();
        assert_eq!(ids, ["demo-web", "demo-consent", "demo-native"]);
        assert_eq!(clients.iter().map(|client| &client["client_id"]).collect::<Vec<_>>(), ids);
        assert!(config.clients[2].metadata.is_public() && config.clients[2].secret.is_none());
        assert_eq!(config.users.iter().map(|user| user.devices.len()).collect::<Vec<_>>(), [2, 2]);
    }
}
