//! Clean-up: rows that have long been dead. Nothing depends on it for safety; deadlines are compared where they matter.

use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query, SelectStatement};

use super::{Store, StoreError, Tx};
use crate::domain::clock::Timestamp;

/// The most rows that one write deletes.
const BATCH: u64 = 500;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Rows that die by themselves.
#[derive(Clone, Copy)]
struct Mortal {
    table: &'static str,
    /// The primary key, or enough of it to delete in batches.
    key: &'static str,
    /// The column that says when a row died.
    died: &'static str,
    /// How long a dead row stays: long enough to recognise what comes back late (a code's reuse) and to look into a
    /// complaint.
    kept: Duration,
    /// The column with the session for whose life a dead row stays: its clients are told when it ends.
    session: Option<&'static str>,
}

const fn mortal(table: &'static str, key: &'static str, died: &'static str, kept_days: u64) -> Mortal {
    Mortal { table, key, died, kept: Duration::from_secs(kept_days * DAY.as_secs()), session: None }
}

/// What hangs on a row goes with it.
const MORTAL: &[Mortal] = &[
    mortal("posted_parameters", "handle", "expires_at", 1),
    mortal("codes", "digest", "expires_at", 1),
    mortal("logins", "id", "deadline", 1),
    mortal("slots", "login_id", "held_until", 1),
    mortal("pushes", "login_id", "at", 1),
    mortal("authorizations", "id", "expires_at", 1),
    mortal("access_tokens", "digest", "expires_at", 1),
    mortal("refresh_tokens", "digest", "expires_at", 1),
    Mortal { session: Some("session_id"), ..mortal("grants", "id", "expires_at", 1) },
    // Long given up by then; these are left by a provider that was off for a day.
    mortal("backchannel_logouts", "id", "created_at", 1),
    mortal("sessions", "id", "expires_at", 1),
    mortal("remembered_browsers", "browser", "last_used_at", 400),
];

/// The store's own book-keeping: one row for every write on PostgreSQL, asked for within seconds, if ever; and turns that were
/// taken.
const OWN: &[Mortal] =
    &[Mortal { kept: Duration::from_secs(10 * 60), ..mortal("commits", "id", "at", 1) }, mortal("push_turns", "key", "at", 1)];

/// Deletes what died a day or more before `now`, in small writes that let others in between. Returns how many rows, not
/// counting those that went with their parents, nor the store's own book-keeping.
///
/// # Errors
/// When the database fails: the first error. What fails with one table keeps no other from being cleaned, and what was deleted
/// stays deleted.
pub async fn delete_dead(store: &Store, now: Timestamp) -> Result<u64, StoreError> {
    let (mut deleted, mut failure) = (0, None);
    // The fullest table first.
    for mortal in OWN {
        if let Err(error) = delete_of(store, *mortal, now).await {
            failure.get_or_insert(error);
        }
    }
    for mortal in MORTAL {
        match delete_of(store, *mortal, now).await {
            Ok(rows) => deleted += rows,
            Err(error) => drop(failure.get_or_insert(error)),
        }
    }
    failure.map_or(Ok(deleted), Err)
}

async fn delete_of(store: &Store, mortal: Mortal, now: Timestamp) -> Result<u64, StoreError> {
    let cutoff = now.minus(mortal.kept);
    let mut deleted = 0;
    loop {
        let batch = store.write((mortal, cutoff), |tx, (mortal, cutoff)| Box::pin(delete_batch(tx, *mortal, *cutoff)));
        let rows = batch.await?;
        deleted += rows;
        if rows < BATCH {
            return Ok(deleted);
        }
    }
}

/// The session that `reference` names, where it has neither ended nor been dead for as long as a row is kept.
fn living_session(reference: (&'static str, &'static str), cutoff: Timestamp) -> SelectStatement {
    let same = Expr::col(("sessions", "id")).equals(reference);
    let lives = Expr::col(("sessions", "ended_at")).is_null();
    let lives = lives.and(Expr::col(("sessions", "expires_at")).gt(cutoff.as_millis()));
    Query::select().expr(Expr::value(1)).from("sessions").and_where(same.and(lives)).take()
}

async fn delete_batch(tx: &Tx, mortal: Mortal, cutoff: Timestamp) -> Result<u64, StoreError> {
    let is_dead = || {
        let dead = Expr::col(mortal.died).lt(cutoff.as_millis());
        match mortal.session {
            None => dead,
            Some(session) => dead.and(Expr::exists(living_session((mortal.table, session), cutoff)).not()),
        }
    };
    let dead = Query::select().column(mortal.key).from(mortal.table).and_where(is_dead()).limit(BATCH).take();
    // The condition stands twice: a row that another transaction revived meanwhile stays.
    let delete =
        Query::delete().from_table(mortal.table).and_where(Expr::col(mortal.key).in_subquery(dead)).and_where(is_dead()).take();
    Ok(tx.execute(&delete).await?.rows_affected())
}
