//! People, the phones that they registered, the browsers that they signed in with.

use sea_orm_migration::prelude::*;

use crate::table::{belongs_to, big_integer, big_integer_null, boolean, drop, index, text, text_null, unique};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(users()).await?;
        unique(manager, "users", &["username"]).await?;
        unique(manager, "users", &["email"]).await?;
        manager.create_table(devices()).await?;
        unique(manager, "devices", &["upstream", "upstream_user"]).await?;
        index(manager, "devices", &["user_id"]).await?;
        manager.create_table(remembered_browsers()).await?;
        index(manager, "remembered_browsers", &["user_id"]).await?;
        index(manager, "remembered_browsers", &["last_used_at"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["remembered_browsers", "devices", "users"]).await
    }
}

fn users() -> TableCreateStatement {
    Table::create()
        .table("users")
        .col(text("id").primary_key())
        .col(text("username"))
        .col(text_null("email"))
        .col(boolean("email_verified"))
        .col(text("name"))
        .col(text("group_names"))
        .col(boolean("locked"))
        .col(text("source"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .to_owned()
}

fn devices() -> TableCreateStatement {
    Table::create()
        .table("devices")
        .col(text("id").primary_key())
        .col(text("user_id"))
        .col(text("upstream"))
        .col(text("upstream_user"))
        .col(text("label"))
        .col(big_integer("created_at"))
        .col(big_integer_null("last_used_at"))
        .foreign_key(&mut belongs_to("devices", "user_id", "users"))
        .to_owned()
}

fn remembered_browsers() -> TableCreateStatement {
    Table::create()
        .table("remembered_browsers")
        .col(text("browser"))
        .col(text("user_id"))
        .col(text_null("identifier"))
        .col(big_integer("last_used_at"))
        .primary_key(Index::create().col("browser").col("user_id"))
        .foreign_key(&mut belongs_to("remembered_browsers", "user_id", "users"))
        .to_owned()
}
