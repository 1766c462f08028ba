//! What the queues of calls to others have in common (logout tokens, events for the operator's webhook): a row is sent by the node
//! that holds its lease, tried again later, and deleted when it was heard or given up.

use super::prelude::*;

/// Takes the lease of a due row until `until`. False: another node sends it, or did.
pub(super) async fn lease(
    tx: &Tx,
    (table, id): (&'static str, &str),
    owner: &str,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = format!(
        "UPDATE {table} SET lease_owner = $2, lease_until = $3 \
         WHERE id = $1 AND due_at <= $4 AND (lease_until IS NULL OR lease_until <= $4)"
    );
    tx.changes(&sql, values![id, owner, until, now]).await
}

/// Notes an attempt in vain and when the next one is due; gives the lease back. False: another owner has taken the row over.
pub(super) async fn retry(
    tx: &Tx,
    (table, id): (&'static str, &str),
    owner: &str,
    due_at: Timestamp,
) -> Result<bool, StoreError> {
    let sql = format!(
        "UPDATE {table} SET attempts = attempts + 1, due_at = $3, lease_owner = NULL, lease_until = NULL \
         WHERE id = $1 AND lease_owner = $2"
    );
    tx.changes(&sql, values![id, owner, due_at]).await
}

/// Deletes a row that was heard, or given up. False: another owner has taken it over.
pub(super) async fn delete(tx: &Tx, (table, id): (&'static str, &str), owner: &str) -> Result<bool, StoreError> {
    let sql = format!("DELETE FROM {table} WHERE id = $1 AND lease_owner = $2");
    tx.changes(&sql, values![id, owner]).await
}
