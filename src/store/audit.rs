//! The audit trail: written in the same transaction as the change that it tells of.

use sea_orm::{EntityTrait as _, QueryOrder as _, QuerySelect as _};

use super::entity::audit_event;
use super::{Db, StoreError, Tx};
use crate::domain::audit::AuditEvent;
use crate::domain::clock::Timestamp;

/// An event as it was written. Its kind is the stable name, so that one which this program does not know can still be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Its id.
    pub id: String,
    /// When it happened.
    pub at: Timestamp,
    /// What happened ([`AuditKind::as_str`](crate::domain::audit::AuditKind::as_str)).
    pub kind: String,
    /// The person concerned.
    pub user: Option<String>,
    /// The client concerned.
    pub client: Option<String>,
    /// What it was about.
    pub subject: Option<String>,
    /// The client address.
    pub address: String,
    /// The `User-Agent`.
    pub user_agent: String,
    /// A short machine-readable detail.
    pub detail: Option<String>,
}

/// The latest `limit` events, the latest first.
///
/// # Errors
/// When the database fails.
pub async fn list(db: &Db, limit: u64) -> Result<Vec<AuditRecord>, StoreError> {
    let rows = audit_event::Entity::find()
        .order_by_desc(audit_event::Column::At)
        .order_by_desc(audit_event::Column::Id)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(AuditRecord::from).collect())
}

/// Writes an event under a new, time-ordered `id`.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &Tx, event: &AuditEvent, id: &str, at: Timestamp) -> Result<(), StoreError> {
    tx.insert(audit_event::Model {
        id: id.to_owned(),
        at: at.as_millis(),
        kind: event.kind.as_str().to_owned(),
        user_id: event.user.clone(),
        client_id: event.client.clone(),
        subject: event.subject.clone(),
        address: event.origin.address.clone(),
        user_agent: event.origin.user_agent.clone(),
        detail: event.detail.clone(),
    })
    .await
}

impl From<audit_event::Model> for AuditRecord {
    fn from(model: audit_event::Model) -> Self {
        Self {
            id: model.id,
            at: Timestamp::from_millis(model.at),
            kind: model.kind,
            user: model.user_id,
            client: model.client_id,
            subject: model.subject,
            address: model.address,
            user_agent: model.user_agent,
            detail: model.detail,
        }
    }
}
