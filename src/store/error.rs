//! What can go wrong in the database, by what the caller does about it.

use sea_orm::sqlx::sqlite::SqliteError;
use sea_orm::{DbErr, RuntimeErr, sqlx};

/// An error of the store. Holds names of tables and row keys, never a secret.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The database is busy, full, gone or closed: the same request may succeed later (503).
    #[error("the database is unavailable: {detail}")]
    Unavailable {
        detail: String,
        /// Whether the whole transaction may be run again at once; the store has done so a few times.
        transient: bool,
    },
    /// A row holds what this program cannot have written.
    #[error("inconsistent row in {table}, key {key}: {detail}")]
    Inconsistent { table: &'static str, key: String, detail: String },
    /// A row holds words that this program does not know: a newer one wrote it, beside this one, or it was altered. A node of
    /// that program can answer the same request (503).
    #[error("unknown words in {table}, key {key}, of a newer program or altered: {detail}")]
    Unknown { table: &'static str, key: String, detail: String },
    /// There is no file, or no table in it: nothing was made.
    #[error(
        "there is no database yet ({0}): `signbridge serve` makes it when it starts, and `signbridge migrate` does too; if there \
         should be one, look at database.url and at the directory in which this command runs"
    )]
    Missing(String),
    #[error("the database lacks the migrations {}; run `signbridge migrate`", .0.join(", "))]
    PendingMigrations(Vec<String>),
    #[error(
        "this database was upgraded by a newer Signbridge (migration {}): run that version, or restore a backup from before \
         the upgrade", .0.join(", ")
    )]
    NewerSchema(Vec<String>),
    /// The file is damaged or no database; on PostgreSQL, the server says so of its own. Nothing that it holds is to be trusted.
    #[error(
        "the database is damaged ({0}): stop every program that uses it and restore it from a backup, as \
         docs/guides/operations.md says"
    )]
    Damaged(String),
    /// The database could not be set up as promised.
    #[error("the database cannot be used: {0}")]
    Setup(String),
    /// A transaction found that another one had changed its rows, and was rolled back: no failure of the database.
    #[error("another transaction was faster: {detail}")]
    Conflict {
        detail: &'static str,
        /// Whether the whole transaction may be run again at once; the store has done so a few times.
        retry: bool,
    },
    /// Anything else: a mistake of ours.
    #[error("the database refused a statement: {0}")]
    Statement(String),
}

impl StoreError {
    pub(crate) const fn conflict(detail: &'static str) -> Self {
        Self::Conflict { detail, retry: true }
    }

    /// Whether the same request may succeed later (503 rather than 500): also when an operator has to do something first.
    pub(crate) const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Conflict { .. } | Self::Unknown { .. } | Self::Damaged(_))
    }

    pub(super) const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { transient: true, .. } | Self::Conflict { retry: true, .. })
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => unavailable(error.to_string(), false),
            DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => classify(cause),
            _other => Self::Statement(error.to_string()),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        classify(&error)
    }
}

/// Whether a connection to PostgreSQL is of no more use: it broke, its server is going down or coming up, or is no primary
/// any more (SQLSTATE classes 08 and 57P, 25006).
pub(super) fn is_lost(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))
    | DbErr::Conn(RuntimeErr::SqlxError(cause))) = error
    else {
        return false;
    };
    match &**cause {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(database) => is_lost_code(&database.code().unwrap_or_default()),
        _other => false,
    }
}

fn is_lost_code(code: &str) -> bool {
    code == "25006" || code.starts_with("08") || code.starts_with("57P")
}

fn unavailable(detail: String, transient: bool) -> StoreError {
    StoreError::Unavailable { detail, transient }
}

fn classify(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            let is_sqlite = database.try_downcast_ref::<SqliteError>().is_some();
            // The message names tables and columns; values stand in fields that are not shown.
            let detail = format!("{} ({code})", database.message());
            if is_sqlite { of_sqlite(&code, detail) } else { of_postgres(&code, detail) }
        }
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::BeginFailed => unavailable(error.to_string(), true),
        sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            unavailable(error.to_string(), false)
        }
        _other => StoreError::Statement(error.to_string()),
    }
}

/// SQLite's result codes; the low byte is the primary one.
fn of_sqlite(code: &str, detail: String) -> StoreError {
    match code.parse::<i32>().unwrap_or(0) & 0xFF {
        5 | 6 => unavailable(detail, true),                 // SQLITE_BUSY, SQLITE_LOCKED
        8 | 9 | 10 | 13 | 14 => unavailable(detail, false), // READONLY, INTERRUPT, IOERR, FULL, CANTOPEN
        11 | 26 => StoreError::Damaged(detail),             // CORRUPT, NOTADB
        _other => StoreError::Statement(detail),
    }
}

/// SQLSTATE classes (PostgreSQL appendix A). A connection that was lost before COMMIT took its transaction along; one that
/// was lost over COMMIT is the writer's business (`postgres`).
fn of_postgres(code: &str, detail: String) -> StoreError {
    match code {
        "40001" | "40P01" | "55P03" => unavailable(detail, true), // serialization failure, deadlock, lock not available
        "57014" | "58030" => unavailable(detail, false),          // cancelled or timed out, I/O error
        _ if is_lost_code(code) => unavailable(detail, true),
        _ if code.starts_with("53") => unavailable(detail, false),
        "XX001" | "XX002" => StoreError::Damaged(detail), // data corrupted, index corrupted
        _other => StoreError::Statement(detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_left_nothing_behind_is_run_again() {
        let sqlite = |code: &str| of_sqlite(code, String::new());
        let postgres = |code: &str| of_postgres(code, String::new());
        for again in [sqlite("5"), sqlite("517"), postgres("40001"), postgres("40P01"), postgres("57P01"), postgres("08006")] {
            assert!(matches!(again, StoreError::Unavailable { transient: true, .. }), "{again}");
        }
        for later in [sqlite("13"), postgres("53300"), postgres("57014")] {
            assert!(matches!(later, StoreError::Unavailable { transient: false, .. }), "{later}");
        }
        for ours in [sqlite("1555"), postgres("23505")] {
            assert!(matches!(ours, StoreError::Statement(_)), "{ours}");
        }
        for damage in [sqlite("11"), sqlite("267"), sqlite("26"), postgres("XX001")] {
            assert!(matches!(damage, StoreError::Damaged(_)), "{damage}");
        }
    }
}
