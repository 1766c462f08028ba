//! Access tokens of either format, known by their digest (decisions 2.5, 2.11).

use super::prelude::*;
use super::{grants, sessions, users};
use crate::domain::grant::{AccessToken, Grant};
use crate::protocol::scope::Scope;

#[derive(Clone, Debug)]
pub(crate) struct FoundAccessToken {
    pub token: AccessToken,
    pub grant: Grant,
    pub user: User,
    /// The browser session, over or not; gone when it has long been over.
    pub session: Option<BrowserSession>,
    pub client_disabled: bool,
}

/// The token with this digest, alive or not, in one round trip; the caller compares with the time.
pub(crate) async fn find(db: &Db, digest: &SecretDigest) -> Result<Option<FoundAccessToken>, StoreError> {
    let found = access_token::Entity::find_by_id(digest.as_str())
        .find_also_related(grant::Entity)
        .find_also(grant::Entity, user::Entity)
        .find_also(grant::Entity, client::Entity)
        .find_also(grant::Entity, session::Entity)
        .one(db)
        .await?;
    let Some((token, Some(grant), Some(user), Some(client), session)) = found else { return Ok(None) };
    Ok(Some(FoundAccessToken {
        token: read(token)?,
        grant: grants::read(grant)?,
        user: users::read(user)?,
        session: session.map(sessions::read),
        client_disabled: client.disabled,
    }))
}

pub(crate) async fn insert(tx: &Tx, token: &AccessToken) -> Result<(), StoreError> {
    tx.insert(access_token::Model {
        digest: token.digest.as_str().to_owned(),
        grant_id: token.grant_id.as_str().to_owned(),
        scope: token.scope.to_string(),
        issued_at: token.issued_at.as_millis(),
        expires_at: token.expires_at.as_millis(),
    })
    .await
}

/// Deletes a token: it is revoked alone (RFC 7009 §2.1). False: there was none.
pub(crate) async fn delete(tx: &Tx, digest: &SecretDigest) -> Result<bool, StoreError> {
    Ok(access_token::Entity::delete_by_id(digest.as_str()).exec(tx.db()).await?.rows_affected > 0)
}

fn read(model: access_token::Model) -> Result<AccessToken, StoreError> {
    let row = Row { table: "access_tokens", key: &model.digest };
    Ok(AccessToken {
        scope: row.known("scope", &model.scope, Scope::parse(&model.scope).ok())?,
        grant_id: GrantId::new(model.grant_id),
        issued_at: Timestamp::from_millis(model.issued_at),
        expires_at: Timestamp::from_millis(model.expires_at),
        digest: SecretDigest::from_stored(model.digest),
    })
}
