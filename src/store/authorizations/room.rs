//! The room that open authorizations have: what anybody may have us keep without signing in (B35). Where there is
//! none left, the oldest make room; never one with a login under way. A source makes room in its own; where all have too
//! many, those that have most make it first, so that who floods us loses what they brought and hardly anybody else's.

use std::collections::BTreeSet;

use sea_orm::sea_query::{ExprTrait as _, Order, SelectStatement, SimpleExpr};
use sea_orm::{ConnectionTrait as _, PaginatorTrait as _};

use super::{OPEN, authorization};
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

/// Makes room for one more of `source`. On PostgreSQL those that come at the same moment do not see one another: there may be a
/// few more than the limit says.
pub(crate) async fn make_room(tx: &Tx, source: &str, room: Room, now: Timestamp) -> Result<(), StoreError> {
    let open = authorization::Entity::find()
        .filter(authorization::Column::Stage.eq(OPEN))
        .filter(authorization::Column::ExpiresAt.gt(now.as_millis()))
        .filter(in_use(now).not());
    if let Some(most) = room.of_source {
        let own = open.clone().filter(authorization::Column::Source.eq(source)).count(tx.db()).await?;
        evict(tx, over(own, most), Some(source), now).await?;
    }
    if let Some(most) = room.of_all
        && (most <= FEW || spread(now, source).is_multiple_of(SELDOM))
    {
        evict(tx, over(open.count(tx.db()).await?, most), None, now).await?;
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

async fn evict(tx: &Tx, count: u64, source: Option<&str>, now: Timestamp) -> Result<(), StoreError> {
    if count == 0 {
        return Ok(());
    }
    let rows = tx.query_all(&oldest(count, source, now)).await?;
    let ids = rows.iter().map(|row| row.try_get::<String>("", "id")).collect::<Result<BTreeSet<_>, _>>()?;
    // In the order of their ids, as everywhere.
    for id in &ids {
        super::lock_row(tx, &AuthorizationId::new(id.as_str())).await?;
    }
    // Asked again, under the lock: a login that began meanwhile keeps its authorization.
    let delete = Query::delete()
        .from_table(authorization::Entity)
        .and_where(Expr::col(authorization::Column::Id).is_in(ids))
        .and_where(in_use(now).not())
        .take();
    tx.execute(&delete).await?;
    Ok(())
}

/// Those that go first: of the sources that have most, the oldest.
fn oldest(count: u64, source: Option<&str>, now: Timestamp) -> SelectStatement {
    let mut candidates = Query::select();
    candidates
        .columns([authorization::Column::Id, authorization::Column::CreatedAt])
        .expr_as(Expr::cust("ROW_NUMBER() OVER (PARTITION BY source ORDER BY created_at DESC, id DESC)"), "place")
        .from(authorization::Entity)
        .and_where(Expr::col(authorization::Column::Stage).eq(OPEN))
        .and_where(in_use(now).not());
    if let Some(source) = source {
        candidates.and_where(Expr::col(authorization::Column::Source).eq(source));
    }
    Query::select()
        .column("id")
        .from_subquery(candidates, "candidates")
        .order_by("place", Order::Desc)
        .order_by("created_at", Order::Asc)
        .limit(count)
        .take()
}

/// Whether an authorization has a login under way: a phone may still answer, or has.
pub(in crate::store) fn in_use(now: Timestamp) -> SimpleExpr {
    let own = Expr::col(("logins", "authorization_id")).equals(("authorizations", "id"));
    let open = Expr::col(("logins", "stage")).is_in(OPEN_STAGES).and(Expr::col(("logins", "deadline")).gt(now.as_millis()));
    let approved = Expr::col(("logins", "stage")).eq("approved").and(Expr::col(("logins", "consumed_at")).is_null());
    let approved = approved.and(Expr::col(("authorizations", "expires_at")).gt(now.as_millis()));
    Expr::exists(Query::select().expr(Expr::value(1)).from("logins").and_where(own.and(open.or(approved))).take())
}
