//! What several nodes on one database need: the outcome of commits whose answer was lost, turns to count in, and which
//! programs a schema still serves.

use sea_orm_migration::prelude::*;

use crate::table::{big_integer, boolean, drop, index, text};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let commits = Table::create()
            .table("commits")
            .col(text("id").primary_key())
            .col(boolean("took"))
            .col(big_integer("at"))
            .to_owned();
        manager.create_table(commits).await?;
        index(manager, "commits", &["at"]).await?;
        let turns = Table::create().table("push_turns").col(text("key").primary_key()).col(big_integer("at")).to_owned();
        manager.create_table(turns).await?;
        index(manager, "push_turns", &["at"]).await?;
        let compatibility = Table::create()
            .table("schema_compatibility")
            .col(text("migration").primary_key())
            .col(text("compatible_since"))
            .to_owned();
        manager.create_table(compatibility).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["schema_compatibility", "push_turns", "commits"]).await
    }
}
