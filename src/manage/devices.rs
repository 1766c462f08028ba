//! Phones that people registered: add, read, rename and remove.

use super::{Manage, ManageError, users};
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::client::Source;
use crate::domain::clock::Timestamp;
use crate::domain::id::DeviceId;
use crate::domain::user::{Device, Upstream, User};
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
    let entry = entry(manage, &device, detail)?;
    Ok((device, entry))
}

fn entry(manage: &Manage<'_>, device: &Device, detail: &str) -> Result<PendingEvent, ManageError> {
    let of_person = users::event(&device.user_id, &format!("{detail} {}", device.upstream));
    let event = AuditEvent { kind: AuditKind::DeviceChanged, subject: Some(device.id.as_str().to_owned()), ..of_person };
    Ok(manage.entry(event)?)
}

fn missing(id: &DeviceId) -> ManageError {
    ManageError::NotFound(format!("device `{id}`"))
}

async fn find(manage: &Manage<'_>, id: &DeviceId) -> Result<(User, Device), ManageError> {
    let db = manage.store.read();
    let device = store::devices::find(db, id).await?.ok_or_else(|| missing(id))?;
    let user = store::users::find(db, &device.user_id).await?.ok_or_else(|| missing(id))?;
    Ok((user, device))
}

/// Registers the phone of a person, whom its service knows by this name; `label` is what it is called here. Whoever the file
/// declares gets phones there.
pub(crate) async fn add(
    manage: &Manage<'_>,
    person: &str,
    name: (Upstream, String),
    label: Option<String>,
) -> Result<(User, Device), ManageError> {
    let user = users::find(manage, person).await?.user;
    let mut device = users::device(manage, &user.id, &name)?;
    if let Some(label) = label {
        device.label = label;
    }
    let job = (user, device.clone(), entry(manage, &device, "added")?);
    let added = manage.store.try_write(job, |tx, (user, device, entry)| {
        Box::pin(async move {
            let name = || format!("person `{}`", user.username);
            store::users::lock_row(tx, &user.id).await?;
            let present = store::users::find(tx, &user.id).await?.ok_or_else(|| ManageError::NotFound(name()))?;
            if present.source == Source::File {
                return Err(ManageError::Declared(name()));
            }
            let Device { upstream, upstream_user, .. } = device;
            if store::devices::find_by_upstream_user(tx, *upstream, upstream_user).await?.is_some() {
                return Err(users::phone_taken(*upstream, upstream_user));
            }
            users::insert_phones(tx, std::slice::from_ref(device)).await?;
            entry.write(tx, device.created_at).await?;
            Ok(present)
        })
    });
    Ok((added.await?, device))
}

/// Changes what a phone is called here, whoever declares it.
pub(crate) async fn rename(manage: &Manage<'_>, id: &DeviceId, label: String) -> Result<(User, Device), ManageError> {
    let (user, device) = find(manage, id).await?;
    let device = Device { label, ..device };
    let job = (device.clone(), entry(manage, &device, "renamed")?, manage.env.now());
    let renamed = manage.store.write(job, |tx, (device, entry, now)| {
        Box::pin(async move {
            let changed = store::devices::rename(tx, &device.id, &device.label).await?;
            entry.write_if(changed, tx, *now).await
        })
    });
    if renamed.await? { Ok((user, device)) } else { Err(missing(id)) }
}

/// Removes a phone. One of a person whom the file declares comes back at the next start, unless its line is removed there.
pub(crate) async fn remove(manage: &Manage<'_>, id: &DeviceId) -> Result<(User, Device), ManageError> {
    let (user, device) = find(manage, id).await?;
    let job = (removal(manage, device.clone(), "removed")?, manage.env.now());
    if !manage.store.write(job, |tx, (removal, now)| Box::pin(take_away(tx, removal, *now))).await? {
        return Err(missing(id));
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
