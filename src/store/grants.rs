//! Token families (RFC 9700 §4.14.2): whatever a code led to dies with its row here.

use super::prelude::*;
use crate::domain::grant::Grant;

pub(crate) async fn insert(tx: &Tx, grant: &Grant) -> Result<(), StoreError> {
    let sql = "INSERT INTO grants (id, client_id, user_id, session_id, auth_time, acr, device_id, unnamed, scope, offline, \
               nonce, created_at, expires_at, revoked_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let Authentication { user_id, session_id, auth_time, acr, device_id, unnamed } = &grant.authentication;
    let (session, device) = (session_id.as_ref().map(SessionId::as_str), device_id.as_ref().map(DeviceId::as_str));
    // As JSON: a relying party chooses it, and PostgreSQL cannot keep a NUL as text.
    let nonce = grant.nonce.as_ref().map(to_json).transpose()?;
    let (scope, offline) = (grant.scope.to_string(), grant.is_offline());
    let mut values = values![&grant.id, &grant.client_id, user_id, session, *auth_time, acr.as_str(), device, *unnamed];
    values.extend(values![scope, offline, nonce, grant.created_at, grant.expires_at, grant.revoked_at]);
    tx.changes(sql, values).await.map(drop)
}

/// Revokes a family. False: it was revoked before, or there is none.
pub(crate) async fn revoke(tx: &Tx, id: &GrantId, now: Timestamp) -> Result<bool, StoreError> {
    tx.changes("UPDATE grants SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL", values![id, now]).await
}

/// Revokes every family of a client; returns how many. One that a write beside this one adds is not among them: nothing that
/// belongs to a client that is off is worth anything, and who switches it on revokes again.
pub(crate) async fn revoke_for_client(tx: &Tx, client: &ClientId, now: Timestamp) -> Result<u64, StoreError> {
    tx.changed_rows("UPDATE grants SET revoked_at = $2 WHERE client_id = $1 AND revoked_at IS NULL", values![client, now]).await
}

/// Revokes every family of a client that has a refresh token to use; returns how many.
pub(crate) async fn revoke_refreshable(tx: &Tx, client: &ClientId, now: Timestamp) -> Result<u64, StoreError> {
    let sql = "UPDATE grants SET revoked_at = $2 WHERE client_id = $1 AND revoked_at IS NULL AND id IN \
               (SELECT grant_id FROM refresh_tokens WHERE rotated_at IS NULL AND expires_at > $2)";
    tx.changed_rows(sql, values![client, now]).await
}

/// Revokes every family of a person, with `phone` only what came of an approval by it; returns how many.
pub(crate) async fn revoke_for_user(
    tx: &Tx,
    user: &UserId,
    phone: Option<&DeviceId>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let sql = "UPDATE grants SET revoked_at = $3 WHERE user_id = $1 AND ($2 IS NULL OR device_id = $2) AND revoked_at IS NULL";
    tx.changed_rows(sql, values![user, phone.map(DeviceId::as_str), now]).await
}

/// Revokes every family that a client got of a person; returns how many.
pub(crate) async fn revoke_for_user_at(tx: &Tx, user: &UserId, client: &ClientId, now: Timestamp) -> Result<u64, StoreError> {
    let sql = "UPDATE grants SET revoked_at = $3 WHERE user_id = $1 AND client_id = $2 AND revoked_at IS NULL";
    tx.changed_rows(sql, values![user, client, now]).await
}

/// Revokes the families of a browser session that were not granted to outlive it (OIDC Core §11).
pub(super) async fn revoke_for_session(tx: &Tx, session: &SessionId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE grants SET revoked_at = $2 WHERE session_id = $1 AND offline = $3 AND revoked_at IS NULL";
    tx.changes(sql, values![session, now, false]).await.map(drop)
}

/// As [`revoke_for_session`], with those that were granted to outlive it.
pub(super) async fn revoke_all_of_session(tx: &Tx, session: &SessionId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE grants SET revoked_at = $2 WHERE session_id = $1 AND revoked_at IS NULL";
    tx.changes(sql, values![session, now]).await.map(drop)
}

pub(super) fn read(model: grant::Model) -> Result<Grant, StoreError> {
    let grant::Model { id, client_id, session_id, auth_time, device_id, unnamed, created_at, expires_at, revoked_at, .. } =
        model;
    let row = Row { table: "grants", key: id.as_str() };
    // A family of no user is a newer program's (RFC 6749 §4.4).
    let user_id = row.known("user_id", "", model.user_id)?;
    let authentication = Authentication { user_id, session_id, auth_time, acr: acr(&model.acr), device_id, unnamed };
    let scope = row.scope(&model.scope)?;
    let nonce = model.nonce.as_deref().map(|text| row.json("nonce", text)).transpose()?;
    Ok(Grant { id, client_id, scope, nonce, authentication, created_at, expires_at, revoked_at })
}

#[cfg(test)]
pub(crate) use reads::*;

#[cfg(test)]
mod reads {
    use super::*;

    /// The family with this id, revoked or not.
    pub(crate) async fn find(db: &Db, id: &GrantId) -> Result<Option<Grant>, StoreError> {
        grant::Entity::find_by_id(id.clone()).one(db).await?.map(read).transpose()
    }

    /// A person's families that are neither revoked nor expired, the latest first.
    pub(crate) async fn list_for_user(db: &Db, user: &UserId, now: Timestamp) -> Result<Vec<Grant>, StoreError> {
        let rows = grant::Entity::find()
            .filter(grant::Column::UserId.eq(user.as_str()))
            .filter(grant::Column::RevokedAt.is_null())
            .filter(grant::Column::ExpiresAt.gt(now))
            .order_by_desc(grant::Column::CreatedAt)
            .all(db)
            .await?;
        rows.into_iter().map(read).collect()
    }
}
