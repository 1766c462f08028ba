//! Requests that were sent to phones, for the limits on them (security bar 134–136).

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _};

use super::entity::{push, push_turn};
use super::row::moment;
use super::{Db, StoreError, Tx};
use crate::domain::browser::BrowserKey;
use crate::domain::clock::Timestamp;
use crate::domain::id::LoginId;
use crate::domain::user::Upstream;

/// One request to a phone, sent or pretended (decision 2.7).
#[derive(Clone, Debug)]
pub struct Push {
    /// The login that it was for.
    pub login_id: LoginId,
    /// The phone service.
    pub upstream: Upstream,
    /// The person by the service's name, or the canonical name that was typed where there is none.
    pub target: String,
    /// The client address that caused it.
    pub address: String,
    /// The browser that caused it.
    pub browser: BrowserKey,
    /// Whether that browser was remembered for that person.
    pub remembered: bool,
    /// When.
    pub at: Timestamp,
}

/// Waits until no other write counts for `key`, on any node, and keeps others waiting until this one is committed: counting and
/// adding then are one step. A name of ours for what is counted; several are taken in the same order everywhere.
///
/// # Errors
/// When the database fails.
pub async fn take_turn(tx: &Tx, key: String, now: Timestamp) -> Result<(), StoreError> {
    let row = push_turn::Model { key, at: now.as_millis() };
    // The row is locked by its update, until the commit.
    let conflict = OnConflict::column(push_turn::Column::Key).update_column(push_turn::Column::At).to_owned();
    tx.insert_or(row, conflict).await.map(drop)
}

/// Records a request; repeating it for the same login does nothing.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &Tx, push: &Push) -> Result<(), StoreError> {
    tx.insert_new(push::Model {
        login_id: push.login_id.as_str().to_owned(),
        upstream: push.upstream.as_str().to_owned(),
        target: push.target.clone(),
        address: push.address.clone(),
        browser: push.browser.0.as_str().to_owned(),
        remembered: push.remembered,
        at: push.at.as_millis(),
        denied_at: None,
    })
    .await
    .map(drop)
}

/// How many requests went to `target` after `since`, by browsers that were remembered for it or by others.
///
/// # Errors
/// When the database fails.
pub async fn count_target(
    db: &Db,
    upstream: Upstream,
    target: &str,
    since: Timestamp,
    remembered: bool,
) -> Result<u64, StoreError> {
    let pushes = push::Entity::find()
        .filter(push::Column::Upstream.eq(upstream.as_str()))
        .filter(push::Column::Target.eq(target))
        .filter(push::Column::Remembered.eq(remembered))
        .filter(push::Column::At.gt(since.as_millis()));
    Ok(pushes.count(db).await?)
}

/// How many requests came from `address` after `since`.
///
/// # Errors
/// When the database fails.
pub async fn count_source(db: &Db, address: &str, since: Timestamp) -> Result<u64, StoreError> {
    let pushes = push::Entity::find().filter(push::Column::Address.eq(address)).filter(push::Column::At.gt(since.as_millis()));
    Ok(pushes.count(db).await?)
}

/// Notes that the person declined the request of `login`.
///
/// # Errors
/// When the database fails.
pub async fn record_denial(tx: &Tx, login: &LoginId, now: Timestamp) -> Result<(), StoreError> {
    let update = push::Entity::update_many()
        .col_expr(push::Column::DeniedAt, Expr::value(now.as_millis()))
        .filter(push::Column::LoginId.eq(login.as_str()));
    update.exec(tx.db()).await?;
    Ok(())
}

/// When `target` last declined a request from `address`.
///
/// # Errors
/// When the database fails.
pub async fn last_denial(db: &Db, upstream: Upstream, target: &str, address: &str) -> Result<Option<Timestamp>, StoreError> {
    let latest = push::Entity::find()
        .filter(push::Column::Upstream.eq(upstream.as_str()))
        .filter(push::Column::Target.eq(target))
        .filter(push::Column::Address.eq(address))
        .filter(push::Column::DeniedAt.is_not_null())
        .order_by_desc(push::Column::DeniedAt)
        .one(db)
        .await?;
    Ok(latest.and_then(|row| moment(row.denied_at)))
}

/// Forgets the requests to `target`, after its person signed in.
///
/// # Errors
/// When the database fails.
pub async fn delete_for_target(tx: &Tx, upstream: Upstream, target: &str) -> Result<u64, StoreError> {
    let delete = push::Entity::delete_many()
        .filter(push::Column::Upstream.eq(upstream.as_str()))
        .filter(push::Column::Target.eq(target));
    Ok(delete.exec(tx.db()).await?.rows_affected)
}
