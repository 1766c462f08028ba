//! Relying parties.

use sea_orm_migration::prelude::*;

use crate::table::{big_integer, boolean, drop, text, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let clients = Table::create()
            .table("clients")
            .col(text("id").primary_key())
            .col(text("metadata"))
            .col(text_null("secret"))
            .col(text("source"))
            .col(boolean("disabled"))
            .col(big_integer("created_at"))
            .to_owned();
        manager.create_table(clients).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["clients"]).await
    }
}
