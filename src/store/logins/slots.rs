//! One open session per person at a phone service (decision 2.7): the row that a login takes before the call.

use crate::domain::clock::Timestamp;
use crate::domain::id::LoginId;
use crate::domain::login::Login;
use crate::domain::user::Upstream;
use crate::store::entity::slot;
use crate::store::{StoreError, Tx};
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _};

/// Gives a slot back, if `login` still holds it: its session at the service is known to be dead.
///
/// # Errors
/// When the database fails.
pub async fn release_slot(tx: &Tx, upstream: Upstream, upstream_user: &str, login: &LoginId) -> Result<bool, StoreError> {
    let delete = slot::Entity::delete_many()
        .filter(slot::Column::Upstream.eq(upstream.as_str()))
        .filter(slot::Column::UpstreamUser.eq(upstream_user))
        .filter(slot::Column::LoginId.eq(login.as_str()));
    Ok(delete.exec(tx.db()).await?.rows_affected > 0)
}

/// Takes the slot of `upstream_user` for `login`, in one statement that replaces a holder whose time has run out; returns
/// the login that holds it instead.
pub(super) async fn take(tx: &Tx, login: &Login, upstream_user: &str, until: Timestamp) -> Result<Option<LoginId>, StoreError> {
    let now = login.created_at;
    let row = slot::Model {
        upstream: login.upstream.as_str().to_owned(),
        upstream_user: upstream_user.to_owned(),
        login_id: login.id.as_str().to_owned(),
        held_until: until.as_millis(),
    };
    let replace_stale = OnConflict::columns([slot::Column::Upstream, slot::Column::UpstreamUser])
        .update_columns([slot::Column::LoginId, slot::Column::HeldUntil])
        .action_and_where(Expr::col((slot::Entity, slot::Column::HeldUntil)).lte(now.as_millis()))
        .to_owned();
    if tx.insert_or(row, replace_stale).await? {
        return Ok(None);
    }
    let held = slot::Entity::find_by_id((login.upstream.as_str().to_owned(), upstream_user.to_owned()))
        .filter(slot::Column::HeldUntil.gt(now.as_millis()))
        .one(tx.db())
        .await?;
    match held {
        Some(row) => Ok(Some(LoginId::new(row.login_id))),
        // Given back between the two statements: another try will get it.
        None => Err(StoreError::Unavailable { detail: "a slot changed hands".into(), transient: true }),
    }
}

/// Gives back whatever slot `login` holds.
pub(super) async fn release_all(tx: &Tx, login: &LoginId) -> Result<(), StoreError> {
    slot::Entity::delete_many().filter(slot::Column::LoginId.eq(login.as_str())).exec(tx.db()).await?;
    Ok(())
}
