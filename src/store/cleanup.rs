//! Clean-up: rows that expired long ago. Nothing depends on it for safety; deadlines are compared where they matter.

use super::prelude::*;
use super::{Store, authorizations};

const BATCH: u64 = 500;
const HOUR: u64 = 60 * 60;
const DAY: u64 = 24 * HOUR;
/// How long an authorization that ended without a code stays, so that its page can say so.
const LINGERS: u64 = 5 * 60;

#[derive(Clone, Copy)]
struct RetentionRule {
    table: &'static str,
    /// The primary key, or enough of it to delete in batches.
    key: &'static str,
    expiry_column: &'static str,
    /// Long enough to recognise what comes back late (a code's reuse) and to look into a complaint.
    retain: Duration,
    only: Only,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Only {
    All,
    /// Grants whose session has ended: its clients are told when it does.
    Sessionless,
    /// Authorizations that got no code and have no login under way.
    Fruitless,
}

const fn rule(table: &'static str, key: &'static str, expiry_column: &'static str, seconds: u64) -> RetentionRule {
    RetentionRule { table, key, expiry_column, retain: Duration::from_secs(seconds), only: Only::All }
}

/// What hangs on a row goes with it.
const RULES: &[RetentionRule] = &[
    // Written by programs before this one.
    rule("posted_parameters", "handle", "expires_at", 0),
    RetentionRule { only: Only::Fruitless, ..rule("authorizations", "id", "expires_at", LINGERS) },
    rule("codes", "digest", "expires_at", DAY),
    rule("logins", "id", "deadline", DAY),
    // Held no longer than this by anybody.
    rule("slots", "login_id", "held_until", HOUR),
    // Limits look back a day.
    rule("pushes", "login_id", "at", DAY),
    // Nobody is asked about an older one.
    rule("declines", "login_id", "at", DAY),
    rule("authorizations", "id", "expires_at", DAY),
    rule("access_tokens", "digest", "expires_at", DAY),
    rule("refresh_tokens", "digest", "expires_at", DAY),
    RetentionRule { only: Only::Sessionless, ..rule("grants", "id", "expires_at", DAY) },
    // Long given up by then; these are left by a provider that was off for a day.
    rule("backchannel_logouts", "id", "created_at", DAY),
    rule("webhook_events", "id", "created_at", DAY),
    rule("sessions", "id", "expires_at", DAY),
    rule("refused_requests", "key", "last_at", 30 * DAY),
    rule("remembered_browsers", "browser", "last_used_at", 400 * DAY),
];

/// The store's own: a row for every write on PostgreSQL, locks on counters, and what was counted of this hour's audit trail.
const OWN: &[RetentionRule] = &[
    rule("commits", "id", "at", 2 * 60),
    rule("push_turns", "key", "at", 10 * 60),
    rule("audit_tallies", "key", "at", 2 * HOUR),
];

/// Deletes what has expired, and the audit events older than `audit_kept`, in small writes that let others in between. Returns
/// how many rows, not counting those that went with their parents, nor the store's own. Fails with the first error; what fails
/// with one table keeps no other from being cleaned.
pub(crate) async fn delete_expired(store: &Store, now: Timestamp, audit_kept: Duration) -> Result<u64, StoreError> {
    let (mut deleted, mut failure) = (0, None);
    // The fullest table first.
    for rule in OWN {
        if let Err(error) = delete_of(store, *rule, now).await {
            failure.get_or_insert(error);
        }
    }
    let audit = RetentionRule { retain: audit_kept, ..rule("audit_events", "id", "at", 0) };
    for rule in RULES.iter().chain([&audit]) {
        match delete_of(store, *rule, now).await {
            Ok(rows) => deleted += rows,
            Err(error) => drop(failure.get_or_insert(error)),
        }
    }
    failure.map_or(Ok(deleted), Err)
}

async fn delete_of(store: &Store, rule: RetentionRule, now: Timestamp) -> Result<u64, StoreError> {
    let mut deleted = 0;
    loop {
        let batch = store.write((rule, now), |tx, (rule, now)| Box::pin(delete_batch(tx, *rule, *now)));
        let rows = batch.await?;
        deleted += rows;
        if rows < BATCH {
            return Ok(deleted);
        }
    }
}

async fn delete_batch(tx: &Tx, rule: RetentionRule, now: Timestamp) -> Result<u64, StoreError> {
    let RetentionRule { table, key, expiry_column, retain, only } = rule;
    let mut moments = values![now.minus(retain)];
    let only = match only {
        Only::All => "",
        Only::Sessionless => {
            "AND NOT EXISTS (SELECT 1 FROM sessions WHERE sessions.id = grants.session_id \
             AND sessions.ended_at IS NULL AND sessions.expires_at > $1)"
        }
        Only::Fruitless => {
            moments.push(now.into());
            &format!("AND stage <> '{}' AND NOT {}", authorizations::ISSUED, authorizations::in_use("$2"))
        }
    };
    let expired = format!("{expiry_column} < $1 {only}");
    // The condition stands twice: a row that another transaction revived meanwhile stays.
    let sql =
        format!("DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {expired} LIMIT {BATCH}) AND {expired}");
    tx.changed_rows(&sql, moments).await
}
