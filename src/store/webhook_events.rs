//! The queue of events for the operator's webhook: rows are written by the write that writes the audit event, sent by the node that
//! holds the row's lease, and deleted once they were heard or given up.

use serde_json::json;

use super::entity::webhook_event as event;
use super::prelude::*;
use super::queue;
use crate::domain::audit::AuditEvent;

/// An event that is yet to be told: its row, as it is.
pub(crate) use super::entity::webhook_event::Model as WebhookEvent;

const TABLE: &str = "webhook_events";

/// Queues an event under its own id.
pub(crate) async fn insert(tx: &Tx, told: &AuditEvent, id: &str, at: Timestamp) -> Result<(), StoreError> {
    tx.insert_new(row(told, id, at)).await.map(drop)
}

/// Queues some hundred events, each under its own id.
pub(crate) async fn insert_all(tx: &Tx, events: &[(&str, &AuditEvent)], at: Timestamp) -> Result<(), StoreError> {
    tx.insert_all(events.iter().map(|(id, told)| row(told, id, at)).collect()).await.map(drop)
}

/// Names and ids only, as in the audit trail.
fn row(told: &AuditEvent, id: &str, at: Timestamp) -> WebhookEvent {
    let AuditEvent { kind, user, client, subject, origin: RequestSource { address, user_agent }, detail } = told;
    let body = json!({
        "id": id,
        "type": kind.as_str(),
        "at": at.as_seconds(),
        "user": user,
        "client": client,
        "subject": subject,
        "address": address,
        "user_agent": user_agent,
        "detail": detail,
    });
    WebhookEvent {
        id: id.to_owned(),
        body: body.to_string(),
        due_at: at,
        attempts: 0,
        lease_owner: None,
        lease_until: None,
        created_at: at,
    }
}

/// What is due at `now` and leased by no node, the longest due first.
pub(crate) async fn list_due(db: &Db, now: Timestamp, limit: u64) -> Result<Vec<WebhookEvent>, StoreError> {
    let free = "WHERE due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1) ORDER BY due_at, id LIMIT $2";
    db.rows(event::Entity, free, values![now, limit]).await
}

pub(crate) async fn count(db: &Db) -> Result<u64, StoreError> {
    db.count("SELECT COUNT(*) FROM webhook_events", vec![]).await
}

/// Deletes all but the latest `most`; returns how many that were.
pub(crate) async fn delete_oldest(tx: &Tx, most: u64) -> Result<u64, StoreError> {
    let sql = "DELETE FROM webhook_events WHERE id NOT IN \
               (SELECT id FROM webhook_events ORDER BY created_at DESC, id DESC LIMIT $1)";
    tx.changed_rows(sql, values![most]).await
}

/// As in [`queue`].
pub(crate) async fn lease(tx: &Tx, id: &str, owner: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
    queue::lease(tx, (TABLE, id), owner, until, now).await
}

/// As in [`queue`].
pub(crate) async fn retry(tx: &Tx, id: &str, owner: &str, due_at: Timestamp) -> Result<bool, StoreError> {
    queue::retry(tx, (TABLE, id), owner, due_at).await
}

/// As in [`queue`].
pub(crate) async fn delete(tx: &Tx, id: &str, owner: &str) -> Result<bool, StoreError> {
    queue::delete(tx, (TABLE, id), owner).await
}
