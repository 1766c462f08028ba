//! Adding many people at once. The whole list is checked first, against itself and against who is here: with one mistake
//! nothing is written. Then people are written some hundred a commit, so that logins go on meanwhile. Where that stops in the
//! middle (the database is gone, somebody else took a name just now), those before it stay, and the same list can be brought
//! again without them.

use std::collections::HashSet;
use std::collections::hash_map::{Entry as Place, HashMap};
use std::hash::Hash;

use super::users::{self, Person};
use super::{Manage, ManageError};
use crate::domain::client::Source;
use crate::domain::user::{Device, Upstream, User};
use crate::domain::written::{NewUser, WrittenUser};
use crate::flow::audit::PendingEvent;
use crate::store::{self, Db, StoreError};

/// People in one commit.
const BATCH: usize = 500;

/// One person of a list, and the line where it says so.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub line: usize,
    pub written: WrittenUser,
    pub locked: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    pub line: usize,
    pub message: String,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("the list has mistakes, and nobody was added")]
    Wrong(Vec<Mistake>),
    #[error("it stopped after {added} people, who were added: {error}; bring the same list again with --skip-existing")]
    Stopped { added: usize, error: ManageError },
    #[error(transparent)]
    Manage(#[from] ManageError),
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Manage(error.into())
    }
}

/// A list without mistakes.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub people: Vec<Person>,
    /// How many were left out because somebody has their username.
    pub skipped: usize,
}

/// Writes nothing. With `skip_existing` whoever has a username that is taken is left out; else it is a mistake.
pub(crate) async fn plan(manage: &Manage<'_>, entries: Vec<Entry>, skip_existing: bool) -> Result<Plan, ImportError> {
    let mut taken = Taken::read(manage.store.read()).await?;
    let (mut plan, mut wrong) = (Plan::default(), Vec::new());
    for Entry { line, written, locked } in entries {
        let messages: Vec<String> = match written.check() {
            Err(violations) => violations.iter().map(|violation| format!("{}: {violation}", violation.member)).collect(),
            Ok(new) if skip_existing && taken.usernames.contains(&new.username) => {
                plan.skipped += 1;
                continue;
            }
            Ok(new) => {
                let messages = taken.claim(&new, line);
                let mut person = users::new_person(manage, new, Source::Command)?;
                person.user.locked = locked;
                plan.people.push(person);
                messages
            }
        };
        wrong.extend(messages.into_iter().map(|message| Mistake { line, message }));
    }
    if wrong.is_empty() { Ok(plan) } else { Err(ImportError::Wrong(wrong)) }
}

/// Who has a name: somebody who is here (`None`), or a line before.
type Owner = Option<usize>;

struct Taken {
    usernames: HashSet<String>,
    /// Usernames and e-mail addresses.
    names: HashMap<String, Owner>,
    phones: HashMap<(Upstream, String), Owner>,
}

impl Taken {
    async fn read(db: &Db) -> Result<Self, StoreError> {
        let users = store::users::list(db).await?;
        let names = users.iter().flat_map(|user| std::iter::once(&user.username).chain(&user.email));
        let names = names.map(|name| (name.clone(), None)).collect();
        let phones = store::devices::list(db).await?.into_iter();
        let phones = phones.map(|phone| ((phone.upstream, phone.upstream_user), None)).collect();
        Ok(Self { usernames: users.into_iter().map(|user| user.username).collect(), names, phones })
    }

    /// Takes the names of a person for this line; says which of them are taken.
    fn claim(&mut self, new: &NewUser, line: usize) -> Vec<String> {
        let names = std::iter::once(&new.username).chain(new.email.iter().filter(|email| **email != new.username));
        let names = names.map(|name| {
            let what = format!("the username or e-mail address `{name}`");
            claim(&mut self.names, name.clone(), line, &what)
        });
        let mut taken: Vec<String> = names.flatten().collect();
        for (upstream, name) in &new.devices {
            let what = format!("the {} name `{name}`", upstream.display_name());
            taken.extend(claim(&mut self.phones, (*upstream, name.clone()), line, &what));
        }
        taken
    }
}

fn claim<K: Eq + Hash>(owners: &mut HashMap<K, Owner>, key: K, line: usize, what: &str) -> Option<String> {
    match owners.entry(key) {
        Place::Vacant(free) => {
            free.insert(Some(line));
            None
        }
        Place::Occupied(taken) => Some(match taken.get() {
            Some(before) => format!("{what} is in line {before} as well"),
            None => format!("somebody has {what} already"),
        }),
    }
}

/// How many were added.
pub(crate) async fn carry_out(manage: &Manage<'_>, plan: &Plan) -> Result<usize, ImportError> {
    let mut added = 0;
    for people in plan.people.chunks(BATCH) {
        match add(manage, people).await {
            Ok(()) => added += people.len(),
            Err(error) if added == 0 => return Err(error.into()),
            Err(error) => return Err(ImportError::Stopped { added, error }),
        }
    }
    Ok(added)
}

async fn add(manage: &Manage<'_>, people: &[Person]) -> Result<(), ManageError> {
    let users: Vec<User> = people.iter().map(|person| person.user.clone()).collect();
    let phones: Vec<Device> = people.iter().flat_map(|person| person.devices.clone()).collect();
    let entries = users.iter().map(|user| manage.entry(users::event(&user.id, "imported")));
    let entries: Vec<PendingEvent> = entries.collect::<Result<_, _>>()?;
    let added = manage.store.try_write((users, phones, entries, manage.env.now()), |tx, (users, phones, entries, now)| {
        Box::pin(async move {
            let names = users.iter().flat_map(|user| std::iter::once(&user.username).chain(&user.email));
            let names: Vec<&str> = names.map(String::as_str).collect();
            if let Some(other) = store::users::find_any(tx, &names).await? {
                return Err(users::name_taken(&other.username));
            }
            if !store::users::insert_all(tx, users).await? || !store::devices::insert_all(tx, phones).await? {
                return Err(users::name_conflict().into());
            }
            Ok(PendingEvent::write_all(entries, tx, *now).await?)
        })
    });
    added.await
}
