//! What the configuration file declares, applied at each start: clients and people come into being, follow the file, and
//! lose their rights when the file no longer names them.
//! A client that is no longer declared is switched off; a person who is no longer declared is locked. Neither is deleted: a
//! typing mistake in a file must not cost anybody their subject or their consents. From then on commands may change them, and
//! declaring them again brings a client back; a person has to be unlocked as well.

use super::devices::{self, Removal};
use super::users::{self, Person, demand_free, device, event as user_event, insert, name_conflict, named, new_person};
use super::{Manage, ManageError, clients};
use crate::domain::browser::RequestSource;
use crate::domain::client::{Client, DeclaredClient, Source};
use crate::domain::clock::Timestamp;
use crate::domain::env::Env;
use crate::domain::secret::Secret;
use crate::domain::user::{Device, Upstream, User};
use crate::domain::written::NewUser;
use crate::store::users::UserSaved;
use crate::store::{self, Db, Store, StoreError, Tx, grants};

/// Applies what the file declares. What is already as declared is not written again.
pub(crate) async fn apply(
    store: &Store,
    env: &Env,
    declared: &[DeclaredClient],
    people: &[NewUser],
) -> Result<(), ManageError> {
    let origin = RequestSource { address: String::new(), user_agent: "signbridge start".to_owned() };
    // What the file says was checked when it was read.
    let manage = Manage { store, env, origin, allow_private: true };
    for client in declared {
        apply_client(&manage, client).await?;
    }
    for client in store::clients::list(store.read()).await? {
        if client.source == Source::File && !declared.iter().any(|declared| declared.id == client.id) {
            tracing::warn!(client = %client.id, "the file no longer declares this client: it is switched off");
            let after = Client { source: Source::Command, disabled: true, ..client };
            write_client(&manage, after, true, "no longer declared").await?;
        }
    }
    // Those who left go first: their phones may have passed on to others.
    for user in store::users::list(store.read()).await? {
        if user.source == Source::File && !people.iter().any(|person| person.username == user.username) {
            dismiss(&manage, user).await?;
        }
    }
    for person in people {
        retire_phones(&manage, person).await?;
    }
    for person in people {
        apply_user(&manage, person).await?;
    }
    Ok(())
}

/// What [`apply`] would refuse: names and phones of declared people that belong to somebody whom the file does not mean. Phones
/// of whom the file names, or named, are passed on. Writes nothing.
pub(crate) async fn refused(db: &Db, people: &[NewUser]) -> Result<Vec<ManageError>, StoreError> {
    let is_declared = |user: &User| people.iter().any(|person| person.username == user.username);
    let mut refused = Vec::new();
    for person in people {
        for name in std::iter::once(&person.username).chain(&person.email) {
            if !named(db, name).await?.iter().all(is_declared) {
                refused.push(users::name_taken(name));
            }
        }
        for (upstream, name) in &person.devices {
            let Some(phone) = store::devices::find_by_upstream_user(db, *upstream, name).await? else { continue };
            let owner = store::users::find(db, &phone.user_id).await?;
            if owner.is_some_and(|owner| owner.source != Source::File && !is_declared(&owner)) {
                refused.push(users::phone_taken(*upstream, name));
            }
        }
    }
    Ok(refused)
}

async fn apply_client(manage: &Manage<'_>, declared: &DeclaredClient) -> Result<(), ManageError> {
    let before = store::clients::find(manage.store.read(), &declared.id).await?;
    let after = Client {
        id: declared.id.clone(),
        metadata: declared.metadata.clone(),
        secret: declared.secret.as_ref().map(Secret::digest),
        source: Source::File,
        disabled: false,
        created_at: before.as_ref().map_or_else(|| manage.env.now(), |before| before.created_at),
        logo: None,
    };
    let Some(before) = before else {
        let job = (after, manage.entry(clients::event(&declared.id, "declared"))?);
        manage.store.write(job, |tx, (client, entry)| Box::pin(clients::insert(tx, client, entry))).await?;
        return Ok(());
    };
    let same = before.metadata == after.metadata && before.secret == after.secret;
    if same && before.source == Source::File && !before.disabled {
        return Ok(());
    }
    write_client(manage, after, before.disabled, "declared").await
}

/// Writes a client that is, or was, off where `revoke` says so: what it has is dead then (as in [`clients::change`]).
async fn write_client(manage: &Manage<'_>, after: Client, revoke: bool, detail: &str) -> Result<(), ManageError> {
    let entry = manage.entry(clients::event(&after.id, detail))?;
    let written = manage.store.write((after, entry, manage.env.now()), move |tx, (client, entry, now)| {
        Box::pin(async move {
            store::clients::update(tx, client).await?;
            store::clients::update_secret(tx, &client.id, client.secret.as_ref()).await?;
            if revoke {
                grants::revoke_for_client(tx, &client.id, *now).await?;
            }
            entry.write(tx, *now).await
        })
    });
    Ok(written.await?)
}

/// Locks a person whom the file no longer names, and takes their phones away.
async fn dismiss(manage: &Manage<'_>, user: User) -> Result<(), ManageError> {
    tracing::warn!(username = user.username, "the file no longer declares this person: they are locked");
    let now = manage.env.now();
    let entry = manage.entry(user_event(&user.id, "no longer declared"))?;
    let phones = store::devices::list_for_user(manage.store.read(), &user.id).await?;
    let removals = removals(manage, phones)?;
    let after = User { source: Source::Command, updated_at: now, ..user };
    let written = manage.store.write((after, entry, removals), move |tx, (after, entry, removals)| {
        Box::pin(async move {
            store::users::update(tx, after).await?;
            users::lock(tx, &after.id, true, entry, now).await?;
            remove_all(tx, removals, now).await
        })
    });
    Ok(written.await?)
}

fn removals(manage: &Manage<'_>, phones: Vec<Device>) -> Result<Vec<Removal>, ManageError> {
    phones.into_iter().map(|phone| devices::removal(manage, phone, "no longer declared")).collect()
}

async fn remove_all(tx: &Tx, removals: &[Removal], now: Timestamp) -> Result<(), StoreError> {
    for removal in removals {
        devices::take_away(tx, removal, now).await?;
    }
    Ok(())
}

/// Takes the phones away that the file no longer gives to a person: before anybody gets new ones, since one may have passed on.
async fn retire_phones(manage: &Manage<'_>, declared: &NewUser) -> Result<(), ManageError> {
    let db = manage.store.read();
    let Some(user) = store::users::find_by_username(db, &declared.username).await? else { return Ok(()) };
    let mut gone = store::devices::list_for_user(db, &user.id).await?;
    gone.retain(|phone| !declared.devices.iter().any(|name| is_known_by(phone, name)));
    if gone.is_empty() {
        return Ok(());
    }
    let job = (removals(manage, gone)?, manage.env.now());
    Ok(manage.store.write(job, |tx, (removals, now)| Box::pin(remove_all(tx, removals, *now))).await?)
}

fn is_known_by(phone: &Device, (upstream, name): &(Upstream, String)) -> bool {
    phone.upstream == *upstream && phone.upstream_user == *name
}

/// Has a person follow the file. Phones that are missing are added.
async fn apply_user(manage: &Manage<'_>, declared: &NewUser) -> Result<(), ManageError> {
    let db = manage.store.read();
    let (person, is_new, changed) = match store::users::find_by_username(db, &declared.username).await? {
        None => (new_person(manage, declared.clone(), Source::File)?, true, true),
        Some(before) => {
            let phones = store::devices::list_for_user(db, &before.id).await?;
            let missing = declared.devices.iter().filter(|name| !phones.iter().any(|phone| is_known_by(phone, name)));
            let missing: Result<Vec<Device>, ManageError> = missing.map(|name| device(manage, &before.id, name)).collect();
            let after = follow(declared, &before);
            let changed = after != before;
            (Person { user: after, devices: missing? }, false, changed)
        }
    };
    if !changed && person.devices.is_empty() {
        return Ok(());
    }
    let entry = manage.entry(user_event(&person.user.id, "declared"))?;
    let job = (person, entry, manage.env.now());
    let followed = manage.store.try_write(job, move |tx, (person, entry, now)| {
        Box::pin(async move {
            let Person { user, devices: missing } = person;
            if !is_new {
                store::users::lock_row(tx, &user.id).await?;
            }
            let present = store::users::find_by_username(tx, &user.username).await?;
            if is_new && present.is_some() {
                // Another node has read the same file and was faster.
                return Ok(());
            }
            demand_free(tx, user, missing).await?;
            if let Some(present) = present {
                // Locked as at this moment: a lock must not be lost to a start.
                let user = User { locked: present.locked, updated_at: *now, ..user.clone() };
                if changed && store::users::update(tx, &user).await? != UserSaved::Saved {
                    return Err(ManageError::from(name_conflict()));
                }
                users::insert_phones(tx, missing).await?;
            } else {
                insert(tx, person).await?;
            }
            Ok(entry.write(tx, *now).await?)
        })
    });
    followed.await
}

/// The person as the file describes them. Whether they are locked is not the file's business.
fn follow(declared: &NewUser, before: &User) -> User {
    User {
        email: declared.email.clone(),
        email_verified: declared.email_verified,
        name: declared.name.clone(),
        groups: declared.groups.clone(),
        confirm_without_symbol: declared.confirm_without_symbol,
        source: Source::File,
        ..before.clone()
    }
}
