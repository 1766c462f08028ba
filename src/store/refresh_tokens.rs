//! Refresh tokens and their chain of rotations (RFC 9700 §4.14, decision 2.5): the database lets a token have one successor.

use super::prelude::*;
use super::{grants, sessions, users};
use crate::domain::grant::Grant;

/// A refresh token and its place in the chain of rotations (decision 2.5): its row, as it is.
pub(crate) use super::entity::refresh_token::Model as RefreshToken;

#[derive(Clone, Debug)]
pub(crate) struct FoundRefreshToken {
    pub token: RefreshToken,
    pub grant: Grant,
    pub user: User,
    /// The browser session, over or not; gone when it has long been over.
    pub session: Option<BrowserSession>,
}

/// The token with this digest, alive or not, in one round trip; the caller compares with the time.
pub(crate) async fn find(db: &Db, digest: &SecretDigest) -> Result<Option<FoundRefreshToken>, StoreError> {
    let found = refresh_token::Entity::find_by_id(digest.clone())
        .find_also_related(grant::Entity)
        .find_also(grant::Entity, user::Entity)
        .find_also(grant::Entity, session::Entity)
        .one(db)
        .await?;
    let Some((token, Some(grant), Some(user), session)) = found else { return Ok(None) };
    Ok(Some(FoundRefreshToken {
        token,
        grant: grants::read(grant)?,
        user: users::read(user)?,
        session: session.map(sessions::read),
    }))
}

pub(crate) async fn find_successor(db: &Db, digest: &SecretDigest) -> Result<Option<RefreshToken>, StoreError> {
    Ok(refresh_token::Entity::find().filter(refresh_token::Column::Predecessor.eq(digest)).one(db).await?)
}

pub(crate) async fn insert(tx: &Tx, token: &RefreshToken) -> Result<(), StoreError> {
    tx.insert(token.clone()).await
}

/// Replaces a token by `successor`, whose predecessor is set to it. True exactly once, and only before it expires.
pub(crate) async fn rotate(
    tx: &Tx,
    digest: &SecretDigest,
    successor: &RefreshToken,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE refresh_tokens SET rotated_at = $2 WHERE digest = $1 AND rotated_at IS NULL AND expires_at > $2";
    let rotated = tx.changes(sql, values![digest, now]).await?;
    if rotated {
        tx.insert(RefreshToken { predecessor: Some(digest.clone()), ..successor.clone() }).await?;
    }
    Ok(rotated)
}

/// Moves the expiry of a token that is used again and again instead of rotated. False: it is expired or rotated away.
pub(crate) async fn extend(tx: &Tx, digest: &SecretDigest, expires_at: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE refresh_tokens SET expires_at = $2 WHERE digest = $1 AND rotated_at IS NULL AND expires_at > $3";
    tx.changes(sql, values![digest, expires_at, now]).await
}
