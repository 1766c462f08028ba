//! People. Usernames and e-mail addresses are unique in their canonical spelling, which callers bring
//! ([`canonical_identifier`](crate::domain::user::canonical_identifier)).

use super::prelude::*;

/// Nothing was written unless it is `Saved`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UserSaved {
    Saved,
    UsernameTaken,
    EmailTaken,
    /// There is no such person (an update), or the id is taken (an insert).
    IdMismatch,
}

pub(crate) async fn find(db: &Db, id: &UserId) -> Result<Option<User>, StoreError> {
    user::Entity::find_by_id(id.clone()).one(db).await?.map(read).transpose()
}

/// The person with this id, if `phone`, where one is named, is registered still.
pub(crate) async fn find_with_phone(db: &Db, id: &UserId, phone: Option<&DeviceId>) -> Result<Option<User>, StoreError> {
    let registered = "WHERE id = $1 AND ($2 IS NULL OR EXISTS (SELECT 1 FROM devices WHERE devices.id = $2))";
    let rows = db.rows(user::Entity, registered, values![id, phone.map(DeviceId::as_str)]).await?;
    rows.into_iter().next().map(read).transpose()
}

pub(crate) async fn find_by_username(db: &Db, username: &str) -> Result<Option<User>, StoreError> {
    let row = user::Entity::find().filter(user::Column::Username.eq(username)).one(db).await?;
    row.map(read).transpose()
}

pub(crate) async fn find_by_email(db: &Db, email: &str) -> Result<Option<User>, StoreError> {
    let row = user::Entity::find().filter(user::Column::Email.eq(email)).one(db).await?;
    row.map(read).transpose()
}

pub(crate) async fn list(db: &Db) -> Result<Vec<User>, StoreError> {
    let rows = user::Entity::find().order_by_asc(user::Column::Username).all(db).await?;
    rows.into_iter().map(read).collect()
}

/// Somebody whose username or e-mail address is one of these.
pub(crate) async fn find_any(db: &Db, names: &[&str]) -> Result<Option<User>, StoreError> {
    let named = Condition::any()
        .add(user::Column::Username.is_in(names.iter().copied()))
        .add(user::Column::Email.is_in(names.iter().copied()));
    user::Entity::find().filter(named).one(db).await?.map(read).transpose()
}

pub(crate) async fn insert(tx: &Tx, user: &User) -> Result<UserSaved, StoreError> {
    let inserted = tx.insert_new(row(user)?).await?;
    if inserted { Ok(UserSaved::Saved) } else { Ok(taken(tx, user).await?.unwrap_or(UserSaved::IdMismatch)) }
}

/// Some hundred at once. False: a name of one is taken, and the transaction has to be rolled back.
pub(crate) async fn insert_all(tx: &Tx, users: &[User]) -> Result<bool, StoreError> {
    tx.insert_all(users.iter().map(row).collect::<Result<Vec<_>, _>>()?).await
}

fn row(user: &User) -> Result<user::Model, StoreError> {
    let (group_names, source) = (to_json(&user.groups)?, user.source.as_str().to_owned());
    let User { id, username, email, email_verified, name, locked, declined_at, strangers_until, .. } = user.clone();
    let (created_at, updated_at) = (user.created_at, user.updated_at);
    Ok(user::Model {
        id,
        username,
        email,
        email_verified,
        name,
        group_names,
        locked,
        source,
        created_at,
        updated_at,
        confirm_without_symbol: Some(user.confirm_without_symbol),
        declined_at,
        strangers_until,
    })
}

/// Writes everything but the id and the time of creation. A source that only a newer program knows stays, unless the file
/// declares the person.
pub(crate) async fn update(tx: &Tx, user: &User) -> Result<UserSaved, StoreError> {
    if let Some(taken) = taken(tx, user).await? {
        return Ok(taken);
    }
    let sql = "UPDATE users SET username = $2, email = $3, email_verified = $4, name = $5, group_names = $6, locked = $7, \
               source = CASE WHEN $8 = 'file' OR source IN ('file', 'command') THEN $8 ELSE source END, updated_at = $9, \
               confirm_without_symbol = $10 WHERE id = $1";
    let (groups, source) = (to_json(&user.groups)?, user.source.as_str());
    let User { id, username, email, email_verified, name, locked, updated_at, .. } = user;
    let (email, without_symbol) = (email.as_deref(), user.confirm_without_symbol);
    let values = values![id, username, email, *email_verified, name, groups, *locked, source, *updated_at, without_symbol];
    Ok(if tx.changes(sql, values).await? { UserSaved::Saved } else { UserSaved::IdMismatch })
}

/// Locks the user's row until this transaction ends: what depends on their phones and sessions is decided one after another
/// (the order is in [`store`](super)). False: there is no such user.
pub(crate) async fn lock_row(tx: &Tx, id: &UserId) -> Result<bool, StoreError> {
    tx.changes("UPDATE users SET locked = locked WHERE id = $1", values![id]).await
}

/// As [`lock_row`], where the user may sign in. False: an operator has locked them, or there is no such user.
pub(crate) async fn lock_enabled_row(tx: &Tx, id: &UserId) -> Result<bool, StoreError> {
    tx.changes("UPDATE users SET locked = locked WHERE id = $1 AND locked = $2", values![id, false]).await
}

/// Locks or unlocks a person. False: there is no such person, or nothing changed.
pub(crate) async fn set_locked(tx: &Tx, id: &UserId, locked: bool, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE users SET locked = $2, updated_at = $3 WHERE id = $1 AND locked = $4";
    tx.changes(sql, values![id, locked, now, !locked]).await
}

/// Notes that a request for this user was declined, which they are to be asked about.
pub(super) async fn note_decline(tx: &Tx, id: &UserId, at: Timestamp) -> Result<(), StoreError> {
    tx.changes("UPDATE users SET declined_at = $2 WHERE id = $1", values![id, at]).await.map(drop)
}

/// Where nothing is left to ask the user about, nobody looks for it any more.
pub(crate) async fn settle_declines(tx: &Tx, id: &UserId) -> Result<(), StoreError> {
    let sql = "UPDATE users SET declined_at = NULL WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM declines WHERE user_id = $1)";
    tx.changes(sql, values![id]).await.map(drop)
}

/// Browsers that are not remembered ask nobody for this user until then; a pause that lasts longer stays.
pub(crate) async fn pause_strangers(tx: &Tx, id: &UserId, until: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE users SET strangers_until = $2 WHERE id = $1 AND (strangers_until IS NULL OR strangers_until < $2)";
    tx.changes(sql, values![id, until]).await.map(drop)
}

pub(crate) async fn admit_strangers(tx: &Tx, id: &UserId) -> Result<(), StoreError> {
    tx.changes("UPDATE users SET strangers_until = NULL WHERE id = $1", values![id]).await.map(drop)
}

/// With everything of theirs: phones, sessions, requests, consents, grants and their tokens. False: there was nobody.
pub(crate) async fn delete(tx: &Tx, id: &UserId) -> Result<bool, StoreError> {
    tx.changes("DELETE FROM users WHERE id = $1", values![id]).await
}

async fn taken(db: &Db, user: &User) -> Result<Option<UserSaved>, StoreError> {
    // An address that is not given is NULL, and equals none.
    let same = "WHERE id <> $1 AND (username = $2 OR email = $3)";
    let others = db.rows(user::Entity, same, values![&user.id, &user.username, user.email.as_deref()]).await?;
    Ok(match others.as_slice() {
        [] => None,
        others if others.iter().any(|other| other.username == user.username) => Some(UserSaved::UsernameTaken),
        _same_email => Some(UserSaved::EmailTaken),
    })
}

pub(super) fn read(model: user::Model) -> Result<User, StoreError> {
    let groups = Row { table: "users", key: model.id.as_str() }.json("group_names", &model.group_names)?;
    let source = read_source(&model.source);
    let confirm_without_symbol = model.confirm_without_symbol.unwrap_or(false);
    let user::Model { id, username, email, email_verified, name, locked, declined_at, strangers_until, .. } = model;
    Ok(User {
        id,
        username,
        email,
        email_verified,
        name,
        groups,
        confirm_without_symbol,
        locked,
        declined_at,
        strangers_until,
        source,
        created_at: model.created_at,
        updated_at: model.updated_at,
    })
}
