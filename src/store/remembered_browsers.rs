//! Which browsers signed in as whom (decision 2.7): a remembered browser may pre-empt a login and sees honest errors. The name
//! to fill in is kept only for people who asked for it (decision 2.3).

use super::entity::remembered_browser as remembered;
use super::prelude::*;

/// `identifier`: the name to fill in next time, when the person asked for that; `None` leaves an earlier wish as it is.
pub(crate) async fn remember(
    tx: &Tx,
    browser: &BrowserKey,
    user: &UserId,
    identifier: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut columns = vec![remembered::Column::LastUsedAt];
    if identifier.is_some() {
        columns.push(remembered::Column::Identifier);
    }
    let conflict =
        OnConflict::columns([remembered::Column::Browser, remembered::Column::UserId]).update_columns(columns).to_owned();
    let row = remembered::Model {
        browser: browser.0.as_str().to_owned(),
        user_id: user.as_str().to_owned(),
        identifier: identifier.map(str::to_owned),
        last_used_at: now.as_millis(),
    };
    tx.insert_or(row, conflict).await.map(drop)
}

/// Whether `user` signed in with `browser` within `max_age`.
pub(crate) async fn is_remembered(
    db: &Db,
    browser: &BrowserKey,
    user: &UserId,
    now: Timestamp,
    max_age: Duration,
) -> Result<bool, StoreError> {
    let sql = "SELECT COUNT(*) FROM remembered_browsers WHERE browser = $1 AND user_id = $2 AND last_used_at > $3";
    Ok(db.count(sql, values![&browser.0, user, now.minus(max_age)]).await? > 0)
}

/// The name to fill in: that of the latest login in this browser whose person asked for it.
pub(crate) async fn find_identifier(db: &Db, browser: &BrowserKey) -> Result<Option<String>, StoreError> {
    let row = remembered::Entity::find()
        .filter(remembered::Column::Browser.eq(browser.0.as_str()))
        .filter(remembered::Column::Identifier.is_not_null())
        .order_by_desc(remembered::Column::LastUsedAt)
        .one(db)
        .await?;
    Ok(row.and_then(|row| row.identifier))
}

/// Forgets the names to fill in; the browser stays remembered.
pub(crate) async fn forget_identifier(tx: &Tx, browser: &BrowserKey) -> Result<(), StoreError> {
    let sql = "UPDATE remembered_browsers SET identifier = NULL WHERE browser = $1";
    tx.changes(sql, values![&browser.0]).await.map(drop)
}
