//! The outcome of commits whose answer was lost (R11): on PostgreSQL each write leaves its id here, in
//! its own transaction. A writer that got no answer to its COMMIT inserts the id itself: that is refused exactly when the
//! commit took effect, and keeps it from taking effect later. See `docs/decisions/0004-commits-in-doubt.md`.

use sea_orm::sea_query::OnConflict;
use sea_orm::{DatabaseConnection, DbErr, EntityTrait as _, Insert, IntoActiveModel as _};

use super::Tx;
use super::entity::commit;
use crate::domain::clock::Timestamp;

fn row(id: &str, took: bool, now: Timestamp) -> commit::ActiveModel {
    commit::Model { id: id.to_owned(), took, at: now }.into_active_model()
}

pub(super) async fn insert(tx: &Tx, id: &str, now: Timestamp) -> Result<(), DbErr> {
    Insert::one(row(id, true, now)).exec_without_returning(tx.db()).await.map(drop)
}

/// Whether the write with this id took effect. From now on it never will when it has not: a transaction that is still under
/// way is waited for, and one that comes later finds its place taken.
pub(super) async fn settle(pool: &DatabaseConnection, id: &str, now: Timestamp) -> Result<bool, DbErr> {
    let insert = Insert::one(row(id, false, now)).on_conflict(OnConflict::new().do_nothing().to_owned());
    match insert.exec_without_returning(pool).await {
        // An earlier attempt to settle may have been the one that took the place.
        Ok(_) | Err(DbErr::RecordNotInserted) => {}
        Err(error) => return Err(error),
    }
    let found = commit::Entity::find_by_id(id).one(pool).await?;
    Ok(found.is_some_and(|commit| commit.took))
}
