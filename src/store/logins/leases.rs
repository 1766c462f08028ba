//! Who polls a login (decision 2.8): the lease in its row, taken and renewed by one conditional statement.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use super::row;
use crate::domain::clock::Timestamp;
use crate::domain::id::LoginId;
use crate::domain::login::Login;
use crate::store::entity::login;
use crate::store::row::readable;
use crate::store::{Db, StoreError, Tx};

/// Takes or renews the lease of an open login until `until`. False: another owner holds it at `now`, or the login is over.
pub(crate) async fn lease(tx: &Tx, id: &LoginId, owner: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
    let mine_or_free = free(now).add(login::Column::LeaseOwner.eq(owner));
    let update = login::Entity::update_many()
        .col_expr(login::Column::LeaseOwner, Expr::value(owner))
        .col_expr(login::Column::LeaseUntil, Expr::value(until.as_millis()))
        .filter(login::Column::Id.eq(id.as_str()))
        .filter(login::Column::Stage.is_in(row::OPEN_STAGES))
        .filter(mine_or_free);
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

/// Gives a lease back, so that another node may go on at once. Does nothing when somebody else holds it.
pub(crate) async fn release_lease(tx: &Tx, id: &LoginId, owner: &str) -> Result<(), StoreError> {
    let update = login::Entity::update_many()
        .col_expr(login::Column::LeaseOwner, Expr::value(None::<String>))
        .col_expr(login::Column::LeaseUntil, Expr::value(None::<i64>))
        .filter(login::Column::Id.eq(id.as_str()))
        .filter(login::Column::LeaseOwner.eq(owner));
    update.exec(tx.db()).await?;
    Ok(())
}

/// Open logins that nobody polls, the most urgent first, decoys and overdue ones among them: to be adopted. Those for a purpose or a
/// service that only a newer program knows are that one's.
pub(crate) async fn list_unleased_open(db: &Db, now: Timestamp, limit: u64) -> Result<Vec<Login>, StoreError> {
    let rows = login::Entity::find()
        .filter(login::Column::Stage.is_in(row::OPEN_STAGES))
        .filter(free(now))
        .order_by_asc(login::Column::Deadline)
        .limit(limit)
        .all(db)
        .await?;
    readable(rows)
}

/// Nobody's lease holds at `now`.
fn free(now: Timestamp) -> Condition {
    Condition::any().add(login::Column::LeaseUntil.is_null()).add(login::Column::LeaseUntil.lte(now.as_millis()))
}
