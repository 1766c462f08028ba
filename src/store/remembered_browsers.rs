//! Which browsers signed in as whom (decision 2.7): a remembered browser may pre-empt a login and sees honest errors. The name
//! to fill in, and by which service they signed in, are kept only for people who asked for it (decision 2.3).

use super::entity::remembered_browser as remembered;
use super::prelude::*;

/// What to go on with next time, when the person asked for that: the name to fill in, and the service to ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FillIn {
    pub identifier: String,
    /// `None`: an older program remembered the name alone.
    pub upstream: Option<Upstream>,
}

/// Without `fill_in` an earlier wish stays as it is. What an older program remembered counts from the last login that it saw.
pub(crate) async fn remember(
    tx: &Tx,
    browser: &BrowserKey,
    user: &UserId,
    fill_in: Option<&FillIn>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO remembered_browsers (browser, user_id, identifier, upstream, last_used_at, first_used_at) \
               VALUES ($1, $2, $3, $4, $5, $5) \
               ON CONFLICT (browser, user_id) DO UPDATE SET last_used_at = excluded.last_used_at, \
               first_used_at = COALESCE(remembered_browsers.first_used_at, remembered_browsers.last_used_at), \
               identifier = COALESCE(excluded.identifier, remembered_browsers.identifier), \
               upstream = COALESCE(excluded.upstream, remembered_browsers.upstream)";
    let identifier = fill_in.map(|wish| wish.identifier.as_str());
    let upstream = fill_in.and_then(|wish| wish.upstream).map(Upstream::as_str);
    tx.changes(sql, values![&browser.0, user, identifier, upstream, now]).await.map(drop)
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

/// What to go on with: that of the latest login in this browser whose person asked for it.
pub(crate) async fn find_fill_in(db: &Db, browser: &BrowserKey) -> Result<Option<FillIn>, StoreError> {
    let latest = "WHERE browser = $1 AND identifier IS NOT NULL ORDER BY last_used_at DESC LIMIT 1";
    let rows = db.rows(remembered::Entity, latest, values![&browser.0]).await?;
    Ok(rows.into_iter().next().and_then(|row| {
        let upstream = row.upstream.as_deref().and_then(Upstream::parse);
        Some(FillIn { identifier: row.identifier?, upstream })
    }))
}

/// Forgets what to go on with; the browser stays remembered.
pub(crate) async fn forget_fill_in(tx: &Tx, browser: &BrowserKey) -> Result<(), StoreError> {
    let sql = "UPDATE remembered_browsers SET identifier = NULL, upstream = NULL WHERE browser = $1";
    tx.changes(sql, values![&browser.0]).await.map(drop)
}
