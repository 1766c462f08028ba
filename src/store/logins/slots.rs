//! One open session per person and per browser at an upstream, and one login for a name that was typed (decision 2.7): the
//! rows that a login takes before the call. Always the browser's, then the name's, then the user's, also when they are given
//! back: two writes never wait for each other.
//!
//! A decoy takes the browser's and the name's as a login of somebody does, so that what any browser begins next goes the same
//! way whether the name exists or not (check 139). It has none of a user: what it takes instead is in nobody's way.

use crate::domain::login::Login;
use crate::store::prelude::*;

/// The name under which browsers, typed names or nobody have their slots at a service, apart from its people.
fn apart(upstream: Upstream, kind: &str) -> String {
    format!("{}/{kind}", upstream.as_str())
}

/// Takes the slot of `login`'s browser, if it has one, until `until`; returns the login that holds it instead.
pub(crate) async fn take_browser_slot(tx: &Tx, login: &Login, until: Timestamp) -> Result<Option<LoginId>, StoreError> {
    let Some(browser) = &login.browser else { return Ok(None) };
    take(tx, login, (apart(login.upstream, "browser"), browser.0.as_str()), until).await
}

/// As [`take_browser_slot`], with the name that was typed for `login`, if one was.
pub(crate) async fn take_name_slot(tx: &Tx, login: &Login, until: Timestamp) -> Result<Option<LoginId>, StoreError> {
    let Some(typed) = &login.typed else { return Ok(None) };
    take(tx, login, (apart(login.upstream, "name"), typed), until).await
}

pub(crate) async fn find_name_holder(db: &Db, login: &Login) -> Result<Option<LoginId>, StoreError> {
    let Some(typed) = &login.typed else { return Ok(None) };
    holder(db, login, (apart(login.upstream, "name"), typed)).await
}

/// Gives back what `login` holds of its browser, its name and nobody, and keeps what it holds of a user.
pub(crate) async fn release_own(tx: &Tx, login: &LoginId) -> Result<(), StoreError> {
    for kind in ["browser", "name", "nobody"] {
        let delete = slot::Entity::delete_many()
            .filter(slot::Column::LoginId.eq(login.as_str()))
            .filter(slot::Column::Upstream.is_in(Upstream::ALL.map(|upstream| apart(upstream, kind))));
        delete.exec(tx.db()).await?;
    }
    Ok(())
}

/// Takes a slot as one that asks somebody does, for a login that asks nobody. Who holds it does not matter.
pub(super) async fn take_nobody(tx: &Tx, login: &Login, until: Timestamp) -> Result<(), StoreError> {
    let Some(typed) = &login.typed else { return Ok(()) };
    take(tx, login, (apart(login.upstream, "nobody"), typed), until).await.map(drop)
}

/// One statement, which replaces a holder whose time has run out. Returns the login that holds the slot instead.
pub(super) async fn take(
    tx: &Tx,
    login: &Login,
    slot: (String, &str),
    until: Timestamp,
) -> Result<Option<LoginId>, StoreError> {
    let (upstream, holder) = slot;
    let sql = "INSERT INTO slots (upstream, upstream_user, login_id, held_until) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (upstream, upstream_user) \
               DO UPDATE SET login_id = excluded.login_id, held_until = excluded.held_until WHERE slots.held_until <= $5";
    if tx.changes(sql, values![&upstream, holder, &login.id, until, login.created_at]).await? {
        return Ok(None);
    }
    // None: given back between the two statements, and another try will get it.
    let held = self::holder(tx, login, (upstream, holder)).await?;
    held.map(Some).ok_or(StoreError::conflict("a slot changed hands"))
}

/// The login that holds a slot at the moment when `login` begins.
async fn holder(db: &Db, login: &Login, slot: (String, &str)) -> Result<Option<LoginId>, StoreError> {
    let held = "WHERE upstream = $1 AND upstream_user = $2 AND held_until > $3";
    let rows = db.rows(slot::Entity, held, values![slot.0, slot.1, login.created_at]).await?;
    Ok(rows.into_iter().next().map(|row| row.login_id))
}

/// Gives back whatever slot `login` holds of a user: its session at the upstream is known to be dead. Returns whether it held one.
pub(crate) async fn release_person(tx: &Tx, login: &LoginId) -> Result<bool, StoreError> {
    let delete = slot::Entity::delete_many()
        .filter(slot::Column::LoginId.eq(login.as_str()))
        .filter(slot::Column::Upstream.is_in(Upstream::ALL.map(Upstream::as_str)));
    Ok(delete.exec(tx.db()).await?.rows_affected > 0)
}

/// Gives back whatever slots `login` holds: its session at the upstream is known to be dead.
pub(crate) async fn release_all(tx: &Tx, login: &LoginId) -> Result<(), StoreError> {
    release_own(tx, login).await?;
    slot::Entity::delete_many().filter(slot::Column::LoginId.eq(login.as_str())).exec(tx.db()).await?;
    Ok(())
}
