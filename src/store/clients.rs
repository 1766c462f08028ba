//! Registered relying parties. Their metadata is one JSON document; what is looked up has columns of its own.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _};

use super::entity::client;
use super::row::{Row, to_json};
use super::{Db, Insertion, StoreError, Tx};
use crate::domain::client::{Client, Source};
use crate::domain::clock::Timestamp;
use crate::domain::id::ClientId;
use crate::domain::secret::SecretDigest;

/// The client with this `client_id` (RFC 6749 §2.2).
///
/// # Errors
/// When the database fails or the row is inconsistent.
pub async fn find(db: &Db, id: &ClientId) -> Result<Option<Client>, StoreError> {
    client::Entity::find_by_id(id.as_str()).one(db).await?.map(Client::try_from).transpose()
}

/// Every client, by id.
///
/// # Errors
/// As [`find`].
pub async fn list(db: &Db) -> Result<Vec<Client>, StoreError> {
    let rows = client::Entity::find().order_by_asc(client::Column::Id).all(db).await?;
    rows.into_iter().map(Client::try_from).collect()
}

/// Adds a client.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &Tx, client: &Client) -> Result<Insertion, StoreError> {
    let inserted = tx
        .insert_new(client::Model {
            id: client.id.as_str().to_owned(),
            metadata: to_json(&client.metadata)?,
            secret: client.secret.as_ref().map(|digest| digest.as_str().to_owned()),
            source: client.source.as_str().to_owned(),
            disabled: client.disabled,
            created_at: client.created_at.as_millis(),
        })
        .await?;
    Ok(inserted.into())
}

/// Writes a client's metadata, source and whether it is disabled; its secret stays. False: there is no such client.
///
/// # Errors
/// When the database fails.
pub async fn update(tx: &Tx, client: &Client) -> Result<bool, StoreError> {
    let update = client::Entity::update_many()
        .col_expr(client::Column::Metadata, Expr::value(to_json(&client.metadata)?))
        .col_expr(client::Column::Source, Expr::value(client.source.as_str()))
        .col_expr(client::Column::Disabled, Expr::value(client.disabled))
        .filter(client::Column::Id.eq(client.id.as_str()));
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

/// Replaces a client's secret (`None`: it becomes public). False: there is no such client.
///
/// # Errors
/// When the database fails.
pub async fn update_secret(tx: &Tx, id: &ClientId, secret: Option<&SecretDigest>) -> Result<bool, StoreError> {
    let update = client::Entity::update_many()
        .col_expr(client::Column::Secret, Expr::value(secret.map(SecretDigest::as_str)))
        .filter(client::Column::Id.eq(id.as_str()));
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

/// Deletes a client and everything issued to it: authorizations, codes, consents, grants and their tokens. False: there was
/// no such client.
///
/// # Errors
/// When the database fails.
pub async fn delete(tx: &Tx, id: &ClientId) -> Result<bool, StoreError> {
    Ok(client::Entity::delete_by_id(id.as_str()).exec(tx.db()).await?.rows_affected > 0)
}

impl TryFrom<client::Model> for Client {
    type Error = StoreError;

    fn try_from(model: client::Model) -> Result<Self, StoreError> {
        let row = Row { table: "clients", key: &model.id };
        Ok(Self {
            metadata: row.json("metadata", &model.metadata)?,
            source: row.known("source", &model.source, Source::parse(&model.source))?,
            secret: model.secret.map(SecretDigest::from_stored),
            disabled: model.disabled,
            created_at: Timestamp::from_millis(model.created_at),
            id: ClientId::new(model.id),
        })
    }
}
