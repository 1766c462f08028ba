//! Access tokens of either format, known by their digest (decisions 2.5, 2.11).

use super::prelude::*;
use super::{grants, sessions, users};
use crate::domain::grant::{AccessToken, Grant};

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
    let found = access_token::Entity::find_by_id(digest.clone())
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
    let AccessToken { digest, grant_id, scope, issued_at, expires_at } = token.clone();
    tx.insert(access_token::Model { digest, grant_id, scope: scope.to_string(), issued_at, expires_at }).await
}

/// Deletes a token: it is revoked alone (RFC 7009 §2.1). False: there was none.
pub(crate) async fn delete(tx: &Tx, digest: &SecretDigest) -> Result<bool, StoreError> {
    Ok(access_token::Entity::delete_by_id(digest.clone()).exec(tx.db()).await?.rows_affected > 0)
}

fn read(model: access_token::Model) -> Result<AccessToken, StoreError> {
    let access_token::Model { digest, grant_id, scope, issued_at, expires_at } = model;
    let scope = Row { table: "access_tokens", key: digest.as_str() }.scope(&scope)?;
    Ok(AccessToken { digest, grant_id, scope, issued_at, expires_at })
}
