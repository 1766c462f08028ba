//! Who polls a login (decision 2.8): the lease in its row, taken and renewed by one conditional statement.

use super::row;
use crate::domain::login::Login;
use crate::store::prelude::*;

/// Takes or renews the lease of an open login until `until`. False: another owner holds it at `now`, or the login is over.
pub(crate) async fn lease(tx: &Tx, id: &LoginId, owner: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE logins SET lease_owner = $2, lease_until = $3 WHERE id = $1 AND stage IN ($5, $6, $7) \
               AND (lease_owner = $2 OR lease_until IS NULL OR lease_until <= $4)";
    let [creating, pending, fetched] = row::OPEN_STAGES;
    tx.changes(sql, values![id, owner, until, now, creating, pending, fetched]).await
}

/// Gives a lease back, so that another node may go on at once. Does nothing when somebody else holds it.
pub(crate) async fn release_lease(tx: &Tx, id: &LoginId, owner: &str) -> Result<(), StoreError> {
    let sql = "UPDATE logins SET lease_owner = NULL, lease_until = NULL WHERE id = $1 AND lease_owner = $2";
    tx.changes(sql, values![id, owner]).await.map(drop)
}

/// Open logins that nobody polls, the most urgent first, decoys and overdue ones among them: to be adopted. Those for a purpose or a
/// service that only a newer program knows are that one's.
pub(crate) async fn list_unleased_open(db: &Db, now: Timestamp, limit: u64) -> Result<Vec<Login>, StoreError> {
    let rows = login::Entity::find()
        .filter(login::Column::Stage.is_in(row::OPEN_STAGES))
        .filter(unleased(login::Column::LeaseUntil, now))
        .order_by_asc(login::Column::Deadline)
        .limit(limit)
        .all(db)
        .await?;
    readable(rows, row::read)
}
