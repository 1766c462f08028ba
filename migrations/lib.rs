//! The migrations: a record of the past that never looks at today's entities. See `README.md` beside this file.

mod m20261123_000001_instance;
mod m20261123_000002_people;
mod m20261123_000003_clients;
mod m20261123_000004_sessions;
mod m20261123_000005_authorizations;
mod m20261123_000006_grants;
mod m20261123_000007_logins;
mod m20261123_000008_audit;
mod m20261126_000009_backchannel_logouts;
mod table;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DatabaseTransaction;

pub use sea_orm_migration::prelude::DbErr;

/// Every migration, oldest first.
struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261123_000001_instance::Migration),
            Box::new(m20261123_000002_people::Migration),
            Box::new(m20261123_000003_clients::Migration),
            Box::new(m20261123_000004_sessions::Migration),
            Box::new(m20261123_000005_authorizations::Migration),
            Box::new(m20261123_000006_grants::Migration),
            Box::new(m20261123_000007_logins::Migration),
            Box::new(m20261123_000008_audit::Migration),
            Box::new(m20261126_000009_backchannel_logouts::Migration),
        ]
    }
}

/// The names of every migration that this program knows, oldest first.
pub fn known() -> Vec<String> {
    Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}

/// The names of the migrations that a database has seen, oldest first; changes nothing.
///
/// # Errors
/// When the database fails.
pub async fn applied<'c>(db: impl IntoSchemaManagerConnection<'c>) -> Result<Vec<String>, DbErr> {
    let manager = SchemaManager::new(db);
    if !manager.has_table("seaql_migrations").await? {
        return Ok(Vec::new());
    }
    let select = Query::select().column("version").from("seaql_migrations").order_by("version", Order::Asc).take();
    let rows = manager.get_connection().query_all(&select).await?;
    rows.iter().map(|row| row.try_get("", "version")).collect()
}

/// Applies what is pending, within the transaction of the caller, who also sees to it that nobody else migrates.
///
/// # Errors
/// When a statement fails; the caller then rolls back.
pub async fn up(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    Migrator::up(transaction, None).await
}

/// Takes back the latest `steps` migrations (`None`: all), within the transaction of the caller.
///
/// # Errors
/// As [`up`].
pub async fn down(transaction: &DatabaseTransaction, steps: Option<u32>) -> Result<(), DbErr> {
    Migrator::down(transaction, steps).await
}
