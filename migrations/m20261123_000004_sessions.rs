//! Signed-in browsers.

use sea_orm_migration::prelude::*;

use crate::table::{belongs_to, big_integer, big_integer_null, boolean, drop, index, text, text_null, unique};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sessions = Table::create()
            .table("sessions")
            .col(text("id").primary_key())
            .col(text("cookie"))
            .col(text("user_id"))
            .col(big_integer("auth_time"))
            .col(text("acr"))
            .col(text_null("device_id"))
            .col(boolean("unnamed"))
            .col(text("browser"))
            .col(text("address"))
            .col(text("user_agent"))
            .col(big_integer("created_at"))
            .col(big_integer("last_seen_at"))
            .col(big_integer("expires_at"))
            .col(big_integer_null("ended_at"))
            .foreign_key(&mut belongs_to("sessions", "user_id", "users"))
            .to_owned();
        manager.create_table(sessions).await?;
        unique(manager, "sessions", &["cookie"]).await?;
        index(manager, "sessions", &["user_id"]).await?;
        index(manager, "sessions", &["expires_at"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["sessions"]).await
    }
}
