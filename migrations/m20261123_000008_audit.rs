//! The audit trail. No foreign keys: it outlives what it tells of.

use sea_orm_migration::prelude::*;

use crate::table::{big_integer, drop, index, text, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let audit = Table::create()
            .table("audit_events")
            .col(text("id").primary_key())
            .col(big_integer("at"))
            .col(text("kind"))
            .col(text_null("user_id"))
            .col(text_null("client_id"))
            .col(text_null("subject"))
            .col(text("address"))
            .col(text("user_agent"))
            .col(text_null("detail"))
            .to_owned();
        manager.create_table(audit).await?;
        index(manager, "audit_events", &["at"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["audit_events"]).await
    }
}
