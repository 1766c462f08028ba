//! Migrations as the store runs them: one transaction, one program at a time.

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, IntoDatabaseExecutor, SqliteTransactionMode,
    TransactionOptions, TransactionTrait as _,
};
use signbridge_migrations as migrations;

use super::StoreError;

/// The advisory lock of PostgreSQL that only migrations take.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(7305809911893846887)";

/// Applies what is pending.
pub(super) async fn migrate(db: &DatabaseConnection) -> Result<(), StoreError> {
    let transaction = begin_alone(db).await?;
    let (_pending, unknown) = compare(&transaction).await?;
    if !unknown.is_empty() {
        return Err(StoreError::NewerSchema(unknown));
    }
    migrations::up(&transaction).await?;
    Ok(transaction.commit().await?)
}

/// Takes everything back: for tests and for nothing else.
#[cfg(test)]
pub(super) async fn revert(db: &DatabaseConnection) -> Result<(), StoreError> {
    let transaction = begin_alone(db).await?;
    migrations::down(&transaction, None).await?;
    Ok(transaction.commit().await?)
}

/// Refuses a schema that is not exactly the one that this program knows.
pub(super) async fn check(db: &DatabaseConnection) -> Result<(), StoreError> {
    match compare(db).await? {
        (_, unknown) if !unknown.is_empty() => Err(StoreError::NewerSchema(unknown)),
        (pending, _) if !pending.is_empty() => Err(StoreError::PendingMigrations(pending)),
        _same => Ok(()),
    }
}

/// Begins a transaction that no other migration runs beside, in any process: the only place that knows how.
async fn begin_alone(db: &DatabaseConnection) -> Result<DatabaseTransaction, StoreError> {
    // SQLite: the write lock of the file.
    let immediate =
        TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    let transaction = db.begin_with_options(immediate).await?;
    if transaction.get_database_backend() == DbBackend::Postgres {
        // Whoever waits here waits for a whole migration.
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        transaction.execute_unprepared("SET LOCAL lock_timeout = 0").await?;
        transaction.execute_unprepared(MIGRATION_LOCK).await?;
    }
    Ok(transaction)
}

/// The migrations that the database lacks, and those that it has and we do not know.
async fn compare<'c>(db: impl IntoDatabaseExecutor<'c>) -> Result<(Vec<String>, Vec<String>), StoreError> {
    let known = migrations::known();
    let applied = migrations::applied(db).await?;
    let pending = known.iter().filter(|name| !applied.contains(name)).cloned().collect();
    let unknown = applied.iter().filter(|name| !known.contains(name)).cloned().collect();
    Ok((pending, unknown))
}
