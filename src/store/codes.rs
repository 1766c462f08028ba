//! Authorization codes (RFC 6749 §4.1.2), known by their digest, redeemed by one conditional statement (decision 2.4).

use super::prelude::*;
use crate::domain::authorization::CodeContent;

/// A code as it is kept: redeemed ones stay for a day, so that a second redemption revokes the family.
#[derive(Clone, Debug)]
pub(crate) struct StoredCode {
    pub authorization_id: AuthorizationId,
    pub content: CodeContent,
    pub consumed_at: Option<Timestamp>,
    pub grant_id: Option<GrantId>,
}

pub(crate) async fn find(db: &Db, digest: &SecretDigest) -> Result<Option<StoredCode>, StoreError> {
    code::Entity::find_by_id(digest.clone()).one(db).await?.map(read).transpose()
}

pub(crate) async fn insert(
    tx: &Tx,
    digest: &SecretDigest,
    authorization: &AuthorizationId,
    content: &CodeContent,
    expires_at: Timestamp,
) -> Result<(), StoreError> {
    let (digest, authorization_id, content) = (digest.clone(), authorization.clone(), to_json(content)?);
    tx.insert(code::Model { digest, authorization_id, content, expires_at, consumed_at: None, grant_id: None }).await
}

/// Redeems a code for the family `grant`. True exactly once, and only before it expires (RFC 6749 §4.1.2).
pub(crate) async fn consume(tx: &Tx, digest: &SecretDigest, grant: &GrantId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE codes SET consumed_at = $3, grant_id = $2 WHERE digest = $1 AND consumed_at IS NULL AND expires_at > $3";
    tx.changes(sql, values![digest, grant, now]).await
}

/// Deletes those that were not redeemed.
pub(crate) async fn delete_unused(tx: &Tx) -> Result<u64, StoreError> {
    tx.changed_rows("DELETE FROM codes WHERE consumed_at IS NULL", vec![]).await
}

fn read(model: code::Model) -> Result<StoredCode, StoreError> {
    let code::Model { digest, authorization_id, content, consumed_at, grant_id, .. } = model;
    let content = Row { table: "codes", key: digest.as_str() }.json("content", &content)?;
    Ok(StoredCode { authorization_id, content, consumed_at, grant_id })
}
