//! `[database]`: where everything is kept (decision 2.13).

use std::path::PathBuf;

use toml::Value;
use url::Url;

use super::key::Kind;
use super::values::{Parse, Values, text};
use crate::domain::secret::Secret;
use crate::domain::setting::settings;

settings! {
    /// Where clients, people, devices, sessions and tokens are kept.
    [database]
    pub(crate) struct Database {
        /// `sqlite:PATH`, a file that is made when it is missing, for one machine; or `postgres://USER:PASSWORD@HOST/NAME`
        /// for several, with libpq's `sslmode` (default `prefer`; `allow` is taken as `disable`) and `sslrootcert`.
        url: DatabaseUrl = Kind::Secret, default "sqlite:signbridge.db";
        /// How many connections this node keeps to PostgreSQL, at most.
        // A write holds one connection, and whoever settles what became of it needs another.
        connections: u32 = Kind::Count(2, 1000), default 10;
        /// How many waiting writes one commit to SQLite gathers, at most. With 1, each has a commit, and an fsync, of its own.
        writes_per_commit: u32 = Kind::Count(1, 64), default 64;
    }
}

#[derive(Clone, Debug)]
pub(crate) enum DatabaseUrl {
    /// A file on this machine; absolute when the configuration was read with an absolute path.
    Sqlite(PathBuf),
    /// A server; the URL may hold a password.
    Postgres(Secret),
}

impl Database {
    pub(crate) fn url(&self) -> Secret {
        match &self.url {
            DatabaseUrl::Sqlite(path) => Secret::new(format!("sqlite:{}", path.display())),
            DatabaseUrl::Postgres(url) => url.clone(),
        }
    }
}

impl Parse for DatabaseUrl {
    fn parse(value: &Value, values: &Values<'_>) -> Result<Self, String> {
        match text(value).strip_prefix("sqlite:") {
            Some(path) => sqlite_path(path).map(|path| Self::Sqlite(values.reader.path(path))),
            None => check_postgres(text(value)).map(|()| Self::Postgres(Secret::new(text(value)))),
        }
    }
}

const PARAMETERS: &str =
    "sslmode, sslrootcert, sslcert, sslkey, host, hostaddr, port, dbname, user, password, application_name, options";

const SSL_MODES: &str = "disable, allow, prefer, require, verify-ca, verify-full";

fn sqlite_path(path: &str) -> Result<&str, String> {
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.contains(['?', '#']) {
        return Err("write the path of the file alone, as in \"sqlite:signbridge.db\"".to_owned());
    }
    if path.starts_with(":memory:") {
        return Err("a database in memory would forget every session and key: name a file".to_owned());
    }
    Ok(path)
}

fn check_postgres(text: &str) -> Result<(), String> {
    if !text.starts_with("postgres://") && !text.starts_with("postgresql://") {
        return Err("expected \"sqlite:PATH\" or \"postgres://USER:PASSWORD@HOST/NAME\"".to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("not a URL ({error})"))?;
    let unknown = |known: &str, word: &str| !known.split(", ").any(|known| known == word);
    if url.query_pairs().any(|(name, mode)| name == "sslmode" && unknown(SSL_MODES, &mode)) {
        return Err(format!("sslmode is one of {SSL_MODES}"));
    }
    if url.query_pairs().any(|(name, _)| unknown(PARAMETERS, &name) && !name.starts_with("options[")) {
        return Err(format!("the URL has an unknown parameter; known are {PARAMETERS}"));
    }
    Ok(())
}
