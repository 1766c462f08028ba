//! What people allowed clients (OIDC Core §3.1.2.4).

use super::prelude::*;
use crate::domain::grant::Consent;
use crate::protocol::scope::Scope;

pub(crate) async fn find(db: &Db, user: &UserId, client: &ClientId) -> Result<Option<Consent>, StoreError> {
    let key = (user.as_str().to_owned(), client.as_str().to_owned());
    consent::Entity::find_by_id(key).one(db).await?.map(read).transpose()
}

pub(crate) async fn upsert(tx: &Tx, user: &UserId, client: &ClientId, consent: &Consent) -> Result<(), StoreError> {
    let row = consent::Model {
        user_id: user.as_str().to_owned(),
        client_id: client.as_str().to_owned(),
        scope: consent.scope.to_string(),
        granted_at: consent.granted_at.as_millis(),
    };
    let conflict = OnConflict::columns([consent::Column::UserId, consent::Column::ClientId])
        .update_columns([consent::Column::Scope, consent::Column::GrantedAt])
        .to_owned();
    tx.insert_or(row, conflict).await.map(drop)
}

fn read(model: consent::Model) -> Result<Consent, StoreError> {
    let key = format!("{}, {}", model.user_id, model.client_id);
    let row = Row { table: "consents", key: &key };
    Ok(Consent {
        scope: row.known("scope", &model.scope, Scope::parse(&model.scope).ok())?,
        granted_at: Timestamp::from_millis(model.granted_at),
    })
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
        rows.into_iter().map(|row| Ok((ClientId::new(row.client_id.clone()), read(row)?))).collect()
    }
}
