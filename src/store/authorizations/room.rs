//! The room that open authorizations have: what anybody may have us keep without signing in (B35). Where there is
//! none left, the oldest make room; never one with a login under way. A source makes room in its own; where all have too
//! many, those that have most make it first, so that who floods us loses what they brought and hardly anybody else's.

use std::collections::BTreeSet;

use sea_orm::Value;

use super::OPEN;
use crate::store::logins::OPEN_STAGES;
use crate::store::prelude::*;

/// How many there may be without a login. `None`: any number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub of_source: Option<u32>,
    pub of_all: Option<u32>,
}

/// All of them are counted once in so many times, on average: counting reads each.
const SELDOM: u64 = 32;
/// A limit up to here is held exactly.
const FEW: u32 = 500;
/// How many of the same source are no older.
const PLACE: &str = "ROW_NUMBER() OVER (PARTITION BY source ORDER BY created_at DESC, id DESC)";

/// Makes room for one more of `source`. On PostgreSQL those that come at the same moment do not see one another: there may be a
/// few more than the limit says.
pub(crate) async fn make_room(tx: &Tx, source: &str, room: Room, now: Timestamp) -> Result<(), StoreError> {
    let open =
        format!("SELECT COUNT(*) FROM authorizations WHERE stage = '{OPEN}' AND expires_at > $1 AND NOT {}", in_use("$1"));
    if let Some(most) = room.of_source {
        let own = tx.count(&format!("{open} AND source = $2"), values![now, source]).await?;
        evict(tx, over(own, most), Some(source), now).await?;
    }
    if let Some(most) = room.of_all
        && (most <= FEW || spread(now, source).is_multiple_of(SELDOM))
    {
        evict(tx, over(tx.count(&open, values![now]).await?, most), None, now).await?;
    }
    Ok(())
}

/// How many must go so that one more fits: some at once, since finding them reads all.
fn over(count: u64, most: u32) -> u64 {
    let most = u64::from(most);
    if count < most { 0 } else { count.saturating_sub(most) + 1 + most / 10 }
}

/// Something that differs from one request to the next.
fn spread(now: Timestamp, source: &str) -> u64 {
    let bytes = source.bytes().map(u64::from).sum::<u64>();
    now.as_millis().unsigned_abs().wrapping_add(bytes)
}

/// Those go first that are the oldest of the sources that have most.
async fn evict(tx: &Tx, count: u64, source: Option<&str>, now: Timestamp) -> Result<(), StoreError> {
    if count == 0 {
        return Ok(());
    }
    let (in_use, of_source) = (in_use("$1"), if source.is_some() { "AND source = $3" } else { "" });
    let oldest = format!(
        "SELECT id, place FROM (SELECT id, created_at, {PLACE} AS place FROM authorizations \
         WHERE stage = '{OPEN}' AND NOT {in_use} {of_source}) AS candidates ORDER BY place DESC, created_at LIMIT $2"
    );
    let mut values = values![now, count];
    values.extend(source.map(Value::from));
    let oldest = tx.counts(&oldest, values).await?;
    // In the order of their ids, as everywhere.
    let ids: BTreeSet<String> = oldest.into_iter().map(|(id, _place)| id).collect();
    for id in &ids {
        super::lock_row(tx, &AuthorizationId::new(id.as_str())).await?;
    }
    if ids.is_empty() {
        return Ok(());
    }
    // Asked again, under the lock: a login that began meanwhile keeps its authorization.
    let places: Vec<String> = (2..ids.len() + 2).map(|place| format!("${place}")).collect();
    let delete = format!("DELETE FROM authorizations WHERE id IN ({}) AND NOT {in_use}", places.join(", "));
    let mut values = values![now];
    values.extend(ids.into_iter().map(Value::from));
    tx.changes(&delete, values).await.map(drop)
}

/// SQL: whether an authorization has a login under way (a phone may still answer, or has) at the moment that `now` stands for.
pub(in crate::store) fn in_use(now: &str) -> String {
    let [creating, pending, fetched] = OPEN_STAGES;
    format!(
        "EXISTS (SELECT 1 FROM logins WHERE logins.authorization_id = authorizations.id \
         AND (logins.stage IN ('{creating}', '{pending}', '{fetched}') AND logins.deadline > {now} \
         OR logins.stage = 'approved' AND logins.consumed_at IS NULL AND authorizations.expires_at > {now}))"
    )
}
