//! Logins for something else than an authorization, with or without a browser; token families without a browser session, or of no
//! user.
//!
//! Programs that know only the migrations before live with this one as long as nobody leaves empty what they need. A release that
//! begins such logins or families shuts them out: its migration is compatible since this one (`COMPATIBLE`).

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

use crate::table::{Step, column, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

/// What becomes nullable.
const COLUMNS: [(&str, &str); 3] = [("logins", "browser"), ("grants", "user_id"), ("grants", "session_id")];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        set_nullable(manager, true).await?;
        column("logins", text_null("purpose_key")).take(manager).await?;
        Step::Index("logins", &["purpose_key"]).take(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let connection = manager.get_connection();
        connection.execute_unprepared("DELETE FROM logins WHERE browser IS NULL OR authorization_id IS NULL").await?;
        connection.execute_unprepared("DELETE FROM grants WHERE user_id IS NULL OR session_id IS NULL").await?;
        set_nullable(manager, false).await?;
        Step::Index("logins", &["purpose_key"]).undo(manager).await?;
        column("logins", text_null("purpose_key")).undo(manager).await
    }
}

/// Whether the columns may be empty. PostgreSQL has a statement for that; SQLite has none, and to copy the tables would take what
/// hangs on them along. Its documentation allows to change the text of the schema instead, where the content stays as it is
/// (<https://sqlite.org/lang_altertable.html#otheralter>); the statements that follow tell other connections of the new schema.
async fn set_nullable(manager: &SchemaManager<'_>, nullable: bool) -> Result<(), DbErr> {
    let connection = manager.get_connection();
    if manager.get_database_backend() == DbBackend::Postgres {
        let how = if nullable { "DROP" } else { "SET" };
        for (table, column) in COLUMNS {
            connection.execute_unprepared(&format!("ALTER TABLE {table} ALTER COLUMN {column} {how} NOT NULL")).await?;
        }
        return Ok(());
    }
    let (before, after) = if nullable { ("NOT NULL", "NULL") } else { ("NULL", "NOT NULL") };
    connection.execute_unprepared("PRAGMA writable_schema = ON").await?;
    for (table, column) in COLUMNS {
        let text = |constraint: &str| format!("\"{column}\" text {constraint},");
        let update = format!(
            "UPDATE sqlite_master SET sql = replace(sql, '{before}', '{after}') \
             WHERE type = 'table' AND name = '{table}' AND instr(sql, '{before}') > 0",
            before = text(before),
            after = text(after),
        );
        if connection.execute_unprepared(&update).await?.rows_affected() != 1 {
            return Err(DbErr::Custom(format!("{table}.{column} is not written down as expected")));
        }
    }
    connection.execute_unprepared("PRAGMA writable_schema = RESET").await.map(drop)
}
