//! Whom a login is for and through which client, and what of an attempt counts where: for limits, pictures and the audit trail.

use sea_orm_migration::prelude::*;

use crate::table::{boolean_null, index, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["target", "client_id"] {
            manager.alter_table(Table::alter().table("logins").add_column(text_null(column)).to_owned()).await?;
        }
        index(manager, "logins", &["target"]).await?;
        for column in ["typed", "network"] {
            manager.alter_table(Table::alter().table("pushes").add_column(text_null(column)).to_owned()).await?;
        }
        manager.alter_table(Table::alter().table("pushes").add_column(boolean_null("sent")).to_owned()).await?;
        index(manager, "pushes", &["upstream", "typed", "at"]).await?;
        index(manager, "pushes", &["network", "at"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["idx_pushes_network_at", "idx_pushes_upstream_typed_at", "idx_logins_target"] {
            manager.drop_index(Index::drop().name(name).to_owned()).await?;
        }
        for (table, column) in
            [("pushes", "sent"), ("pushes", "network"), ("pushes", "typed"), ("logins", "client_id"), ("logins", "target")]
        {
            manager.alter_table(Table::alter().table(table).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}
