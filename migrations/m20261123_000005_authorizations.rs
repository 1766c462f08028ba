//! Requests of relying parties, from `/authorize` to the code.

use sea_orm_migration::prelude::*;

use crate::table::{belongs_to, big_integer, big_integer_null, boolean, boolean_null, drop, index, text, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(authorizations()).await?;
        index(manager, "authorizations", &["client_id"]).await?;
        index(manager, "authorizations", &["user_id"]).await?;
        index(manager, "authorizations", &["expires_at"]).await?;
        let posted = Table::create()
            .table("posted_parameters")
            .col(text("handle").primary_key())
            .col(text("parameters"))
            .col(big_integer("expires_at"))
            .to_owned();
        manager.create_table(posted).await?;
        index(manager, "posted_parameters", &["expires_at"]).await?;
        manager.create_table(codes()).await?;
        index(manager, "codes", &["authorization_id"]).await?;
        index(manager, "codes", &["expires_at"]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop(manager, &["codes", "posted_parameters", "authorizations"]).await
    }
}

fn authorizations() -> TableCreateStatement {
    Table::create()
        .table("authorizations")
        .col(text("id").primary_key())
        .col(text("browser"))
        .col(text("client_id"))
        .col(text("request"))
        .col(text("stage"))
        .col(text_null("user_id"))
        .col(text_null("session_id"))
        .col(big_integer_null("auth_time"))
        .col(text_null("acr"))
        .col(text_null("device_id"))
        .col(boolean_null("unnamed"))
        .col(boolean("consented"))
        .col(text_null("error"))
        .col(big_integer("created_at"))
        .col(big_integer("expires_at"))
        .foreign_key(&mut belongs_to("authorizations", "client_id", "clients"))
        .foreign_key(&mut belongs_to("authorizations", "user_id", "users"))
        .to_owned()
}

fn codes() -> TableCreateStatement {
    Table::create()
        .table("codes")
        .col(text("digest").primary_key())
        .col(text("authorization_id"))
        .col(text("content"))
        .col(big_integer("expires_at"))
        .col(big_integer_null("consumed_at"))
        .col(text_null("grant_id"))
        .foreign_key(&mut belongs_to("codes", "authorization_id", "authorizations"))
        .to_owned()
}
