//! Token families, their tokens, and what people allowed.

use sea_orm_migration::prelude::*;

use crate::table::{belongs_to, big_integer, big_integer_null, boolean, drop, index, text, text_null, unique};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(grants()).await?;
        index(manager, "grants", &["client_id"]).await?;
        index(manager, "grants", &["user_id"]).await?;
        index(manager, "grants", &["session_id"]).await?;
        index(manager, "grants", &["expires_at"]).await?;
        manager.create_table(access_tokens()).await?;
        index(manager, "access_tokens", &["grant_id"]).await?;
        index(manager, "access_tokens", &["expires_at"]).await?;
        manager.create_table(refresh_tokens()).await?;
        unique(manager, "refresh_tokens", &["predecessor"]).await?;
        index(manager, "refresh_tokens", &["grant_id"]).await?;
        index(manager, "refresh_tokens", &["expires_at"]).await?;
        manager.create_table(consents()).await?;
        index(manager, "consents", &["client_id"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["consents", "refresh_tokens", "access_tokens", "grants"]).await
    }
}

fn grants() -> TableCreateStatement {
    Table::create()
        .table("grants")
        .col(text("id").primary_key())
        .col(text("client_id"))
        .col(text("user_id"))
        .col(text("session_id"))
        .col(big_integer("auth_time"))
        .col(text("acr"))
        .col(text_null("device_id"))
        .col(boolean("unnamed"))
        .col(text("scope"))
        .col(boolean("offline"))
        .col(text_null("nonce"))
        .col(big_integer("created_at"))
        .col(big_integer("expires_at"))
        .col(big_integer_null("revoked_at"))
        .foreign_key(&mut belongs_to("grants", "client_id", "clients"))
        .foreign_key(&mut belongs_to("grants", "user_id", "users"))
        .to_owned()
}

fn access_tokens() -> TableCreateStatement {
    Table::create()
        .table("access_tokens")
        .col(text("digest").primary_key())
        .col(text("grant_id"))
        .col(text("scope"))
        .col(big_integer("issued_at"))
        .col(big_integer("expires_at"))
        .foreign_key(&mut belongs_to("access_tokens", "grant_id", "grants"))
        .to_owned()
}

fn refresh_tokens() -> TableCreateStatement {
    Table::create()
        .table("refresh_tokens")
        .col(text("digest").primary_key())
        .col(text("grant_id"))
        .col(text_null("predecessor"))
        .col(big_integer("issued_at"))
        .col(big_integer("expires_at"))
        .col(big_integer_null("rotated_at"))
        .col(big_integer_null("first_used_at"))
        .foreign_key(&mut belongs_to("refresh_tokens", "grant_id", "grants"))
        .to_owned()
}

fn consents() -> TableCreateStatement {
    Table::create()
        .table("consents")
        .col(text("user_id"))
        .col(text("client_id"))
        .col(text("scope"))
        .col(big_integer("granted_at"))
        .primary_key(Index::create().col("user_id").col("client_id"))
        .foreign_key(&mut belongs_to("consents", "user_id", "users"))
        .foreign_key(&mut belongs_to("consents", "client_id", "clients"))
        .to_owned()
}
