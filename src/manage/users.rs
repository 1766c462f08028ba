//! People: add with their phones, read, change, lock and unlock, let new browsers ask them again.

use std::collections::HashMap;

use super::{Manage, ManageError};
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::client::Source;
use crate::domain::clock::Timestamp;
use crate::domain::id::{DeviceId, UserId};
use crate::domain::user::{Device, Upstream, User, canonical_identifier};
use crate::domain::written::{NewUser, ProfileChange, WrittenProfile, WrittenUser};
use crate::flow::audit::PendingEvent;
use crate::store::users::UserSaved;
use crate::store::{Db, StoreError, Tx, devices, grants, pushes, sessions, users};

#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub user: User,
    pub devices: Vec<Device>,
}

impl Person {
    /// When they last approved a login, with a phone that they still have.
    pub(crate) fn last_login(&self) -> Option<Timestamp> {
        self.devices.iter().filter_map(|device| device.last_used_at).max()
    }
}

pub(super) fn event(user: &UserId, detail: &str) -> AuditEvent {
    let id = user.as_str().to_owned();
    AuditEvent {
        user: Some(id.clone()),
        subject: Some(id),
        detail: Some(detail.to_owned()),
        ..AuditEvent::new(AuditKind::UserChanged)
    }
}

pub(super) fn device(manage: &Manage<'_>, user: &UserId, (upstream, name): &(Upstream, String)) -> Result<Device, ManageError> {
    let id = DeviceId::generate(manage.env)?;
    Ok(Device::new(id, user.clone(), (*upstream, name.clone()), manage.env.now()))
}

pub(super) fn name_taken(name: &str) -> ManageError {
    ManageError::Exists(format!("a person with the username or e-mail address `{name}`"))
}

pub(super) fn phone_taken(upstream: Upstream, name: &str) -> ManageError {
    ManageError::Exists(format!("a person with the {} name `{name}`", upstream.display_name()))
}

/// By either kind of name: people type both into the same field, so one's username must differ from another's e-mail address.
pub(super) async fn named(db: &Db, name: &str) -> Result<Vec<User>, StoreError> {
    let by_username = users::find_by_username(db, name).await?;
    Ok(by_username.into_iter().chain(users::find_by_email(db, name).await?).collect())
}

/// Refuses a person of whose names somebody else has one.
pub(super) async fn demand_free(db: &Db, user: &User, phones: &[Device]) -> Result<(), ManageError> {
    for name in std::iter::once(&user.username).chain(&user.email) {
        if named(db, name).await?.iter().any(|other| other.id != user.id) {
            return Err(name_taken(name));
        }
    }
    for phone in phones {
        let other = devices::find_by_upstream_user(db, phone.upstream, &phone.upstream_user).await?;
        if other.is_some_and(|other| other.user_id != user.id) {
            return Err(phone_taken(phone.upstream, &phone.upstream_user));
        }
    }
    Ok(())
}

/// Another node took the name between our read and our write: the transaction that is run again finds it taken.
pub(super) const fn name_conflict() -> StoreError {
    StoreError::conflict("another command took this name just now")
}

pub(super) async fn insert(tx: &Tx, person: &Person) -> Result<(), StoreError> {
    if users::insert(tx, &person.user).await? != UserSaved::Saved {
        return Err(name_conflict());
    }
    insert_phones(tx, &person.devices).await
}

pub(super) async fn insert_phones(tx: &Tx, phones: &[Device]) -> Result<(), StoreError> {
    for phone in phones {
        if !devices::insert(tx, phone).await? {
            return Err(name_conflict());
        }
    }
    Ok(())
}

pub(super) fn new_person(manage: &Manage<'_>, new: NewUser, source: Source) -> Result<Person, ManageError> {
    let id = UserId::generate(manage.env)?;
    let phones: Result<Vec<Device>, ManageError> = new.devices.iter().map(|name| device(manage, &id, name)).collect();
    Ok(Person { devices: phones?, user: new.user(id, source, manage.env.now()) })
}

pub(crate) async fn create(manage: &Manage<'_>, written: WrittenUser) -> Result<Person, ManageError> {
    let new = written.check().map_err(ManageError::Invalid)?;
    let person = new_person(manage, new, Source::Command)?;
    let job = (person.clone(), manage.entry(event(&person.user.id, "created"))?);
    let created = manage.store.try_write(job, |tx, (person, entry)| {
        Box::pin(async move {
            demand_free(tx, &person.user, &person.devices).await?;
            insert(tx, person).await?;
            Ok::<_, ManageError>(entry.write(tx, person.user.created_at).await?)
        })
    });
    created.await?;
    Ok(person)
}

pub(crate) async fn list(manage: &Manage<'_>) -> Result<Vec<Person>, ManageError> {
    let db = manage.store.read();
    let mut phones: HashMap<UserId, Vec<Device>> = HashMap::new();
    for device in devices::list(db).await? {
        phones.entry(device.user_id.clone()).or_default().push(device);
    }
    let people = users::list(db).await?.into_iter();
    Ok(people.map(|user| Person { devices: phones.remove(&user.id).unwrap_or_default(), user }).collect())
}

fn nobody(name: &str) -> ManageError {
    ManageError::NotFound(format!("person `{name}`"))
}

/// The person with this username, e-mail address or `sub`.
pub(crate) async fn find(manage: &Manage<'_>, name: &str) -> Result<Person, ManageError> {
    let db = manage.store.read();
    let canonical = canonical_identifier(name).unwrap_or_default();
    let mut user = named(db, &canonical).await?.into_iter().next();
    if user.is_none() {
        user = users::find(db, &UserId::new(name)).await?;
    }
    let user = user.ok_or_else(|| nobody(name))?;
    let devices = devices::list_for_user(db, &user.id).await?;
    Ok(Person { user, devices })
}

/// Changes what is written, on what is stored at this moment: of two commands at once neither loses what the other changed.
pub(crate) async fn update(manage: &Manage<'_>, name: &str, written: WrittenProfile) -> Result<Person, ManageError> {
    let change = ProfileChange::of(written).map_err(ManageError::Invalid)?;
    let person = find(manage, name).await?;
    let entry = manage.entry(event(&person.user.id, "updated"))?;
    let job = (person.user, change, entry, manage.env.now());
    let changed = manage.store.try_write(job, |tx, (found, change, entry, now)| {
        Box::pin(async move {
            users::lock_row(tx, &found.id).await?;
            let before = users::find(tx, &found.id).await?.ok_or_else(|| nobody(&found.username))?;
            if before.source == Source::File {
                return Err(ManageError::Declared(format!("person `{}`", before.username)));
            }
            let after = change.apply(&before);
            if after == before {
                return Ok(before);
            }
            let after = User { updated_at: *now, ..after };
            demand_free(tx, &after, &[]).await?;
            if users::update(tx, &after).await? != UserSaved::Saved {
                return Err(ManageError::from(name_conflict()));
            }
            entry.write(tx, *now).await?;
            Ok(after)
        })
    });
    Ok(Person { user: changed.await?, devices: person.devices })
}

/// Locking ends every session and revokes every token at once, those that outlive a session included.
pub(super) async fn lock(tx: &Tx, user: &UserId, locked: bool, entry: &PendingEvent, now: Timestamp) -> Result<(), StoreError> {
    if !users::set_locked(tx, user, locked, now).await? {
        return Ok(());
    }
    if locked {
        sessions::end_all(tx, user, None, now).await?;
        grants::revoke_for_user(tx, user, None, now).await?;
    }
    entry.write(tx, now).await
}

/// Also a person whom the file declares. Twice is once.
pub(crate) async fn set_locked(manage: &Manage<'_>, name: &str, locked: bool) -> Result<Person, ManageError> {
    let mut person = find(manage, name).await?;
    let entry = manage.entry(event(&person.user.id, if locked { "locked" } else { "unlocked" }))?;
    let job = (person.user.id.clone(), entry, manage.env.now());
    manage.store.write(job, move |tx, (user, entry, now)| Box::pin(lock(tx, user, locked, entry, *now))).await?;
    person.user.locked = locked;
    Ok(person)
}

/// Forgets how often a person was asked for, what they declined, and that they said it was not them: the way in for their new
/// browsers after strangers used up what their name may be asked for. What the strangers' own sources may ask stays used up.
pub(crate) async fn reset_limits(manage: &Manage<'_>, name: &str) -> Result<Person, ManageError> {
    let mut person = find(manage, name).await?;
    person.user.strangers_until = None;
    let Person { user, devices } = &person;
    let mut names: Vec<String> = std::iter::once(&user.username).chain(&user.email).cloned().collect();
    names.extend(devices.iter().map(|device| device.upstream_user.clone()));
    let entry = manage.entry(event(&user.id, "limits reset"))?;
    let job = ((user.id.clone(), devices.clone(), names), entry, manage.env.now());
    let forgiven = manage.store.write(job, |tx, ((user, devices, names), entry, now)| {
        Box::pin(async move {
            users::admit_strangers(tx, user).await?;
            for device in devices {
                pushes::forgive_person(tx, device.upstream, &device.upstream_user, names).await?;
            }
            entry.write(tx, *now).await
        })
    });
    forgiven.await?;
    Ok(person)
}

#[cfg(test)]
mod tests;
