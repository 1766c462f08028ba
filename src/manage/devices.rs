//! Phones that people registered: read and remove.

use super::{Manage, ManageError, users};
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::client::Source;
use crate::domain::clock::Timestamp;
use crate::domain::id::DeviceId;
use crate::domain::user::{Device, User};
use crate::flow::audit::PendingEvent;
use crate::store::{self, StoreError, Tx, grants, sessions};

pub(crate) async fn list(manage: &Manage<'_>, person: Option<&str>) -> Result<Vec<(User, Device)>, ManageError> {
    let people = match person {
        Some(name) => vec![users::find(manage, name).await?],
        None => users::list(manage).await?,
    };
    let of_person = |person: users::Person| person.devices.into_iter().map(move |device| (person.user.clone(), device));
    Ok(people.into_iter().flat_map(of_person).collect())
}

#[derive(Clone, Debug)]
pub(crate) struct Removed {
    pub device: Device,
    pub user: User,
}

impl Removed {
    /// Whether the file declares the person: the phone comes back at the next start unless its line is removed there.
    pub(crate) fn comes_back(&self) -> bool {
        self.user.source == Source::File
    }
}

pub(super) fn event(device: &Device, detail: &str) -> AuditEvent {
    AuditEvent {
        user: Some(device.user_id.as_str().to_owned()),
        subject: Some(device.id.as_str().to_owned()),
        detail: Some(format!("{detail} {}", device.upstream)),
        ..AuditEvent::new(AuditKind::DeviceChanged)
    }
}

/// Removes a phone, and ends the sessions and tokens that it approved: whoever holds it now may not stay.
pub(crate) async fn remove(manage: &Manage<'_>, id: &DeviceId) -> Result<Removed, ManageError> {
    let missing = || ManageError::NotFound(format!("device `{id}`"));
    let db = manage.store.read();
    let device = store::devices::find(db, id).await?.ok_or_else(missing)?;
    let user = store::users::find(db, &device.user_id).await?.ok_or_else(missing)?;
    let entry = manage.entry(event(&device, "removed"))?;
    let job = Removal { device: device.clone(), entry, now: manage.now() };
    if !manage.store.write(job, |tx, job| Box::pin(job.run(tx))).await? {
        return Err(missing());
    }
    Ok(Removed { device, user })
}

pub(super) struct Removal {
    pub(super) device: Device,
    pub(super) entry: PendingEvent,
    pub(super) now: Timestamp,
}

impl Removal {
    pub(super) async fn run(&self, tx: &Tx) -> Result<bool, StoreError> {
        let (device, now) = (&self.device, self.now);
        // A login that is being finished is through by then, or finds the phone gone.
        store::users::lock_row(tx, &device.user_id).await?;
        if !store::devices::delete(tx, &device.id).await? {
            return Ok(false);
        }
        sessions::end_all_for_phone(tx, &device.user_id, &device.id, now).await?;
        grants::revoke_for_phone(tx, &device.user_id, &device.id, now).await?;
        self.entry.write(tx, now).await?;
        Ok(true)
    }
}
