//! Token families (RFC 9700 §4.14.2): whatever a code led to dies with its row here.

use super::prelude::*;
use crate::domain::grant::Grant;
use crate::protocol::scope::Scope;

pub(crate) async fn insert(tx: &Tx, grant: &Grant) -> Result<(), StoreError> {
    let authentication = &grant.authentication;
    tx.insert(grant::Model {
        id: grant.id.as_str().to_owned(),
        client_id: grant.client_id.as_str().to_owned(),
        user_id: Some(authentication.user_id.as_str().to_owned()),
        session_id: authentication.session_id.as_ref().map(|session| session.as_str().to_owned()),
        auth_time: authentication.auth_time.as_millis(),
        acr: authentication.acr.as_str().to_owned(),
        device_id: authentication.device_id.as_ref().map(|device| device.as_str().to_owned()),
        unnamed: authentication.unnamed,
        scope: grant.scope.to_string(),
        offline: grant.is_offline(),
        // As JSON: a relying party chooses it, and PostgreSQL cannot keep a NUL as text.
        nonce: grant.nonce.as_ref().map(to_json).transpose()?,
        created_at: grant.created_at.as_millis(),
        expires_at: grant.expires_at.as_millis(),
        revoked_at: millis(grant.revoked_at),
    })
    .await
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

/// Revokes every family of a person, at `client` only where one is named; returns how many.
pub(crate) async fn revoke_for_user(
    tx: &Tx,
    user: &UserId,
    client: Option<&ClientId>,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let sql = "UPDATE grants SET revoked_at = $2 WHERE user_id = $1 AND revoked_at IS NULL";
    match client {
        Some(client) => tx.changed_rows(&format!("{sql} AND client_id = $3"), values![user, now, client]).await,
        None => tx.changed_rows(sql, values![user, now]).await,
    }
}

/// Revokes every family of a person that came of an approval by `phone`.
pub(crate) async fn revoke_for_phone(tx: &Tx, user: &UserId, phone: &DeviceId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE grants SET revoked_at = $3 WHERE user_id = $1 AND device_id = $2 AND revoked_at IS NULL";
    tx.changes(sql, values![user, phone, now]).await.map(drop)
}

/// Revokes the families of a browser session that were not granted to outlive it (OIDC Core §11).
pub(super) async fn revoke_for_session(tx: &Tx, session: &SessionId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE grants SET revoked_at = $2 WHERE session_id = $1 AND offline = $3 AND revoked_at IS NULL";
    tx.changes(sql, values![session, now, false]).await.map(drop)
}

pub(super) fn read(model: grant::Model) -> Result<Grant, StoreError> {
    let row = Row { table: "grants", key: &model.id };
    let authentication = Authentication {
        // A family of no user is a newer program's (RFC 6749 §4.4).
        user_id: UserId::new(row.known("user_id", "", model.user_id)?),
        session_id: model.session_id.map(SessionId::new),
        auth_time: Timestamp::from_millis(model.auth_time),
        acr: acr(&model.acr),
        device_id: model.device_id.map(DeviceId::new),
        unnamed: model.unnamed,
    };
    Ok(Grant {
        client_id: ClientId::new(model.client_id),
        scope: row.known("scope", &model.scope, Scope::parse(&model.scope).ok())?,
        nonce: model.nonce.as_deref().map(|text| row.json("nonce", text)).transpose()?,
        authentication,
        created_at: Timestamp::from_millis(model.created_at),
        expires_at: Timestamp::from_millis(model.expires_at),
        revoked_at: moment(model.revoked_at),
        id: GrantId::new(model.id),
    })
}

#[cfg(test)]
pub(crate) use reads::*;

#[cfg(test)]
mod reads {
    use super::*;

    /// The family with this id, revoked or not.
    pub(crate) async fn find(db: &Db, id: &GrantId) -> Result<Option<Grant>, StoreError> {
        grant::Entity::find_by_id(id.as_str()).one(db).await?.map(read).transpose()
    }

    /// A person's families that are neither revoked nor expired, the latest first.
    pub(crate) async fn list_for_user(db: &Db, user: &UserId, now: Timestamp) -> Result<Vec<Grant>, StoreError> {
        let rows = grant::Entity::find()
            .filter(grant::Column::UserId.eq(user.as_str()))
            .filter(grant::Column::RevokedAt.is_null())
            .filter(grant::Column::ExpiresAt.gt(now.as_millis()))
            .order_by_desc(grant::Column::CreatedAt)
            .all(db)
            .await?;
        rows.into_iter().map(read).collect()
    }
}
