//! What people allowed clients (OIDC Core §3.1.2.4).

use super::prelude::*;
use crate::domain::grant::Consent;

pub(crate) async fn find(db: &Db, user: &UserId, client: &ClientId) -> Result<Option<Consent>, StoreError> {
    consent::Entity::find_by_id((user.clone(), client.clone())).one(db).await?.map(read).transpose()
}

/// What a person allowed, or everybody, by person and client.
pub(crate) async fn list(db: &Db, user: Option<&UserId>) -> Result<Vec<(UserId, ClientId, Consent)>, StoreError> {
    let chosen = "WHERE ($1 IS NULL OR user_id = $1) ORDER BY user_id, client_id";
    let rows = db.rows(consent::Entity, chosen, values![user.map(UserId::as_str)]).await?;
    readable(rows, |row| Ok((row.user_id.clone(), row.client_id.clone(), read(row)?)))
}

pub(crate) async fn upsert(tx: &Tx, user: &UserId, client: &ClientId, consent: &Consent) -> Result<(), StoreError> {
    let sql = "INSERT INTO consents (user_id, client_id, scope, granted_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (user_id, client_id) DO UPDATE SET scope = excluded.scope, granted_at = excluded.granted_at";
    tx.changes(sql, values![user, client, consent.scope.to_string(), consent.granted_at]).await.map(drop)
}

/// Locks the row until this transaction ends: who takes the consent back waits, and sees what this transaction wrote (the order
/// is in [`store`](super)). False: there is none.
pub(crate) async fn lock_row(tx: &Tx, user: &UserId, client: &ClientId) -> Result<bool, StoreError> {
    let sql = "UPDATE consents SET granted_at = granted_at WHERE user_id = $1 AND client_id = $2";
    tx.changes(sql, values![user, client]).await
}

/// False: there was none.
pub(crate) async fn delete(tx: &Tx, user: &UserId, client: &ClientId) -> Result<bool, StoreError> {
    tx.changes("DELETE FROM consents WHERE user_id = $1 AND client_id = $2", values![user, client]).await
}

fn read(model: consent::Model) -> Result<Consent, StoreError> {
    let key = format!("{}, {}", model.user_id, model.client_id);
    let scope = Row { table: "consents", key: &key }.scope(&model.scope)?;
    Ok(Consent { scope, granted_at: model.granted_at })
}
