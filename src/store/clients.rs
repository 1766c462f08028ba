//! Registered relying parties. Their metadata is one JSON document; what is looked up has columns of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::prelude::*;
use crate::protocol::client_metadata::ClientMetadata;

pub(crate) async fn find(db: &Db, id: &ClientId) -> Result<Option<Client>, StoreError> {
    client::Entity::find_by_id(id.clone()).one(db).await?.map(read).transpose()
}

/// Every client that this program can read, by id.
pub(crate) async fn list(db: &Db) -> Result<Vec<Client>, StoreError> {
    let rows = client::Entity::find().order_by_asc(client::Column::Id).all(db).await?;
    readable(rows, read)
}

/// False: there is a client with this id.
pub(crate) async fn insert(tx: &Tx, client: &Client) -> Result<bool, StoreError> {
    let (metadata, source) = (to_json(&client.metadata)?, client.source.as_str().to_owned());
    let Client { id, secret, disabled, created_at, .. } = client.clone();
    tx.insert_new(client::Model { id, metadata, secret, source, disabled, created_at, logo: None }).await
}

/// Its secret and its logo stay, and so does what a newer program wrote into the metadata, and as its source unless the file
/// declares it. False: there is no such client.
pub(crate) async fn update(tx: &Tx, client: &Client) -> Result<bool, StoreError> {
    let Some(before) = client::Entity::find_by_id(client.id.clone()).one(tx.db()).await? else { return Ok(false) };
    let row = Row { table: "clients", key: before.id.as_str() };
    let metadata = client.metadata.written_over(&before.metadata).map_err(|error| row.unreadable("metadata", &error))?;
    let sql = "UPDATE clients SET metadata = $2, disabled = $3, \
               source = CASE WHEN $4 = 'file' OR source IN ('file', 'command') THEN $4 ELSE source END WHERE id = $1";
    tx.changes(sql, values![&client.id, metadata, client.disabled, client.source.as_str()]).await
}

/// Replaces a client's secret (`None`: it becomes public). False: there is no such client.
pub(crate) async fn update_secret(tx: &Tx, id: &ClientId, secret: Option<&SecretDigest>) -> Result<bool, StoreError> {
    let secret = secret.map(SecretDigest::as_str);
    tx.changes("UPDATE clients SET secret = $2 WHERE id = $1", values![id, secret]).await
}

/// Replaces a client's logo: the name of its file, and the picture. False: there is no such client.
pub(crate) async fn update_logo(tx: &Tx, id: &ClientId, logo: Option<(&str, &[u8])>) -> Result<bool, StoreError> {
    client_logo::Entity::delete_by_id(id.clone()).exec(tx.db()).await?;
    let name = logo.map(|(name, _picture)| name);
    let is_there = tx.changes("UPDATE clients SET logo = $2 WHERE id = $1", values![id, name]).await?;
    if let Some((name, picture)) = logo.filter(|_logo| is_there) {
        let row = client_logo::Model { client_id: id.clone(), file_name: name.to_owned(), image: STANDARD.encode(picture) };
        tx.insert(row).await?;
    }
    Ok(is_there)
}

/// The picture in the file of this name.
pub(crate) async fn find_logo(db: &Db, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let found = client_logo::Entity::find().filter(client_logo::Column::FileName.eq(name)).one(db).await?;
    let Some(client_logo::Model { client_id, image, .. }) = found else { return Ok(None) };
    let row = Row { table: "client_logos", key: client_id.as_str() };
    STANDARD.decode(image).map(Some).map_err(|_malformed| row.inconsistent("image is not base64"))
}

/// With everything issued to it: authorizations, codes, consents, grants and their tokens. False: there was none.
pub(crate) async fn delete(tx: &Tx, id: &ClientId) -> Result<bool, StoreError> {
    Ok(client::Entity::delete_by_id(id.clone()).exec(tx.db()).await?.rows_affected > 0)
}

pub(super) fn read(model: client::Model) -> Result<Client, StoreError> {
    let client::Model { id, metadata, secret, source, disabled, created_at, logo } = model;
    let row = Row { table: "clients", key: id.as_str() };
    let metadata = ClientMetadata::of_any_program(&metadata).map_err(|error| row.unreadable("metadata", &error))?;
    Ok(Client { id, metadata, secret, source: read_source(&source), disabled, created_at, logo })
}
