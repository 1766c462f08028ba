//! Refresh tokens and their chain of rotations (RFC 9700 §4.14, decision 2.5): the database lets a token have one successor.

use super::prelude::*;
use super::{grants, sessions, users};
use crate::domain::grant::{Grant, RefreshToken};

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
    let found = refresh_token::Entity::find_by_id(digest.as_str())
        .find_also_related(grant::Entity)
        .find_also(grant::Entity, user::Entity)
        .find_also(grant::Entity, session::Entity)
        .one(db)
        .await?;
    let Some((token, Some(grant), Some(user), session)) = found else { return Ok(None) };
    Ok(Some(FoundRefreshToken {
        token: read(token),
        grant: grants::read(grant)?,
        user: users::read(user)?,
        session: session.map(sessions::read),
    }))
}

pub(crate) async fn find_successor(db: &Db, digest: &SecretDigest) -> Result<Option<RefreshToken>, StoreError> {
    let row = refresh_token::Entity::find().filter(refresh_token::Column::Predecessor.eq(digest.as_str())).one(db).await?;
    Ok(row.map(read))
}

pub(crate) async fn insert(tx: &Tx, token: &RefreshToken) -> Result<(), StoreError> {
    tx.insert(model(token, token.predecessor.as_ref())).await
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
        tx.insert(model(successor, Some(digest))).await?;
    }
    Ok(rotated)
}

/// Moves the expiry of a token that is used again and again instead of rotated. False: it is expired or rotated away.
pub(crate) async fn extend(tx: &Tx, digest: &SecretDigest, expires_at: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE refresh_tokens SET expires_at = $2 WHERE digest = $1 AND rotated_at IS NULL AND expires_at > $3";
    tx.changes(sql, values![digest, expires_at, now]).await
}

fn model(token: &RefreshToken, predecessor: Option<&SecretDigest>) -> refresh_token::Model {
    refresh_token::Model {
        digest: token.digest.as_str().to_owned(),
        grant_id: token.grant_id.as_str().to_owned(),
        predecessor: predecessor.map(|digest| digest.as_str().to_owned()),
        issued_at: token.issued_at.as_millis(),
        expires_at: token.expires_at.as_millis(),
        rotated_at: millis(token.rotated_at),
    }
}

fn read(model: refresh_token::Model) -> RefreshToken {
    RefreshToken {
        digest: SecretDigest::from_stored(model.digest),
        grant_id: GrantId::new(model.grant_id),
        predecessor: model.predecessor.map(SecretDigest::from_stored),
        issued_at: Timestamp::from_millis(model.issued_at),
        expires_at: Timestamp::from_millis(model.expires_at),
        rotated_at: moment(model.rotated_at),
    }
}
