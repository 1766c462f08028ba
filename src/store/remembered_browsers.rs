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
    let sql = "INSERT INTO remembered_browsers (browser, user_id, identifier, last_used_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (browser, user_id) DO UPDATE SET last_used_at = excluded.last_used_at, \
               identifier = COALESCE(excluded.identifier, remembered_browsers.identifier)";
    tx.changes(sql, values![&browser.0, user, identifier, now]).await.map(drop)
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
    let latest = "WHERE browser = $1 AND identifier IS NOT NULL ORDER BY last_used_at DESC LIMIT 1";
    let rows = db.rows(remembered::Entity, latest, values![&browser.0]).await?;
    Ok(rows.into_iter().next().and_then(|row| row.identifier))
}

/// Forgets the names to fill in; the browser stays remembered.
pub(crate) async fn forget_identifier(tx: &Tx, browser: &BrowserKey) -> Result<(), StoreError> {
    let sql = "UPDATE remembered_browsers SET identifier = NULL WHERE browser = $1";
    tx.changes(sql, values![&browser.0]).await.map(drop)
}
