//! People: add with their phones, read, lock and unlock, let new browsers ask them again.

use super::{Manage, ManageError};
use crate::domain::audit::{AuditEvent, AuditKind};
use crate::domain::client::Source;
use crate::domain::clock::Timestamp;
use crate::domain::id::{DeviceId, UserId};
use crate::domain::user::{Device, Upstream, User, canonical_identifier};
use crate::domain::written::{NewUser, WrittenUser};
use crate::flow::audit::PendingEvent;
use crate::store::users::UserSaved;
use crate::store::{Db, StoreError, Tx, devices, grants, pushes, sessions, users};

/// A person with their phones.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub user: User,
    pub devices: Vec<Device>,
}

/// The event that tells of a change to a person.
pub(super) fn event(user: &UserId, detail: &str) -> AuditEvent {
    let id = user.as_str().to_owned();
    AuditEvent {
        user: Some(id.clone()),
        subject: Some(id),
        detail: Some(detail.to_owned()),
        ..AuditEvent::new(AuditKind::UserChanged)
    }
}

/// The device by which `upstream` knows `user` as `name`.
pub(super) fn device(manage: &Manage<'_>, user: &UserId, (upstream, name): &(Upstream, String)) -> Result<Device, ManageError> {
    Ok(Device {
        id: DeviceId::generate(manage.env)?,
        user_id: user.clone(),
        upstream: *upstream,
        upstream_user: name.clone(),
        label: upstream.display_name().to_owned(),
        created_at: manage.now(),
        last_used_at: None,
    })
}

/// Why a name cannot be given to somebody: who has it.
pub(super) enum Taken {
    /// As a username or an e-mail address.
    Name(String),
    Device(Upstream, String),
}

impl From<Taken> for ManageError {
    fn from(taken: Taken) -> Self {
        match taken {
            Taken::Name(name) => Self::Exists(format!("a person with the username or e-mail address `{name}`")),
            Taken::Device(upstream, name) => {
                Self::Exists(format!("a person with the {} name `{name}`", upstream.display_name()))
            }
        }
    }
}

/// The first name of a person that somebody else has. A username and another one's e-mail address must differ as well, since
/// people type either into the same field.
pub(super) async fn taken(db: &Db, user: &User, phones: &[Device]) -> Result<Option<Taken>, StoreError> {
    for name in std::iter::once(&user.username).chain(&user.email) {
        let by_username = users::find_by_username(db, name).await?;
        let by_email = users::find_by_email(db, name).await?;
        if by_username.into_iter().chain(by_email).any(|other| other.id != user.id) {
            return Ok(Some(Taken::Name(name.clone())));
        }
    }
    for phone in phones {
        let other = devices::find_by_upstream_user(db, phone.upstream, &phone.upstream_user).await?;
        if other.is_some_and(|other| other.user_id != user.id) {
            return Ok(Some(Taken::Device(phone.upstream, phone.upstream_user.clone())));
        }
    }
    Ok(None)
}

/// Another node took the name between our read and our write: the transaction that is run again finds it taken.
pub(super) const fn name_conflict() -> StoreError {
    StoreError::conflict("another command took this name just now")
}

#[derive(Clone)]
struct Creation {
    person: Person,
    entry: PendingEvent,
}

impl Creation {
    async fn run(&self, tx: &Tx) -> Result<(), ManageError> {
        if let Some(taken) = taken(tx, &self.person.user, &self.person.devices).await? {
            return Err(taken.into());
        }
        insert(tx, &self.person).await?;
        Ok(self.entry.write(tx, self.person.user.created_at).await?)
    }
}

/// Writes a person whose names are free, with their phones.
pub(super) async fn insert(tx: &Tx, person: &Person) -> Result<(), StoreError> {
    if users::insert(tx, &person.user).await? != UserSaved::Saved {
        return Err(name_conflict());
    }
    for device in &person.devices {
        if !devices::insert(tx, device).await? {
            return Err(name_conflict());
        }
    }
    Ok(())
}

/// A person who is not there yet.
pub(super) fn new_person(manage: &Manage<'_>, new: NewUser, source: Source) -> Result<Person, ManageError> {
    let id = UserId::generate(manage.env)?;
    let phones: Result<Vec<Device>, ManageError> = new.devices.iter().map(|name| device(manage, &id, name)).collect();
    let now = manage.now();
    let user = User {
        id,
        username: new.username,
        email: new.email,
        email_verified: new.email_verified,
        name: new.name,
        groups: new.groups,
        locked: false,
        source,
        created_at: now,
        updated_at: now,
    };
    Ok(Person { user, devices: phones? })
}

/// Adds a person with their phones.
/// Errors: [`ManageError::Exists`], [`ManageError::Invalid`]; when the database or the random number generator fails.
pub(crate) async fn create(manage: &Manage<'_>, written: WrittenUser) -> Result<Person, ManageError> {
    let new = written.check().map_err(ManageError::Invalid)?;
    let person = new_person(manage, new, Source::Command)?;
    let entry = manage.entry(event(&person.user.id, "created"))?;
    let job = Creation { person: person.clone(), entry };
    manage.store.try_write(job, |tx, job| Box::pin(job.run(tx))).await?;
    Ok(person)
}

pub(crate) async fn list(manage: &Manage<'_>) -> Result<Vec<Person>, ManageError> {
    let db = manage.store.read();
    let mut people = Vec::new();
    for user in users::list(db).await? {
        let devices = devices::list_for_user(db, &user.id).await?;
        people.push(Person { user, devices });
    }
    Ok(people)
}

/// The person with this username, e-mail address or `sub`.
/// Errors: [`ManageError::NotFound`]; when the database fails.
pub(crate) async fn find(manage: &Manage<'_>, name: &str) -> Result<Person, ManageError> {
    let db = manage.store.read();
    let canonical = canonical_identifier(name).unwrap_or_default();
    let mut user = users::find_by_username(db, &canonical).await?;
    if user.is_none() {
        user = users::find_by_email(db, &canonical).await?;
    }
    if user.is_none() {
        user = users::find(db, &UserId::new(name)).await?;
    }
    let user = user.ok_or_else(|| ManageError::NotFound(format!("person `{name}`")))?;
    let devices = devices::list_for_user(db, &user.id).await?;
    Ok(Person { user, devices })
}

#[derive(Clone)]
pub(super) struct Locking {
    pub(super) user: UserId,
    pub(super) locked: bool,
    pub(super) entry: PendingEvent,
    pub(super) now: Timestamp,
}

impl Locking {
    /// Locks or unlocks. Locking ends every session and revokes every token at once, those that outlive a session included.
    pub(super) async fn run(&self, tx: &Tx) -> Result<bool, StoreError> {
        if !users::set_locked(tx, &self.user, self.locked, self.now).await? {
            return Ok(false);
        }
        if self.locked {
            sessions::end_all_for_user(tx, &self.user, self.now).await?;
            grants::revoke_for_user(tx, &self.user, None, self.now).await?;
        }
        self.entry.write(tx, self.now).await?;
        Ok(true)
    }
}

/// Locks or unlocks a person, also one whom the file declares. A locked person cannot sign in, and everything they were
/// signed in to ends at once. Twice is once.
/// Errors: [`ManageError::NotFound`]; when the database or the random number generator fails.
pub(crate) async fn set_locked(manage: &Manage<'_>, name: &str, locked: bool) -> Result<Person, ManageError> {
    let mut person = find(manage, name).await?;
    let entry = manage.entry(event(&person.user.id, if locked { "locked" } else { "unlocked" }))?;
    let job = Locking { user: person.user.id.clone(), locked, entry, now: manage.now() };
    manage.store.write(job, |tx, job| Box::pin(job.run(tx))).await?;
    person.user.locked = locked;
    Ok(person)
}

#[derive(Clone)]
struct Forgiving {
    person: Person,
    entry: PendingEvent,
    now: Timestamp,
}

impl Forgiving {
    async fn run(&self, tx: &Tx) -> Result<(), StoreError> {
        let user = &self.person.user;
        let mut names: Vec<String> = std::iter::once(&user.username).chain(&user.email).cloned().collect();
        names.extend(self.person.devices.iter().map(|device| device.upstream_user.clone()));
        for device in &self.person.devices {
            pushes::forgive_person(tx, device.upstream, &device.upstream_user, &names).await?;
        }
        self.entry.write(tx, self.now).await
    }
}

/// Forgets how often a person was asked for and what they declined: the way in for their new browsers after strangers used up
/// what their name may be asked for. What the strangers' own sources may ask stays used up.
/// Errors: [`ManageError::NotFound`]; when the database or the random number generator fails.
pub(crate) async fn reset_limits(manage: &Manage<'_>, name: &str) -> Result<Person, ManageError> {
    let person = find(manage, name).await?;
    let entry = manage.entry(event(&person.user.id, "limits reset"))?;
    let job = Forgiving { person: person.clone(), entry, now: manage.now() };
    manage.store.write(job, |tx, job| Box::pin(job.run(tx))).await?;
    Ok(person)
}
