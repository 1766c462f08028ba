//! The audit trail, read: what happened to whom, at which client, and when.

use std::collections::HashMap;

use super::{Manage, ManageError, users};
use crate::domain::audit::AuditKind;
use crate::domain::clock::Timestamp;
use crate::domain::id::{UserId, is_well_formed};
use crate::store::audit::{self, AuditFilter, AuditRecord};
use crate::store::{self, Db, StoreError};

/// Which events are wanted: those that fit every member that says something.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// The username, e-mail address or `sub`; the `sub` also of somebody who was deleted.
    pub person: Option<String>,
    pub client: Option<String>,
    pub kinds: Vec<AuditKind>,
    pub since: Option<Timestamp>,
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub record: AuditRecord,
    /// Of the person, as it is now. `None`: it names nobody, or somebody who was deleted.
    pub username: Option<String>,
}

/// Where a reader is: the moment and the id of the last event that was read.
pub(crate) type Place = (Timestamp, String);

pub(crate) struct Trail<'a> {
    db: &'a Db,
    filter: AuditFilter,
    names: HashMap<String, Option<String>>,
}

impl<'a> Trail<'a> {
    pub(crate) async fn open(manage: &Manage<'a>, wanted: Wanted) -> Result<Self, ManageError> {
        let store: &'a store::Store = manage.store;
        let Wanted { person, client, kinds, since } = wanted;
        let user = match person {
            Some(name) => Some(subject(manage, name).await?),
            None => None,
        };
        Ok(Self { db: store.read(), filter: AuditFilter { user, client, kinds, since }, names: HashMap::new() })
    }

    /// The latest `limit` events, the earliest of them first.
    pub(crate) async fn latest(&mut self, limit: u64) -> Result<Vec<Event>, StoreError> {
        let mut records = audit::latest(self.db, &self.filter, limit).await?;
        records.reverse();
        self.named(records).await
    }

    /// The next `limit` events behind `place`, the earliest first.
    pub(crate) async fn after(&mut self, (at, id): &Place, limit: u64) -> Result<Vec<Event>, StoreError> {
        let records = audit::after(self.db, &self.filter, (*at, id.as_str()), limit).await?;
        self.named(records).await
    }

    async fn named(&mut self, records: Vec<AuditRecord>) -> Result<Vec<Event>, StoreError> {
        let mut events = Vec::with_capacity(records.len());
        for record in records {
            let username = match &record.user {
                Some(id) => self.name(id).await?,
                None => None,
            };
            events.push(Event { record, username });
        }
        Ok(events)
    }

    async fn name(&mut self, id: &str) -> Result<Option<String>, StoreError> {
        if let Some(known) = self.names.get(id) {
            return Ok(known.clone());
        }
        let name = store::users::find(self.db, &UserId::new(id)).await?.map(|user| user.username);
        self.names.insert(id.to_owned(), name.clone());
        Ok(name)
    }
}

async fn subject(manage: &Manage<'_>, name: String) -> Result<String, ManageError> {
    match users::find(manage, &name).await {
        Ok(person) => Ok(person.user.id.as_str().to_owned()),
        Err(ManageError::NotFound(_)) if is_well_formed(&name) => Ok(name),
        Err(error) => Err(error),
    }
}
