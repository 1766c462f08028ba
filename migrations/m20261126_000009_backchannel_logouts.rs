//! Logout tokens that are yet to be delivered.

use sea_orm_migration::prelude::*;

use crate::table::{belongs_to, big_integer, big_integer_null, drop, index, text, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(backchannel_logouts()).await?;
        index(manager, "backchannel_logouts", &["client_id"]).await?;
        index(manager, "backchannel_logouts", &["held_by"]).await?;
        index(manager, "backchannel_logouts", &["due_at"]).await?;
        index(manager, "backchannel_logouts", &["created_at"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["backchannel_logouts"]).await
    }
}

/// No foreign key to the session or the person: a token about them is delivered though they are gone.
fn backchannel_logouts() -> TableCreateStatement {
    Table::create()
        .table("backchannel_logouts")
        .col(text("id").primary_key())
        .col(text("client_id"))
        .col(text("session_id"))
        .col(text("user_id"))
        .col(text_null("held_by"))
        .col(big_integer("due_at"))
        .col(big_integer("attempts"))
        .col(text_null("lease_owner"))
        .col(big_integer_null("lease_until"))
        .col(big_integer("created_at"))
        .foreign_key(&mut belongs_to("backchannel_logouts", "client_id", "clients"))
        .to_owned()
}
