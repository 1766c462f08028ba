//! Registered relying parties. Their metadata is one JSON document; what is looked up has columns of its own.

use super::prelude::*;
use crate::protocol::client_metadata::ClientMetadata;

pub(crate) async fn find(db: &Db, id: &ClientId) -> Result<Option<Client>, StoreError> {
    client::Entity::find_by_id(id.as_str()).one(db).await?.map(read).transpose()
}

/// Every client that this program can read, by id.
pub(crate) async fn list(db: &Db) -> Result<Vec<Client>, StoreError> {
    let rows = client::Entity::find().order_by_asc(client::Column::Id).all(db).await?;
    readable(rows, read)
}

/// False: there is a client with this id.
pub(crate) async fn insert(tx: &Tx, client: &Client) -> Result<bool, StoreError> {
    tx.insert_new(client::Model {
        id: client.id.as_str().to_owned(),
        metadata: to_json(&client.metadata)?,
        secret: client.secret.as_ref().map(|digest| digest.as_str().to_owned()),
        source: client.source.as_str().to_owned(),
        disabled: client.disabled,
        created_at: client.created_at.as_millis(),
    })
    .await
}

/// Its secret stays, and so does what a newer program wrote into the metadata. False: there is no such client.
pub(crate) async fn update(tx: &Tx, client: &Client) -> Result<bool, StoreError> {
    let Some(before) = client::Entity::find_by_id(client.id.as_str()).one(tx.db()).await? else { return Ok(false) };
    let row = Row { table: "clients", key: &before.id };
    let metadata = client.metadata.written_over(&before.metadata).map_err(|error| row.unreadable("metadata", &error))?;
    let update = client::Entity::update_many()
        .col_expr(client::Column::Metadata, Expr::value(metadata))
        .col_expr(client::Column::Source, source_again(client::Column::Source, client.source))
        .col_expr(client::Column::Disabled, Expr::value(client.disabled))
        .filter(client::Column::Id.eq(client.id.as_str()));
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

/// Replaces a client's secret (`None`: it becomes public). False: there is no such client.
pub(crate) async fn update_secret(tx: &Tx, id: &ClientId, secret: Option<&SecretDigest>) -> Result<bool, StoreError> {
    let secret = secret.map(SecretDigest::as_str);
    tx.changes("UPDATE clients SET secret = $2 WHERE id = $1", values![id, secret]).await
}

/// With everything issued to it: authorizations, codes, consents, grants and their tokens. False: there was none.
pub(crate) async fn delete(tx: &Tx, id: &ClientId) -> Result<bool, StoreError> {
    Ok(client::Entity::delete_by_id(id.as_str()).exec(tx.db()).await?.rows_affected > 0)
}

pub(super) fn read(model: client::Model) -> Result<Client, StoreError> {
    let row = Row { table: "clients", key: &model.id };
    Ok(Client {
        metadata: ClientMetadata::of_any_program(&model.metadata).map_err(|error| row.unreadable("metadata", &error))?,
        source: source(&model.source),
        secret: model.secret.map(SecretDigest::from_stored),
        disabled: model.disabled,
        created_at: Timestamp::from_millis(model.created_at),
        id: ClientId::new(model.id),
    })
}
