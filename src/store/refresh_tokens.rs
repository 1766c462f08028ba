//! Refresh tokens and their chain of rotations (RFC 9700 §4.14, decision 2.5). A token has at most one successor, and the
//! database sees to that.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

use super::entity::{grant, refresh_token, session, user};
use super::row::{millis, moment};
use super::{Db, StoreError, Tx};
use crate::domain::browser::BrowserSession;
use crate::domain::clock::Timestamp;
use crate::domain::grant::{Grant, RefreshToken};
use crate::domain::id::GrantId;
use crate::domain::secret::SecretDigest;
use crate::domain::user::User;

/// A refresh token with what decides whether it is alive.
#[derive(Clone, Debug)]
pub struct FoundRefreshToken {
    /// The token.
    pub token: RefreshToken,
    /// When it was first presented; from then on its predecessor has no grace any more.
    pub first_used_at: Option<Timestamp>,
    /// Its family.
    pub grant: Grant,
    /// The person whom it is about.
    pub user: User,
    /// The browser session, over or not; gone when it has long been over.
    pub session: Option<BrowserSession>,
}

/// The token that a rotation made.
#[derive(Clone, Debug)]
pub struct Successor {
    /// The token.
    pub token: RefreshToken,
    /// When it was first presented.
    pub first_used_at: Option<Timestamp>,
}

/// The token with this digest, alive or not, in one round trip; the caller compares with the time.
///
/// # Errors
/// When the database fails or a row is inconsistent.
pub async fn find(db: &Db, digest: &SecretDigest) -> Result<Option<FoundRefreshToken>, StoreError> {
    let found = refresh_token::Entity::find_by_id(digest.as_str())
        .find_also_related(grant::Entity)
        .find_also(grant::Entity, user::Entity)
        .find_also(grant::Entity, session::Entity)
        .one(db)
        .await?;
    let Some((token, Some(grant), Some(user), session)) = found else { return Ok(None) };
    Ok(Some(FoundRefreshToken {
        first_used_at: moment(token.first_used_at),
        token: token.into(),
        grant: grant.try_into()?,
        user: user.try_into()?,
        session: session.map(BrowserSession::try_from).transpose()?,
    }))
}

/// The token that replaced the one with this digest.
///
/// # Errors
/// As [`find`].
pub async fn find_successor(db: &Db, digest: &SecretDigest) -> Result<Option<Successor>, StoreError> {
    let row = refresh_token::Entity::find().filter(refresh_token::Column::Predecessor.eq(digest.as_str())).one(db).await?;
    Ok(row.map(|token| Successor { first_used_at: moment(token.first_used_at), token: token.into() }))
}

/// Adds the first token of a family.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &Tx, token: &RefreshToken) -> Result<(), StoreError> {
    tx.insert(model(token, token.predecessor.as_ref())).await
}

/// Replaces the token with this digest by `successor` (whose predecessor is set to it). True exactly once, and only before it
/// expires.
///
/// # Errors
/// When the database fails.
pub async fn rotate(tx: &Tx, digest: &SecretDigest, successor: &RefreshToken, now: Timestamp) -> Result<bool, StoreError> {
    let update = refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::RotatedAt, Expr::value(now.as_millis()))
        .filter(refresh_token::Column::Digest.eq(digest.as_str()))
        .filter(refresh_token::Column::RotatedAt.is_null())
        .filter(refresh_token::Column::ExpiresAt.gt(now.as_millis()));
    let rotated = update.exec(tx.db()).await?.rows_affected > 0;
    if rotated {
        tx.insert(model(successor, Some(digest))).await?;
    }
    Ok(rotated)
}

/// Notes that a token was presented for the first time. False: it had been before.
///
/// # Errors
/// When the database fails.
pub async fn mark_used(tx: &Tx, digest: &SecretDigest, now: Timestamp) -> Result<bool, StoreError> {
    let update = refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::FirstUsedAt, Expr::value(now.as_millis()))
        .filter(refresh_token::Column::Digest.eq(digest.as_str()))
        .filter(refresh_token::Column::FirstUsedAt.is_null());
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

/// Moves the expiry of a token that is used again and again instead of rotated. False: it is expired or rotated away.
///
/// # Errors
/// When the database fails.
pub async fn extend(tx: &Tx, digest: &SecretDigest, expires_at: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
    let update = refresh_token::Entity::update_many()
        .col_expr(refresh_token::Column::ExpiresAt, Expr::value(expires_at.as_millis()))
        .filter(refresh_token::Column::Digest.eq(digest.as_str()))
        .filter(refresh_token::Column::RotatedAt.is_null())
        .filter(refresh_token::Column::ExpiresAt.gt(now.as_millis()));
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

fn model(token: &RefreshToken, predecessor: Option<&SecretDigest>) -> refresh_token::Model {
    refresh_token::Model {
        digest: token.digest.as_str().to_owned(),
        grant_id: token.grant_id.as_str().to_owned(),
        predecessor: predecessor.map(|digest| digest.as_str().to_owned()),
        issued_at: token.issued_at.as_millis(),
        expires_at: token.expires_at.as_millis(),
        rotated_at: millis(token.rotated_at),
        first_used_at: None,
    }
}

impl From<refresh_token::Model> for RefreshToken {
    fn from(model: refresh_token::Model) -> Self {
        Self {
            digest: SecretDigest::from_stored(model.digest),
            grant_id: GrantId::new(model.grant_id),
            predecessor: model.predecessor.map(SecretDigest::from_stored),
            issued_at: Timestamp::from_millis(model.issued_at),
            expires_at: Timestamp::from_millis(model.expires_at),
            rotated_at: moment(model.rotated_at),
        }
    }
}
