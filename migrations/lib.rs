//! The migrations: a record of the past that never looks at today's entities. See `README.md` beside this file.

mod first;
mod later;
mod m20261129_000013_purposes;
mod table;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{DatabaseTransaction, Statement};

use table::Migration;

pub use sea_orm_migration::prelude::{DbErr, IntoSchemaManagerConnection};

struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(Migration("m20261123_000001_instance", first::instance)),
            Box::new(Migration("m20261123_000002_people", first::people)),
            Box::new(Migration("m20261123_000003_clients", first::clients)),
            Box::new(Migration("m20261123_000004_sessions", first::sessions)),
            Box::new(Migration("m20261123_000005_authorizations", first::requests)),
            Box::new(Migration("m20261123_000006_grants", first::grants)),
            Box::new(Migration("m20261123_000007_logins", first::phones)),
            Box::new(Migration("m20261123_000008_audit", first::audit)),
            Box::new(Migration("m20261126_000009_backchannel_logouts", later::backchannel_logouts)),
            Box::new(Migration("m20261126_000010_nodes", later::nodes)),
            Box::new(Migration("m20261129_000011_targets", later::targets)),
            Box::new(Migration("m20261129_000012_room", later::room)),
            Box::new(m20261129_000013_purposes::Migration),
            Box::new(Migration("m20261130_000014_confirmation", later::confirmation)),
            Box::new(Migration("m20261130_000015_disowned", later::disowned)),
            Box::new(Migration("m20261130_000016_refused_requests", later::refused_requests)),
            Box::new(Migration("m20261130_000017_methods", later::methods)),
            Box::new(Migration("m20261130_000018_logos", later::logos)),
        ]
    }
}

/// Migrations that an older program does not notice: the name of each, and the latest migration which that program must
/// know. It goes on running, and starts, on a database that has seen them. Any other migration shuts older programs out.
const COMPATIBLE: &[(&str, &str)] = &[
    ("m20261126_000010_nodes", "m20261123_000008_audit"),
    ("m20261129_000011_targets", "m20261123_000008_audit"),
    ("m20261129_000012_room", "m20261123_000008_audit"),
    ("m20261129_000013_purposes", "m20261123_000008_audit"),
    ("m20261130_000014_confirmation", "m20261123_000008_audit"),
    ("m20261130_000015_disowned", "m20261123_000008_audit"),
    ("m20261130_000016_refused_requests", "m20261123_000008_audit"),
    ("m20261130_000017_methods", "m20261123_000008_audit"),
    ("m20261130_000018_logos", "m20261123_000008_audit"),
];

/// The names of every migration that this program knows, oldest first.
pub fn known() -> Vec<String> {
    Migrator::migrations().iter().map(|migration| migration.name().to_owned()).collect()
}

/// The names of the migrations that a database has seen, oldest first; changes nothing.
pub async fn applied<'c>(db: impl IntoSchemaManagerConnection<'c>) -> Result<Vec<String>, DbErr> {
    let manager = SchemaManager::new(db);
    if !manager.has_table("seaql_migrations").await? {
        return Ok(Vec::new());
    }
    let select = Query::select().column("version").from("seaql_migrations").order_by("version", Order::Asc).take();
    let rows = manager.get_connection().query_all(&select).await?;
    rows.iter().map(|row| row.try_get("", "version")).collect()
}

/// What programs before this one wrote about migrations: for each, the latest migration that a program must know to run on
/// a database which has seen it. A migration that is not among them serves only programs that know it.
pub async fn compatibility<'c>(db: impl IntoSchemaManagerConnection<'c>) -> Result<Vec<(String, String)>, DbErr> {
    let manager = SchemaManager::new(db);
    if !manager.has_table("schema_compatibility").await? {
        return Ok(Vec::new());
    }
    let select = Query::select().columns(["migration", "compatible_since"]).from("schema_compatibility").take();
    let rows = manager.get_connection().query_all(&select).await?;
    rows.iter().map(|row| Ok((row.try_get("", "migration")?, row.try_get("", "compatible_since")?))).collect()
}

/// Applies what is pending, within the transaction of the caller, who also sees to it that nobody else migrates.
pub async fn up(transaction: &DatabaseTransaction) -> Result<(), DbErr> {
    Migrator::up(transaction, None).await?;
    let written = compatibility(transaction).await?;
    for name in known().into_iter().filter(|name| written.iter().all(|(known, _)| known != name)) {
        let since = COMPATIBLE.iter().find(|(known, _)| *known == name).map_or(name.as_str(), |(_, since)| since).to_owned();
        let sql = "INSERT INTO schema_compatibility (migration, compatible_since) VALUES ($1, $2)";
        let values = [name.into(), since.into()];
        transaction.execute_raw(Statement::from_sql_and_values(transaction.get_database_backend(), sql, values)).await?;
    }
    Ok(())
}

/// Takes back the latest `steps` migrations (`None`: all), within the transaction of the caller.
pub async fn down(transaction: &DatabaseTransaction, steps: Option<u32>) -> Result<(), DbErr> {
    Migrator::down(transaction, steps).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_compatible_exists_and_points_back() {
        let known = known();
        assert!(known.is_sorted(), "names are compared to tell older from newer");
        for (name, since) in COMPATIBLE {
            assert!(known.iter().any(|known| known == name) && known.iter().any(|known| known == since), "{name}, {since}");
            assert!(since < name, "{name} follows {since}");
        }
    }
}
