//! What the installation is: facts frozen at first start, and its signing keys.

use sea_orm_migration::prelude::*;

use crate::table::{big_integer, big_integer_null, drop, text, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let instance = Table::create().table("instance").col(text("key").primary_key()).col(text("value")).to_owned();
        manager.create_table(instance).await?;
        let keys = Table::create()
            .table("signing_keys")
            .col(text("kid").primary_key())
            .col(text("alg"))
            .col(text("state"))
            .col(text_null("seat").unique_key())
            .col(text("public_jwk"))
            .col(text("sealed_private"))
            .col(big_integer("created_at"))
            .col(big_integer_null("active_at"))
            .col(big_integer_null("retired_at"))
            .to_owned();
        manager.create_table(keys).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["signing_keys", "instance"]).await
    }
}
