//! The sections that only `app` uses: `[listen]`, `[database]`, `[login]` (what happens to people who approve without having an
//! account, decision 2.3), `[log]` and `[audit]`.

use std::net::{AddrParseError, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use toml::Value;
use url::Url;

use super::document::{Document, Parse, text};
use super::key::Kind;
use crate::domain::secret::Secret;
use crate::domain::setting::{DAY, MINUTE, SECOND, days, settings};

/// A stop takes 10 s at most, and requests under way need some of them.
const LONGEST_DRAIN: Duration = Duration::from_secs(5);

settings! {
    /// Where this server listens.
    [listen]
    pub(crate) struct Listen {
        /// The address and port of the provider.
        address: SocketAddr = Kind::Text, default "127.0.0.1:8080";
        /// The certificate chain (PEM). Without it, a reverse proxy has to end TLS. A renewed one is taken within 10 s, or at
        /// SIGHUP.
        tls_cert: Option<PathBuf> = Kind::Path;
        /// The private key of the certificate (PEM, PKCS #8).
        tls_key: Option<PathBuf> = Kind::Path;
        /// The address and port of /livez, /readyz and /metrics. Not for the public.
        management: SocketAddr = Kind::Text, default "127.0.0.1:8081";
        /// How long a client may take to send a request, head and body together (it is answered 408 then), and to take an
        /// answer that waits for it.
        request_time: Duration = Kind::Span(SECOND, MINUTE), default "10s";
        /// How long a node that was told to stop (SIGTERM) still takes new requests while /readyz already says no: at least
        /// what the proxy before several nodes needs to notice.
        drain: Duration = Kind::Span(Duration::ZERO, LONGEST_DRAIN), default "0s";
    }
}

/// PEM files that exist.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Listen {
    pub(super) fn read_and_compare(document: &mut Document) -> Option<Self> {
        let listen = Self::read(document);
        let is_same = |listen: &Self| listen.address == listen.management && listen.address.port() != 0;
        if listen.as_ref().is_some_and(is_same) {
            document.report("listen.management", "is the same as listen.address: give it a port of its own");
        }
        let is_written = |key| document.written("listen", key).is_some();
        match (is_written("tls_cert"), is_written("tls_key")) {
            (true, false) => document.report("listen.tls_key", "missing: tls_cert needs its private key"),
            (false, true) => document.report("listen.tls_cert", "missing: tls_key needs its certificate"),
            _both_or_neither => {}
        }
        listen
    }

    pub(crate) fn tls(&self) -> Option<Tls> {
        self.tls_cert.clone().zip(self.tls_key.clone()).map(|(cert, key)| Tls { cert, key })
    }
}

impl Parse for SocketAddr {
    fn parse(value: &Value, _document: &Document) -> Result<Self, String> {
        let message = "expected an IP address and a port, as in \"127.0.0.1:8080\", \"0.0.0.0:8080\" or \"[::]:8080\"";
        text(value).parse().map_err(|_unparsable: AddrParseError| message.to_owned())
    }
}

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
    fn parse(value: &Value, document: &Document) -> Result<Self, String> {
        match text(value).strip_prefix("sqlite:") {
            Some(path) => sqlite_path(path).map(|path| Self::Sqlite(document.path(path))),
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

settings! {
    /// The log goes to standard error. The variable SIGNBRIDGE_LOG says what is logged: `info`, `signbridge=debug,warn`.
    [log]
    pub(crate) struct Log {
        /// `auto` is text on a terminal and one JSON object per line elsewhere.
        format: LogFormat = Kind::Choice(&["auto", "text", "json"]), default "auto";
    }
}

settings! {
    /// The audit trail: who signed in, what was changed and by whom.
    [audit]
    pub(crate) struct Audit {
        /// How long its events are kept.
        keep: Duration = Kind::Span(DAY, days(3660)), default "400d";
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    Text,
    Json,
}

settings! {
    /// How people sign in.
    [login]
    pub(crate) struct Login {
        /// What happens when a phone approves whose person has no account here: "refuse". "invite" and "create" are not
        /// available yet.
        unknown: RefuseUnknown = Kind::Text, default "refuse";
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct RefuseUnknown;

impl Parse for RefuseUnknown {
    fn parse(value: &Value, _document: &Document) -> Result<Self, String> {
        match text(value) {
            "refuse" => Ok(Self),
            later @ ("invite" | "create") => Err(format!("\"{later}\" is not available yet: write \"refuse\"")),
            _other => Err("expected \"refuse\"".to_owned()),
        }
    }
}
