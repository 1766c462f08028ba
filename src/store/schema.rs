//! Migrations as the store runs them: one transaction, one program at a time.

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode, TransactionOptions,
    TransactionTrait as _,
};
use signbridge_migrations::{self as migrations, IntoSchemaManagerConnection};

use super::StoreError;

/// The advisory lock of PostgreSQL that only migrations take.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_xact_lock(7305809911893846887)";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Schema {
    pub pending: Vec<String>,
    /// Those of newer programs, on which this one runs all the same.
    pub newer: Vec<String>,
    /// Those of newer programs that shut this one out.
    pub unknown: Vec<String>,
}

impl Schema {
    pub(super) fn missing() -> Self {
        Self { pending: migrations::known(), ..Self::default() }
    }

    pub(super) async fn read<'c>(db: impl IntoSchemaManagerConnection<'c> + Copy) -> Result<Self, StoreError> {
        let (applied, compatibility) = (migrations::applied(db).await?, migrations::compatibility(db).await?);
        Ok(Self::compare(&migrations::known(), &applied, &compatibility))
    }

    /// Names begin with their date and number: they sort as they follow one another.
    fn compare(known: &[String], applied: &[String], compatibility: &[(String, String)]) -> Self {
        let latest = known.last();
        let serves_us = |name: &String| {
            let since = compatibility.iter().find(|(migration, _)| migration == name).map(|(_, since)| since);
            since.zip(latest).is_some_and(|(since, latest)| since <= latest)
        };
        let pending: Vec<String> = known.iter().filter(|name| !applied.contains(name)).cloned().collect();
        let foreign = applied.iter().filter(|name| !known.contains(name)).cloned();
        // A newer program applies everything that came before: where something is missing, the two have parted ways.
        let (newer, unknown) = foreign.partition(|name| pending.is_empty() && serves_us(name));
        Self { pending, newer, unknown }
    }

    pub(crate) fn check(self) -> Result<(), StoreError> {
        match self {
            Self { unknown, .. } if !unknown.is_empty() => Err(StoreError::NewerSchema(unknown)),
            Self { pending, .. } if !pending.is_empty() => Err(StoreError::PendingMigrations(pending)),
            _fits => Ok(()),
        }
    }
}

/// Applies what is pending. Beside a newer program whose migrations this one can live with, there is nothing to do.
pub(super) async fn migrate(db: &DatabaseConnection) -> Result<(), StoreError> {
    let transaction = begin_alone(db).await?;
    let schema = Schema::read(&transaction).await?;
    if !schema.unknown.is_empty() {
        return Err(StoreError::NewerSchema(schema.unknown));
    }
    if schema.newer.is_empty() {
        migrations::up(&transaction).await?;
    } else {
        tracing::info!(newer = ?schema.newer, "the database was migrated by a newer program and still serves this one");
    }
    Ok(transaction.commit().await?)
}

#[cfg(test)]
pub(super) async fn revert(db: &DatabaseConnection, steps: Option<u32>) -> Result<(), StoreError> {
    let transaction = begin_alone(db).await?;
    migrations::down(&transaction, steps).await?;
    Ok(transaction.commit().await?)
}

/// Begins a transaction that no other migration runs beside, in any process: the only place that knows how.
async fn begin_alone(db: &DatabaseConnection) -> Result<DatabaseTransaction, StoreError> {
    // SQLite: the write lock of the file.
    let immediate =
        TransactionOptions { sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate), ..Default::default() };
    let transaction = db.begin_with_options(immediate).await?;
    if transaction.get_database_backend() == DbBackend::Postgres {
        // A wait here lasts for a whole migration.
        transaction.execute_unprepared("SET LOCAL statement_timeout = 0").await?;
        transaction.execute_unprepared("SET LOCAL lock_timeout = 0").await?;
        transaction.execute_unprepared(MIGRATION_LOCK).await?;
    }
    Ok(transaction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn schema(applied: &[&str], compatibility: &[(&str, &str)]) -> Schema {
        let compatibility: Vec<_> =
            compatibility.iter().map(|(name, since)| ((*name).to_owned(), (*since).to_owned())).collect();
        Schema::compare(&names(&["m1", "m2"]), &names(applied), &compatibility)
    }

    #[test]
    fn a_newer_migration_is_lived_with_only_where_it_says_so() {
        let said = |since| schema(&["m1", "m2", "m3"], &[("m3", since)]);
        assert_eq!((said("m2").newer, said("m1").newer), (names(&["m3"]), names(&["m3"])));
        assert_eq!(said("m3").unknown, names(&["m3"]), "it needs a program that knows it");
        assert_eq!(schema(&["m1", "m2", "m3"], &[]).unknown, names(&["m3"]), "it says nothing");
        // One of two is enough to shut this program out.
        let two = schema(&["m1", "m2", "m3", "m4"], &[("m3", "m2"), ("m4", "m3")]);
        assert_eq!((two.newer.clone(), two.unknown.clone()), (names(&["m3"]), names(&["m4"])));
        assert!(matches!(two.check(), Err(StoreError::NewerSchema(unknown)) if unknown == ["m4"]));
    }

    #[test]
    fn what_is_missing_is_pending_and_beside_newer_ones_a_refusal() {
        assert_eq!(schema(&["m1"], &[]), Schema { pending: names(&["m2"]), ..Schema::default() });
        assert_eq!(schema(&["m1", "m3"], &[("m3", "m1")]).unknown, names(&["m3"]));
        assert!(schema(&["m1", "m2"], &[]).check().is_ok());
    }
}
