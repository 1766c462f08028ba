//! What strangers may have us keep: the source of an authorization, and audit events of which one row stands for many.

use sea_orm_migration::prelude::*;

use crate::table::{big_integer, big_integer_null, index, text, text_null, unique};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

const AUTHORIZATIONS: &str = "idx_authorizations_source_stage_created_at";
const OPEN: &str = "idx_authorizations_stage_created_at";
const SAMPLES: &str = "idx_audit_events_sample";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("authorizations").add_column(text_null("source")).to_owned()).await?;
        index(manager, "authorizations", &["source", "stage", "created_at"]).await?;
        index(manager, "authorizations", &["stage", "created_at"]).await?;
        // SQLite adds one column at a time.
        for column in [text_null("sample"), big_integer_null("count"), big_integer_null("last_at")] {
            manager.alter_table(Table::alter().table("audit_events").add_column(column).to_owned()).await?;
        }
        unique(manager, "audit_events", &["sample"]).await?;
        let tallies = Table::create()
            .table("audit_tallies")
            .col(text("key").primary_key())
            .col(big_integer("rows"))
            .col(big_integer("at"))
            .to_owned();
        manager.create_table(tallies).await?;
        index(manager, "audit_tallies", &["at"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_table(Table::drop().table("audit_tallies").to_owned()).await?;
        for (name, table) in [(SAMPLES, "audit_events"), (OPEN, "authorizations"), (AUTHORIZATIONS, "authorizations")] {
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        for column in ["last_at", "count", "sample"] {
            manager.alter_table(Table::alter().table("audit_events").drop_column(column).to_owned()).await?;
        }
        manager.alter_table(Table::alter().table("authorizations").drop_column("source").to_owned()).await
    }
}
