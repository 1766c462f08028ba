//! Facts about this installation: one value per key. Most hold from its first start on.

use super::prelude::*;

/// The issuer, frozen at first start (decision 2.9).
pub(crate) const ISSUER: &str = "issuer";
/// The fingerprint of the master key that the database belongs to (decision 2.5).
pub(crate) const MASTER_KEY: &str = "master_key";
/// The shape of what ThumbSignIn showed last: the pattern of decoys (decision 2.7).
pub(crate) const THUMBSIGNIN_MODEL: &str = "thumbsignin_model";
/// When a node last wrote to see whether it can.
pub(super) const WRITTEN: &str = "written";

pub(crate) async fn find(db: &Db, key: &str) -> Result<Option<String>, StoreError> {
    Ok(instance::Entity::find_by_id(key).one(db).await?.map(|row| row.value))
}

/// Sets `key` unless it is set; returns the value that holds. The first writer wins, on every node.
pub(crate) async fn insert_once(tx: &Tx, key: &str, value: &str) -> Result<String, StoreError> {
    tx.insert_new(instance::Model { key: key.to_owned(), value: value.to_owned() }).await?;
    find(tx, key).await?.ok_or_else(|| StoreError::Statement("a row vanished between two statements".into()))
}

pub(crate) async fn replace(tx: &Tx, key: &str, value: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO instance (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    tx.changes(sql, values![key, value]).await.map(drop)
}
