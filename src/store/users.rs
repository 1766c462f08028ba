//! People. Usernames and e-mail addresses are unique in their canonical spelling, which callers bring
//! ([`canonical_identifier`](crate::domain::user::canonical_identifier)).

use sea_orm::sea_query::ExprTrait as _;

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
    user::Entity::find_by_id(id.as_str()).one(db).await?.map(read).transpose()
}

/// The person with this id, if `phone`, where one is named, is registered still.
pub(crate) async fn find_with_phone(db: &Db, id: &UserId, phone: Option<&DeviceId>) -> Result<Option<User>, StoreError> {
    let mut select = user::Entity::find_by_id(id.as_str());
    if let Some(phone) = phone {
        let same = Expr::col(device::Column::Id).eq(phone.as_str());
        let registered = Query::select().expr(Expr::value(1)).from(device::Entity).and_where(same).take();
        select = select.filter(Expr::exists(registered));
    }
    select.one(db).await?.map(read).transpose()
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

pub(crate) async fn insert(tx: &Tx, user: &User) -> Result<UserSaved, StoreError> {
    let row = user::Model {
        id: user.id.as_str().to_owned(),
        username: user.username.clone(),
        email: user.email.clone(),
        email_verified: user.email_verified,
        name: user.name.clone(),
        group_names: to_json(&user.groups)?,
        locked: user.locked,
        source: user.source.as_str().to_owned(),
        created_at: user.created_at.as_millis(),
        updated_at: user.updated_at.as_millis(),
    };
    if tx.insert_new(row).await? { Ok(UserSaved::Saved) } else { Ok(taken(tx, user).await?.unwrap_or(UserSaved::IdMismatch)) }
}

/// Writes everything but the id and the time of creation.
pub(crate) async fn update(tx: &Tx, user: &User) -> Result<UserSaved, StoreError> {
    if let Some(taken) = taken(tx, user).await? {
        return Ok(taken);
    }
    let update = user::Entity::update_many()
        .col_expr(user::Column::Username, Expr::value(user.username.as_str()))
        .col_expr(user::Column::Email, Expr::value(user.email.as_deref()))
        .col_expr(user::Column::EmailVerified, Expr::value(user.email_verified))
        .col_expr(user::Column::Name, Expr::value(user.name.as_str()))
        .col_expr(user::Column::GroupNames, Expr::value(to_json(&user.groups)?))
        .col_expr(user::Column::Locked, Expr::value(user.locked))
        .col_expr(user::Column::Source, source_again(user::Column::Source, user.source))
        .col_expr(user::Column::UpdatedAt, Expr::value(user.updated_at.as_millis()))
        .filter(user::Column::Id.eq(user.id.as_str()));
    let updated = update.exec(tx.db()).await?.rows_affected > 0;
    Ok(if updated { UserSaved::Saved } else { UserSaved::IdMismatch })
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

async fn taken(db: &Db, user: &User) -> Result<Option<UserSaved>, StoreError> {
    let mut same = Condition::any().add(user::Column::Username.eq(user.username.as_str()));
    if let Some(email) = &user.email {
        same = same.add(user::Column::Email.eq(email.as_str()));
    }
    let others = user::Entity::find().filter(user::Column::Id.ne(user.id.as_str())).filter(same).all(db).await?;
    Ok(match others.as_slice() {
        [] => None,
        others if others.iter().any(|other| other.username == user.username) => Some(UserSaved::UsernameTaken),
        _same_email => Some(UserSaved::EmailTaken),
    })
}

pub(super) fn read(model: user::Model) -> Result<User, StoreError> {
    let row = Row { table: "users", key: &model.id };
    Ok(User {
        groups: row.json("group_names", &model.group_names)?,
        source: source(&model.source),
        username: model.username,
        email: model.email,
        email_verified: model.email_verified,
        name: model.name,
        locked: model.locked,
        created_at: Timestamp::from_millis(model.created_at),
        updated_at: Timestamp::from_millis(model.updated_at),
        id: UserId::new(model.id),
    })
}
