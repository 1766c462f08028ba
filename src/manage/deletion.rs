//! Deleting a person for good. Whoever is only to be kept out is locked instead: their username, `sub` and consents then stay
//! theirs.

use super::devices::{self, Removal};
use super::users::{self, Person};
use super::{Manage, ManageError};
use crate::domain::client::Source;
use crate::store::{self, sessions};

/// Ends every session, so that its clients hear of it, and deletes what is theirs: phones, consents, tokens. The audit trail
/// stays, and nobody gets their `sub` again.
pub(crate) async fn delete(manage: &Manage<'_>, name: &str) -> Result<Person, ManageError> {
    let person = users::find(manage, name).await?;
    let removals = person.devices.iter().map(|device| devices::removal(manage, device.clone(), "removed"));
    let removals: Vec<Removal> = removals.collect::<Result<_, _>>()?;
    let job = (person.clone(), removals, manage.entry(users::event(&person.user.id, "deleted"))?, manage.env.now());
    let deleted = manage.store.try_write(job, |tx, (person, removals, entry, now)| {
        Box::pin(async move {
            let (id, name) = (&person.user.id, format!("person `{}`", person.user.username));
            // A login that is being finished is through by then, or finds nobody.
            store::users::lock_row(tx, id).await?;
            let present = store::users::find(tx, id).await?.ok_or_else(|| ManageError::NotFound(name.clone()))?;
            if present.source == Source::File {
                return Err(ManageError::Declared(name));
            }
            sessions::end_all(tx, id, None, *now).await?;
            for (_device, removed) in removals {
                removed.write(tx, *now).await?;
            }
            store::users::delete(tx, id).await?;
            Ok(entry.write(tx, *now).await?)
        })
    });
    deleted.await?;
    Ok(person)
}
