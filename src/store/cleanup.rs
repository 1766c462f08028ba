//! Clean-up: rows that have long been dead. Nothing depends on it for safety; deadlines are compared where they matter.

use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query, SelectStatement};

use super::{Store, StoreError, Tx, authorizations};
use crate::domain::clock::Timestamp;

/// The most rows that one write deletes.
const BATCH: u64 = 500;
const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
/// How long an authorization that ended without a code stays, so that its page can say so.
const LINGERS: u64 = 5 * 60;

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
    /// Which dead rows go after all.
    only: Only,
}

/// Which of the dead rows of a table go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Only {
    /// All of them.
    All,
    /// Those whose session (in this column) has ended: its clients are told when it does.
    Sessionless(&'static str),
    /// Authorizations that got no code, and in whose login nobody is.
    Fruitless,
}

const fn mortal(table: &'static str, key: &'static str, died: &'static str, kept_seconds: u64) -> Mortal {
    Mortal { table, key, died, kept: Duration::from_secs(kept_seconds), only: Only::All }
}

/// What hangs on a row goes with it.
const MORTAL: &[Mortal] = &[
    // Written by programs before this one.
    mortal("posted_parameters", "handle", "expires_at", 0),
    Mortal { only: Only::Fruitless, ..mortal("authorizations", "id", "expires_at", LINGERS) },
    mortal("codes", "digest", "expires_at", DAY),
    mortal("logins", "id", "deadline", DAY),
    // Held no longer than this by anybody.
    mortal("slots", "login_id", "held_until", HOUR),
    // Limits look back a day.
    mortal("pushes", "login_id", "at", DAY),
    mortal("authorizations", "id", "expires_at", DAY),
    mortal("access_tokens", "digest", "expires_at", DAY),
    mortal("refresh_tokens", "digest", "expires_at", DAY),
    Mortal { only: Only::Sessionless("session_id"), ..mortal("grants", "id", "expires_at", DAY) },
    // Long given up by then; these are left by a provider that was off for a day.
    mortal("backchannel_logouts", "id", "created_at", DAY),
    mortal("sessions", "id", "expires_at", DAY),
    mortal("remembered_browsers", "browser", "last_used_at", 400 * DAY),
];

/// The store's own book-keeping: one row for every write on PostgreSQL, asked for within seconds, if ever; turns that were
/// taken; and what was counted of the audit trail's present hour.
const OWN: &[Mortal] = &[
    mortal("commits", "id", "at", 2 * 60),
    mortal("push_turns", "key", "at", 10 * 60),
    mortal("audit_tallies", "key", "at", 2 * HOUR),
];

/// Deletes what is dead at `now`, and the audit events older than `audit_kept`, in small writes that let others in between.
/// Returns how many rows, not counting those that went with their parents, nor the store's own book-keeping.
///
/// # Errors
/// When the database fails: the first error. What fails with one table keeps no other from being cleaned, and what was deleted
/// stays deleted.
pub async fn delete_dead(store: &Store, now: Timestamp, audit_kept: Duration) -> Result<u64, StoreError> {
    let (mut deleted, mut failure) = (0, None);
    // The fullest table first.
    for mortal in OWN {
        if let Err(error) = delete_of(store, *mortal, now).await {
            failure.get_or_insert(error);
        }
    }
    let audit = Mortal { kept: audit_kept, ..mortal("audit_events", "id", "at", 0) };
    for mortal in MORTAL.iter().chain([&audit]) {
        match delete_of(store, *mortal, now).await {
            Ok(rows) => deleted += rows,
            Err(error) => drop(failure.get_or_insert(error)),
        }
    }
    failure.map_or(Ok(deleted), Err)
}

async fn delete_of(store: &Store, mortal: Mortal, now: Timestamp) -> Result<u64, StoreError> {
    let mut deleted = 0;
    loop {
        let batch = store.write((mortal, now), |tx, (mortal, now)| Box::pin(delete_batch(tx, *mortal, *now)));
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

async fn delete_batch(tx: &Tx, mortal: Mortal, now: Timestamp) -> Result<u64, StoreError> {
    let cutoff = now.minus(mortal.kept);
    let is_dead = || {
        let dead = Expr::col(mortal.died).lt(cutoff.as_millis());
        match mortal.only {
            Only::All => dead,
            Only::Sessionless(session) => dead.and(Expr::exists(living_session((mortal.table, session), cutoff)).not()),
            Only::Fruitless => dead.and(Expr::col("stage").ne(authorizations::ISSUED)).and(authorizations::in_use(now).not()),
        }
    };
    let dead = Query::select().column(mortal.key).from(mortal.table).and_where(is_dead()).limit(BATCH).take();
    // The condition stands twice: a row that another transaction revived meanwhile stays.
    let delete =
        Query::delete().from_table(mortal.table).and_where(Expr::col(mortal.key).in_subquery(dead)).and_where(is_dead()).take();
    Ok(tx.execute(&delete).await?.rows_affected())
}
