//! Connections: made as decision 2.13 promises, and refused when the engine does not keep the promise.

use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::time::Duration;

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use tokio::time::Instant;

use super::{Soundness, StoreError};

/// How long a statement waits for a lock, and a caller for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
const READERS: u32 = 4;
/// The result code of a statement that a progress handler ended.
const INTERRUPTED: &str = "9";
/// The first version without the "WAL-reset" corruption race of 3.7.0–3.51.2.
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

pub(super) enum Target {
    Sqlite(PathBuf),
    Postgres(Box<PgConnectOptions>),
}

impl Target {
    /// Reads `sqlite:PATH` (also `sqlite://PATH`) or `postgres://…`.
    pub(super) fn parse(url: &str) -> Result<Self, StoreError> {
        if let Some(rest) = url.strip_prefix("sqlite:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            if path.is_empty() || path.starts_with(':') || path.contains('?') {
                return Err(StoreError::Setup("`sqlite:PATH` needs the path of a file, without parameters".into()));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            // The error of the parser may quote the URL, which holds a password.
            return match PgConnectOptions::from_str(url) {
                Ok(options) => Ok(Self::Postgres(Box::new(options))),
                Err(_quoting) => Err(StoreError::Setup("the postgres:// URL cannot be read".into())),
            };
        }
        Err(StoreError::Setup("the database URL must be `sqlite:PATH` or `postgres://…`".into()))
    }
}

/// SQLite gives `-wal` and `-shm` the mode of the file: its owner alone may read them, whatever the umask.
pub(super) fn create_file(path: &Path) -> Result<(), StoreError> {
    let outcome = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => file.set_permissions(Permissions::from_mode(0o600)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    };
    outcome.map_err(|error| StoreError::Setup(format!("{} cannot be made: {error}", path.display())))
}

pub(super) async fn sqlite_writer(path: &Path) -> Result<DatabaseConnection, StoreError> {
    let options = sqlite(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // Of a new file; see `space`.
        .auto_vacuum(SqliteAutoVacuum::Incremental)
        // After a checkpoint a file that a long reader blew up shrinks again.
        .pragma("journal_size_limit", "67108864");
    let writer = sqlite_pool(1, options).await?;
    let (major, minor, patch) = OLDEST_SQLITE;
    if version(&ask(&writer, "SELECT sqlite_version()").await?) < Some(OLDEST_SQLITE) {
        return Err(StoreError::Setup(format!("SQLite is older than {major}.{minor}.{patch}, which can corrupt its file")));
    }
    expect(&writer, "journal_mode", "wal").await?;
    expect(&writer, "synchronous", "2").await?;
    expect(&writer, "foreign_keys", "1").await?;
    expect(&writer, "busy_timeout", "5000").await?;
    Ok(writer)
}

pub(super) async fn sqlite_readers(path: &Path) -> Result<DatabaseConnection, StoreError> {
    let readers = sqlite_pool(READERS, sqlite(path).pragma("query_only", "ON")).await?;
    expect(&readers, "query_only", "1").await?;
    expect(&readers, "busy_timeout", "5000").await?;
    Ok(readers)
}

pub(super) fn sqlite(path: &Path) -> SqliteConnectOptions {
    // The statements are ours and the values may be secrets' digests: nothing of either is logged.
    SqliteConnectOptions::new().filename(path).foreign_keys(true).busy_timeout(ACQUIRE_TIMEOUT).disable_statement_logging()
}

async fn sqlite_pool(size: u32, options: SqliteConnectOptions) -> Result<DatabaseConnection, sqlx::Error> {
    let pool = SqlitePoolOptions::new()
        .max_connections(size)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(options)
        .await?;
    Ok(DatabaseConnection::from(pool))
}

/// Reads the whole file and says whether it holds together; `Unknown` when that took longer than `patience`. It looks at the
/// structure (pages, trees, rows that can be read), not at whether every index agrees with its table.
pub(super) async fn examine(path: &Path, patience: Duration) -> Result<Soundness, StoreError> {
    let mut connection = sqlite(path).pragma("query_only", "ON").connect().await?;
    let until = Instant::now() + patience;
    // Asked every so many steps of the statement: often enough, and at no cost.
    connection.lock_handle().await?.set_progress_handler(1000, move || Instant::now() < until);
    let found = sqlx::query_scalar::<_, String>("PRAGMA quick_check(1)").fetch_one(&mut connection).await;
    connection.lock_handle().await?.remove_progress_handler();
    let _closed = connection.close().await;
    match found {
        Ok(text) => sound(&text).map(|()| Soundness::Sound),
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code == INTERRUPTED) => Ok(Soundness::Unknown),
        Err(error) => Err(error.into()),
    }
}

/// As [`examine`], however long it takes, and with each index compared with its table.
pub(super) async fn examine_whole(path: &Path) -> Result<(), StoreError> {
    let mut connection = sqlite(path).pragma("query_only", "ON").connect().await?;
    let found = sqlx::query_scalar::<_, String>("PRAGMA integrity_check(1)").fetch_one(&mut connection).await;
    let _closed = connection.close().await;
    sound(&found?)
}

fn sound(answer: &str) -> Result<(), StoreError> {
    if answer == "ok" { Ok(()) } else { Err(StoreError::Damaged(answer.replace('\n', " "))) }
}

pub(super) async fn ask(db: &DatabaseConnection, sql: &str) -> Result<String, StoreError> {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let row = row.ok_or_else(|| StoreError::Setup(format!("`{sql}` answered nothing")))?;
    match row.try_get_by_index::<String>(0) {
        Ok(text) => Ok(text),
        Err(_not_text) => Ok(row.try_get_by_index::<i64>(0)?.to_string()),
    }
}

async fn expect(db: &DatabaseConnection, pragma: &str, wanted: &str) -> Result<(), StoreError> {
    let found = ask(db, &format!("PRAGMA {pragma}")).await?;
    if found == wanted {
        return Ok(());
    }
    Err(StoreError::Setup(format!("SQLite's {pragma} is {found} instead of {wanted}; is the file on a network file system?")))
}

fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_as_it_stands_and_anything_else_is_refused() {
        for (url, expected) in
            [("sqlite:data/a.db", "data/a.db"), ("sqlite:/var/a.db", "/var/a.db"), ("sqlite:///a.db", "/a.db")]
        {
            assert!(matches!(Target::parse(url), Ok(Target::Sqlite(path)) if path == Path::new(expected)), "{url}");
        }
        for url in ["sqlite:", "sqlite::memory:", "sqlite:a.db?mode=ro", "mysql://localhost/a", "a.db"] {
            assert!(matches!(Target::parse(url), Err(StoreError::Setup(_))), "{url}");
        }
    }

    #[test]
    fn an_unreadable_url_is_not_quoted() {
        let error = Target::parse("postgres://user:hunter2@host:port/x").err().unwrap();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(version("3.51.3") >= Some(OLDEST_SQLITE) && version("3.100.0") > Some(OLDEST_SQLITE));
        assert!(version("3.51.2") < Some(OLDEST_SQLITE) && version("junk") < Some(OLDEST_SQLITE));
    }
}
