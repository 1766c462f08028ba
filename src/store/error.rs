//! What can go wrong in the database, in the words of whoever has to answer for it.

use sea_orm::sqlx::sqlite::SqliteError;
use sea_orm::{DbErr, RuntimeErr, sqlx};

/// An error of the store. Holds names of tables and row keys, never a secret.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The database is busy, full, gone or closed: the same request may succeed later (503).
    #[error("the database is unavailable: {detail}")]
    Unavailable {
        /// For the log.
        detail: String,
        /// Whether the whole transaction may be run again at once; the store has done so a few times.
        transient: bool,
    },
    /// A row holds what this program cannot have written.
    #[error("inconsistent row in {table}, key {key}: {detail}")]
    Inconsistent {
        /// The table.
        table: &'static str,
        /// The primary key.
        key: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A row holds words that this program does not know: a newer one wrote it, beside this one, or it was altered. A node of
    /// that program can answer the same request (503).
    #[error("unknown words in {table}, key {key}, of a newer program or altered: {detail}")]
    Unknown {
        /// The table.
        table: &'static str,
        /// The primary key.
        key: String,
        /// Which.
        detail: String,
    },
    /// The schema is older than this program.
    #[error("the database lacks the migrations {}; run `signbridge migrate`", .0.join(", "))]
    PendingMigrations(Vec<String>),
    /// The schema is newer than this program.
    #[error("the database was migrated by a newer program (it has {}); this one does not start", .0.join(", "))]
    NewerSchema(Vec<String>),
    /// The file is damaged or no database; on PostgreSQL, the server says so of its own. Nothing that it holds is to be trusted.
    #[error(
        "the database is damaged ({0}): stop every program that uses it and restore it from a backup, as docs/backup.md says"
    )]
    Damaged(String),
    /// The database could not be set up as promised.
    #[error("the database cannot be used: {0}")]
    Setup(String),
    /// A change found the rows otherwise than it expected, and was taken back: somebody else was faster.
    #[error("somebody else was faster")]
    Conflict,
    /// Anything else: a mistake of ours.
    #[error("the database refused a statement: {0}")]
    Statement(String),
}

impl StoreError {
    /// Whether the same request may succeed later (503 rather than 500): also when an operator has to do something first.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Unknown { .. } | Self::Damaged(_))
    }

    /// Whether the whole transaction may be run again at once.
    pub(super) const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { transient: true, .. })
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => gone(&error),
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

fn gone(error: &dyn std::error::Error) -> StoreError {
    StoreError::Unavailable { detail: error.to_string(), transient: false }
}

fn classify(error: &sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(database) => {
            let code = database.code().unwrap_or_default();
            let fate = if database.try_downcast_ref::<SqliteError>().is_some() { of_sqlite(&code) } else { of_postgres(&code) };
            // The message names tables and columns; values stand in fields that are not shown.
            let detail = format!("{} ({code})", database.message());
            match fate {
                Fate::Again => StoreError::Unavailable { detail, transient: true },
                Fate::Later => StoreError::Unavailable { detail, transient: false },
                Fate::Damaged => StoreError::Damaged(detail),
                Fate::Never => StoreError::Statement(detail),
            }
        }
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::BeginFailed => {
            StoreError::Unavailable { detail: error.to_string(), transient: true }
        }
        sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => gone(error),
        _other => StoreError::Statement(error.to_string()),
    }
}

/// What to do after an error: run the transaction again at once, tell the caller to come later, tell the operator that what is
/// stored is damaged, or give up.
enum Fate {
    Again,
    Later,
    Damaged,
    Never,
}

/// SQLite's result codes; the low byte is the primary one.
fn of_sqlite(code: &str) -> Fate {
    match code.parse::<i32>().unwrap_or(0) & 0xFF {
        5 | 6 => Fate::Again,                // SQLITE_BUSY, SQLITE_LOCKED
        8 | 9 | 10 | 13 | 14 => Fate::Later, // READONLY, INTERRUPT, IOERR, FULL, CANTOPEN
        11 | 26 => Fate::Damaged,            // CORRUPT, NOTADB
        _other => Fate::Never,
    }
}

/// SQLSTATE classes (PostgreSQL appendix A). A connection that was lost before COMMIT took its transaction along; one that
/// was lost over COMMIT is the writer's business (`postgres`).
fn of_postgres(code: &str) -> Fate {
    match code {
        "40001" | "40P01" | "55P03" => Fate::Again, // serialization failure, deadlock, lock not available
        "57014" | "58030" => Fate::Later,           // cancelled or timed out, I/O error
        _ if is_lost_code(code) => Fate::Again,
        _ if code.starts_with("53") => Fate::Later,
        "XX001" | "XX002" => Fate::Damaged, // data corrupted, index corrupted
        _other => Fate::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_left_nothing_behind_is_run_again() {
        assert!(matches!(of_sqlite("5"), Fate::Again) && matches!(of_sqlite("517"), Fate::Again));
        assert!(matches!(of_sqlite("13"), Fate::Later) && matches!(of_sqlite("1555"), Fate::Never));
        assert!(matches!(of_postgres("40001"), Fate::Again) && matches!(of_postgres("40P01"), Fate::Again));
        assert!(matches!(of_postgres("57P01"), Fate::Again) && matches!(of_postgres("08006"), Fate::Again));
        assert!(matches!(of_postgres("53300"), Fate::Later) && matches!(of_postgres("57014"), Fate::Later));
        assert!(matches!(of_postgres("23505"), Fate::Never));
        assert!(matches!(of_sqlite("11"), Fate::Damaged) && matches!(of_sqlite("267"), Fate::Damaged));
        assert!(matches!(of_sqlite("26"), Fate::Damaged) && matches!(of_postgres("XX001"), Fate::Damaged));
    }
}
