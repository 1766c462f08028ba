//! Attempts to get an approval from a phone, and what limits and hides them.

use sea_orm_migration::prelude::*;

use crate::table::{belongs_to, big_integer, big_integer_null, boolean, drop, index, text, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(logins()).await?;
        index(manager, "logins", &["browser"]).await?;
        index(manager, "logins", &["authorization_id"]).await?;
        index(manager, "logins", &["stage", "deadline"]).await?;
        index(manager, "logins", &["deadline"]).await?;
        manager.create_table(slots()).await?;
        index(manager, "slots", &["login_id"]).await?;
        index(manager, "slots", &["held_until"]).await?;
        manager.create_table(pushes()).await?;
        index(manager, "pushes", &["upstream", "target", "at"]).await?;
        index(manager, "pushes", &["address", "at"]).await?;
        index(manager, "pushes", &["at"]).await?;
        let passes = Table::create()
            .table("access_passes")
            .col(text("digest").primary_key())
            .col(text("image"))
            .col(big_integer("seen_at"))
            .to_owned();
        manager.create_table(passes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["access_passes", "pushes", "slots", "logins"]).await
    }
}

fn logins() -> TableCreateStatement {
    Table::create()
        .table("logins")
        .col(text("id").primary_key())
        .col(text("purpose"))
        .col(text_null("authorization_id"))
        .col(text("browser"))
        .col(text("address"))
        .col(text("user_agent"))
        .col(text("upstream"))
        .col(text("subject"))
        .col(text_null("asked_user_id"))
        .col(text_null("asked_device_id"))
        .col(text_null("upstream_user"))
        .col(boolean("remembered"))
        .col(text_null("typed"))
        .col(boolean("remember"))
        .col(text_null("challenge"))
        .col(text("stage"))
        .col(text_null("reason"))
        .col(text_null("sealed_handle"))
        .col(text_null("approved_user_id"))
        .col(text_null("approved_device_id"))
        .col(big_integer("created_at"))
        .col(big_integer("deadline"))
        .col(big_integer_null("ended_at"))
        .col(big_integer_null("consumed_at"))
        .col(text_null("lease_owner"))
        .col(big_integer_null("lease_until"))
        .foreign_key(&mut belongs_to("logins", "authorization_id", "authorizations"))
        .to_owned()
}

fn slots() -> TableCreateStatement {
    Table::create()
        .table("slots")
        .col(text("upstream"))
        .col(text("upstream_user"))
        .col(text("login_id"))
        .col(big_integer("held_until"))
        .primary_key(Index::create().col("upstream").col("upstream_user"))
        .to_owned()
}

fn pushes() -> TableCreateStatement {
    Table::create()
        .table("pushes")
        .col(text("login_id").primary_key())
        .col(text("upstream"))
        .col(text("target"))
        .col(text("address"))
        .col(text("browser"))
        .col(boolean("remembered"))
        .col(big_integer("at"))
        .col(big_integer_null("denied_at"))
        .to_owned()
}
