//! Writing the audit trail: an event gets its id before the write that stores it, so that the write can be run again.

use std::sync::atomic::{AtomicBool, Ordering};

use super::prelude::*;
use crate::domain::id;
use crate::store::{Store, audit};

/// Written in the same transaction as what it tells of, which may tell more about it.
#[derive(Clone, Debug)]
pub(crate) struct PendingEvent {
    id: String,
    event: AuditEvent,
    /// What the operator's webhook hears of.
    announced: Arc<[AuditKind]>,
    /// Whether it was counted: a transaction may be run again, and its event is one all the same.
    counted: Arc<AtomicBool>,
}

impl PendingEvent {
    pub(crate) fn new(store: &Store, event: AuditEvent) -> Result<Self, RandomError> {
        Ok(Self { id: id::time_ordered(store.env())?, event, announced: store.announced(), counted: Arc::default() })
    }

    #[must_use]
    pub(crate) fn about(&self, user: &str, subject: &str) -> Self {
        self.telling(AuditEvent { user: Some(user.to_owned()), subject: Some(subject.to_owned()), ..self.event.clone() })
    }

    #[must_use]
    pub(crate) fn telling(&self, event: AuditEvent) -> Self {
        Self { event, ..self.clone() }
    }

    pub(crate) async fn write(&self, tx: &Tx, at: Timestamp) -> Result<(), StoreError> {
        audit::insert_announced(tx, &self.announced, &self.event, &self.id, at).await?;
        self.count();
        Ok(())
    }

    /// Some hundred at once, of kinds that do not repeat ([`AuditKind::repeats`]).
    pub(crate) async fn write_all(entries: &[Self], tx: &Tx, at: Timestamp) -> Result<(), StoreError> {
        let events: Vec<(&str, &AuditEvent)> = entries.iter().map(|entry| (entry.id.as_str(), &entry.event)).collect();
        let announced: &[AuditKind] = entries.first().map_or(&[], |entry| &*entry.announced);
        audit::insert_all(tx, announced, &events, at).await?;
        entries.iter().for_each(Self::count);
        Ok(())
    }

    fn count(&self) {
        if !self.counted.swap(true, Ordering::Relaxed) {
            metrics::AUDIT_EVENTS.add([self.event.kind.as_str()]);
        }
    }

    /// Where something changed; says again whether it did.
    pub(crate) async fn write_if(&self, changed: bool, tx: &Tx, at: Timestamp) -> Result<bool, StoreError> {
        if changed {
            self.write(tx, at).await?;
        }
        Ok(changed)
    }
}
