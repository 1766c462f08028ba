//! `[database]`: where everything is kept (decision 2.13).

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::key::{Key, Kind, Section, Shape};
use super::problem::Reader;
use crate::domain::secret::Secret;

pub(super) const SECTION: Section = Section {
    name: "database",
    shape: Shape::Always,
    about: "Where clients, people, devices, sessions and tokens are kept.",
    keys: &[
        Key::new(
            "url",
            Kind::Secret,
            "`sqlite:PATH`, a file that is made when it is missing, for one machine; or `postgres://USER:PASSWORD@HOST/NAME` \
             for several, with libpq's `sslmode` (default `prefer`; `allow` is taken as `disable`) and `sslrootcert`.",
        )
        .default("\"sqlite:signbridge.db\""),
        Key::new("connections", Kind::Count(1000), "How many connections this node keeps to PostgreSQL, at most.")
            .default("10"),
        Key::new(
            "writes_per_commit",
            Kind::Count(MOST_WRITES),
            "How many waiting writes one commit to SQLite gathers, at most. With 1, each has a commit, and an fsync, of its own.",
        )
        .default("64"),
    ],
};

#[derive(Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    url: String,
    connections: u32,
    writes_per_commit: u32,
}

/// The most writes that a commit may gather.
const MOST_WRITES: u32 = 64;

/// The parameters of a `postgres://` URL, as libpq calls them.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// The values of libpq's `sslmode`.
const SSL_MODES: &[&str] = &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// The database.
#[derive(Clone, Debug)]
pub enum Database {
    /// A file on this machine.
    Sqlite {
        /// Where it is.
        path: PathBuf,
        /// How many waiting writes one commit gathers, at most.
        writes_per_commit: u32,
    },
    /// A server.
    Postgres {
        /// Where it is; may hold a password.
        url: Secret,
        /// How many connections this node keeps, at most.
        connections: u32,
    },
}

impl Database {
    pub(super) fn read(raw: Raw, reader: &mut Reader) -> Option<Self> {
        let checked =
            match raw.url.strip_prefix("sqlite:") {
                Some(path) => sqlite_path(path)
                    .map(|path| Self::Sqlite { path: reader.path(path), writes_per_commit: raw.writes_per_commit }),
                None => check_postgres(&raw.url)
                    .map(|()| Self::Postgres { url: Secret::new(raw.url), connections: raw.connections }),
            };
        // A write holds one connection, and whoever settles what became of it needs another.
        if raw.connections < 2 {
            reader.report("database.connections", "expected at least 2");
        }
        if raw.writes_per_commit == 0 {
            reader.report("database.writes_per_commit", "expected at least 1");
        }
        reader.check("database.url", checked)
    }

    /// The URL that the store opens; a path in it is absolute when the configuration was read with an absolute one.
    pub fn url(&self) -> Secret {
        match self {
            Self::Sqlite { path, .. } => Secret::new(format!("sqlite:{}", path.display())),
            Self::Postgres { url, .. } => url.clone(),
        }
    }
}

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
    let unknown = |mode: &str| !SSL_MODES.contains(&mode);
    if url.query_pairs().any(|(name, mode)| name == "sslmode" && unknown(&mode)) {
        return Err(format!("sslmode is one of {}", SSL_MODES.join(", ")));
    }
    let unknown = |name: &str| !PARAMETERS.contains(&name) && !name.starts_with("options[");
    if url.query_pairs().any(|(name, _)| unknown(&name)) {
        return Err(format!("the URL has an unknown parameter; known are {}", PARAMETERS.join(", ")));
    }
    Ok(())
}
