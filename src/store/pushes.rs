//! Attempts to ask phones (asked, pretended or turned away as busy: decision 2.7), for the limits on them (checks 134–136).

use super::prelude::*;
use crate::domain::login::{Login, Subject};

/// On every node until the commit, so that counting and adding are one step. Several are locked in the same order everywhere.
pub(crate) async fn lock_counter(tx: &Tx, key: String, now: Timestamp) -> Result<(), StoreError> {
    // SQLite writes one transaction at a time, and a row would be one more that a stranger has us keep.
    if !tx.is_postgres() {
        return Ok(());
    }
    // The row is locked by its update, until the commit.
    let sql = "INSERT INTO push_turns (key, at) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET at = excluded.at";
    tx.changes(sql, values![key, now]).await.map(drop)
}

/// Whether this is the first call for `key` after `since`, on any node.
pub(crate) async fn is_first(tx: &Tx, key: String, since: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "INSERT INTO push_turns (key, at) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET at = excluded.at \
               WHERE push_turns.at <= $3";
    tx.changes(sql, values![key, now, since]).await
}

/// Counts `login`, whether anybody is asked or not: for its account and its typed name, if it has them, and for its source.
pub(crate) async fn insert(tx: &Tx, login: &Login) -> Result<(), StoreError> {
    let sql = "INSERT INTO pushes (login_id, upstream, target, typed, address, network, browser, remembered, sent, at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING";
    let (upstream, (target, typed)) = (login.upstream.as_str(), login.counts_for());
    let (source, network) = (login.origin.source(), login.origin.network());
    let browser = login.browser.as_ref().map_or("", |browser| browser.0.as_str());
    let (sent, at) = (matches!(login.subject, Subject::Named(_)), login.created_at);
    let values = values![&login.id, upstream, target, typed, source, network, browser, login.remembered, sent, at];
    tx.changes(sql, values).await.map(drop)
}

/// How often browsers that were not remembered named `typed` after `at`, whether anybody was asked or not.
pub(crate) async fn count_typed(db: &Db, upstream: Upstream, typed: &str, at: Timestamp) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM pushes WHERE upstream = $1 AND typed = $2 AND at > $3 AND remembered = $4";
    db.count(sql, values![upstream.as_str(), typed, at, false]).await
}

/// Sent to `target` after `at`. What an older release wrote does not say whether it was sent, and counts.
pub(crate) async fn count_sent(
    db: &Db,
    upstream: Upstream,
    target: &str,
    at: Timestamp,
    remembered: bool,
) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM pushes WHERE upstream = $1 AND target = $2 AND at > $3 AND remembered = $4 \
               AND (sent IS NULL OR sent = $5)";
    db.count(sql, values![upstream.as_str(), target, at, remembered, true]).await
}

pub(crate) async fn count_sent_by_strangers(db: &Db, at: Timestamp) -> Result<u64, StoreError> {
    let sql = "SELECT COUNT(*) FROM pushes WHERE at > $1 AND remembered = $2 AND sent = $3";
    db.count(sql, values![at, false, true]).await
}

pub(crate) async fn count_source(db: &Db, source: &str, at: Timestamp) -> Result<u64, StoreError> {
    db.count("SELECT COUNT(*) FROM pushes WHERE address = $1 AND at > $2", values![source, at]).await
}

pub(crate) async fn count_network(db: &Db, network: &str, at: Timestamp) -> Result<u64, StoreError> {
    db.count("SELECT COUNT(*) FROM pushes WHERE network = $1 AND at > $2", values![network, at]).await
}

pub(crate) async fn record_denial(tx: &Tx, login: &LoginId, now: Timestamp) -> Result<(), StoreError> {
    tx.changes("UPDATE pushes SET denied_at = $2 WHERE login_id = $1", values![login, now]).await.map(drop)
}

/// When `target` declined requests from `source` after `after`, and under which names they were asked for; the latest first.
pub(crate) async fn list_denials(
    db: &Db,
    upstream: Upstream,
    target: &str,
    source: &str,
    after: Timestamp,
) -> Result<Vec<(Timestamp, String)>, StoreError> {
    let declined = "WHERE upstream = $1 AND target = $2 AND address = $3 AND denied_at > $4 ORDER BY denied_at DESC";
    let denials = db.rows(push::Entity, declined, values![upstream.as_str(), target, source, after]).await?;
    let denial = |row: push::Model| Some((row.denied_at?, row.typed.unwrap_or_default()));
    Ok(denials.into_iter().filter_map(denial).collect())
}

/// Forgives what led to a sign-in, and what remembered browsers asked `target`: nothing of it was a stranger's.
pub(crate) async fn forgive_owner(tx: &Tx, upstream: Upstream, target: &str, login: &LoginId) -> Result<(), StoreError> {
    let sql = "UPDATE pushes SET target = '', typed = '', denied_at = NULL \
               WHERE login_id = $1 OR upstream = $2 AND target = $3 AND remembered = $4";
    tx.changes(sql, values![login, upstream.as_str(), target, true]).await.map(drop)
}

/// Forgives everything that counts for `target` or for one of `names`, from any browser. Returns how many attempts that were.
pub(crate) async fn forgive_person(tx: &Tx, upstream: Upstream, target: &str, names: &[String]) -> Result<u64, StoreError> {
    let named = push::Column::Typed.is_in(names.iter().map(String::as_str));
    // Afterwards it counts for its source alone.
    let update = push::Entity::update_many()
        .col_expr(push::Column::Target, Expr::value(""))
        .col_expr(push::Column::Typed, Expr::value(""))
        .col_expr(push::Column::DeniedAt, Expr::value(None::<i64>))
        .filter(push::Column::Upstream.eq(upstream.as_str()))
        .filter(Condition::any().add(push::Column::Target.eq(target)).add(named));
    Ok(update.exec(tx.db()).await?.rows_affected)
}
