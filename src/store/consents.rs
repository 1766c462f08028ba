//! What people allowed clients (OIDC Core §3.1.2.4).

use super::prelude::*;
use crate::domain::grant::Consent;

pub(crate) async fn find(db: &Db, user: &UserId, client: &ClientId) -> Result<Option<Consent>, StoreError> {
    consent::Entity::find_by_id((user.clone(), client.clone())).one(db).await?.map(read).transpose()
}

pub(crate) async fn upsert(tx: &Tx, user: &UserId, client: &ClientId, consent: &Consent) -> Result<(), StoreError> {
    let sql = "INSERT INTO consents (user_id, client_id, scope, granted_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (user_id, client_id) DO UPDATE SET scope = excluded.scope, granted_at = excluded.granted_at";
    tx.changes(sql, values![user, client, consent.scope.to_string(), consent.granted_at]).await.map(drop)
}

fn read(model: consent::Model) -> Result<Consent, StoreError> {
    let key = format!("{}, {}", model.user_id, model.client_id);
    let scope = Row { table: "consents", key: &key }.scope(&model.scope)?;
    Ok(Consent { scope, granted_at: model.granted_at })
}

#[cfg(test)]
pub(crate) use reads::*;

#[cfg(test)]
mod reads {
    use super::*;

    /// Everything that a person allowed, by client.
    pub(crate) async fn list_for_user(db: &Db, user: &UserId) -> Result<Vec<(ClientId, Consent)>, StoreError> {
        let rows = consent::Entity::find()
            .filter(consent::Column::UserId.eq(user.as_str()))
            .order_by_asc(consent::Column::ClientId)
            .all(db)
            .await?;
        rows.into_iter().map(|row| Ok((row.client_id.clone(), read(row)?))).collect()
    }
}
