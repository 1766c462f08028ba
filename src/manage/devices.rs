//! Phones that people registered: read and remove.

use super::{Manage, ManageError, users};
use crate::domain::audit::{AuditEvent, AuditKind};
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

/// A phone that is to go, and the event that tells of it.
pub(super) type Removal = (Device, PendingEvent);

pub(super) fn removal(manage: &Manage<'_>, device: Device, detail: &str) -> Result<Removal, ManageError> {
    let of_person = users::event(&device.user_id, &format!("{detail} {}", device.upstream));
    let event = AuditEvent { kind: AuditKind::DeviceChanged, subject: Some(device.id.as_str().to_owned()), ..of_person };
    Ok((device, manage.entry(event)?))
}

/// Removes a phone. One of a person whom the file declares comes back at the next start, unless its line is removed there.
pub(crate) async fn remove(manage: &Manage<'_>, id: &DeviceId) -> Result<(User, Device), ManageError> {
    let missing = || ManageError::NotFound(format!("device `{id}`"));
    let db = manage.store.read();
    let device = store::devices::find(db, id).await?.ok_or_else(missing)?;
    let user = store::users::find(db, &device.user_id).await?.ok_or_else(missing)?;
    let job = (removal(manage, device.clone(), "removed")?, manage.env.now());
    if !manage.store.write(job, |tx, (removal, now)| Box::pin(take_away(tx, removal, *now))).await? {
        return Err(missing());
    }
    Ok((user, device))
}

/// Ends the sessions and tokens that the phone approved as well: whoever holds it now may not stay.
pub(super) async fn take_away(tx: &Tx, (device, entry): &Removal, now: Timestamp) -> Result<bool, StoreError> {
    // A login that is being finished is through by then, or finds the phone gone.
    store::users::lock_row(tx, &device.user_id).await?;
    if !store::devices::delete(tx, &device.id).await? {
        return Ok(false);
    }
    sessions::end_all(tx, &device.user_id, Some(&device.id), now).await?;
    grants::revoke_for_user(tx, &device.user_id, Some(&device.id), now).await?;
    entry.write(tx, now).await?;
    Ok(true)
}
