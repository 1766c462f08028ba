//! Authorization requests under way (RFC 6749 §4.1.1), moved from stage to stage by conditional statements until they expire.

mod room;

pub(super) use room::in_use;
pub(crate) use room::{Room, make_room};

use super::clients;
use super::prelude::*;
use crate::domain::authorization::{Authorization, AuthorizationStage};
use crate::protocol::error::ErrorCode;

/// The authorization with this id, expired or not.
pub(crate) async fn find(db: &Db, id: &AuthorizationId) -> Result<Option<Authorization>, StoreError> {
    authorization::Entity::find_by_id(id.clone()).one(db).await?.map(read).transpose()
}

/// The authorization with this id, expired or not, and the client that asked. One round trip.
pub(crate) async fn find_with_client(db: &Db, id: &AuthorizationId) -> Result<Option<(Authorization, Client)>, StoreError> {
    let row = authorization::Entity::find_by_id(id.clone()).find_also_related(client::Entity).one(db).await?;
    // A client takes its authorizations with it: there is none without.
    let Some((authorization, Some(client))) = row else { return Ok(None) };
    Ok(Some((read(authorization)?, clients::read(client)?)))
}

pub(crate) async fn insert(tx: &Tx, authorization: &Authorization, source: &str) -> Result<(), StoreError> {
    let (stage, authentication, consented, error) = match &authorization.stage {
        AuthorizationStage::Open => (OPEN, None, false, None),
        AuthorizationStage::Authenticated { authentication, consented } => {
            (AUTHENTICATED, Some(authentication), *consented, None)
        }
        AuthorizationStage::Issued => (ISSUED, None, false, None),
        AuthorizationStage::Failed(code) => (FAILED, None, false, Some(code.as_str().to_owned())),
    };
    tx.insert(authorization::Model {
        id: authorization.id.clone(),
        browser: authorization.browser.0.clone(),
        client_id: authorization.request.client_id.clone(),
        request: to_json(&authorization.request)?,
        stage: stage.to_owned(),
        user_id: authentication.map(|who| who.user_id.clone()),
        session_id: authentication.and_then(|who| who.session_id.clone()),
        auth_time: authentication.map(|who| who.auth_time),
        acr: authentication.map(|who| who.acr.as_str().to_owned()),
        device_id: authentication.and_then(|who| who.device_id.clone()),
        unnamed: authentication.map(|who| who.unnamed),
        consented,
        error,
        created_at: authorization.created_at,
        expires_at: authorization.expires_at,
        source: Some(source.to_owned()),
        passed_over: None,
    })
    .await
}

/// Until this transaction ends: what depends on its other rows is decided one after another. False: there is none.
pub(crate) async fn lock_row(tx: &Tx, id: &AuthorizationId) -> Result<bool, StoreError> {
    tx.changes("UPDATE authorizations SET expires_at = expires_at WHERE id = $1", values![id]).await
}

/// Notes who signed in for it: from open, or in place of an earlier sign-in, whose consent is then void. False: it is over.
pub(crate) async fn authenticate(
    tx: &Tx,
    id: &AuthorizationId,
    authentication: &Authentication,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE authorizations SET stage = $2, user_id = $3, session_id = $4, auth_time = $5, acr = $6, device_id = $7, \
               unnamed = $8, consented = $9 WHERE id = $1 AND expires_at > $10 AND stage IN ($2, $11)";
    let Authentication { user_id, session_id, auth_time, acr, device_id, unnamed } = authentication;
    let (device, session) = (device_id.as_ref().map(DeviceId::as_str), session_id.as_ref().map(SessionId::as_str));
    let who = values![id, AUTHENTICATED, user_id, session, *auth_time, acr.as_str(), device, *unnamed, false, now, OPEN];
    tx.changes(sql, who).await
}

/// Lets it last until `ends` at least, where it waits for the person still. The caller knows that the approval came in time.
pub(crate) async fn extend(tx: &Tx, id: &AuthorizationId, ends: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE authorizations SET expires_at = $2 WHERE id = $1 AND expires_at < $2 AND stage IN ($3, $4)";
    tx.changes(sql, values![id, ends, OPEN, AUTHENTICATED]).await.map(drop)
}

/// Notes the consent of the person who signed in for it. False: somebody else did, or it is over.
pub(crate) async fn consent(tx: &Tx, id: &AuthorizationId, user: &UserId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE authorizations SET consented = $2 WHERE id = $1 AND user_id = $3 AND expires_at > $4 AND stage = $5";
    tx.changes(sql, values![id, true, user, now, AUTHENTICATED]).await
}

/// Notes that the question about what was declined was passed over.
pub(crate) async fn pass_over_declined(tx: &Tx, id: &AuthorizationId) -> Result<(), StoreError> {
    tx.changes("UPDATE authorizations SET passed_over = $2 WHERE id = $1", values![id, true]).await.map(drop)
}

/// Whether the question about what was declined was passed over.
pub(crate) async fn passes_over_declined(db: &Db, id: &AuthorizationId) -> Result<bool, StoreError> {
    let sql = "SELECT COUNT(*) FROM authorizations WHERE id = $1 AND passed_over = $2";
    Ok(db.count(sql, values![id, true]).await? > 0)
}

/// Ends it with a code, once, and only after somebody signed in. False: it is over; no code may be issued.
pub(crate) async fn finish_issued(tx: &Tx, id: &AuthorizationId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE authorizations SET stage = $2 WHERE id = $1 AND expires_at > $3 AND stage = $4";
    tx.changes(sql, values![id, ISSUED, now, AUTHENTICATED]).await
}

/// Ends it with an error. False: it was over before.
pub(crate) async fn fail(tx: &Tx, id: &AuthorizationId, code: ErrorCode) -> Result<bool, StoreError> {
    let sql = "UPDATE authorizations SET stage = $2, error = $3 WHERE id = $1 AND stage IN ($4, $5)";
    tx.changes(sql, values![id, FAILED, code.as_str(), OPEN, AUTHENTICATED]).await
}

/// Deletes those that wait for a person or for their code.
pub(crate) async fn delete_under_way(tx: &Tx) -> Result<u64, StoreError> {
    tx.changed_rows("DELETE FROM authorizations WHERE stage IN ($1, $2)", values![OPEN, AUTHENTICATED]).await
}

const OPEN: &str = "open";
const AUTHENTICATED: &str = "authenticated";
pub(super) const ISSUED: &str = "issued";
const FAILED: &str = "failed";

fn read(model: authorization::Model) -> Result<Authorization, StoreError> {
    let row = Row { table: "authorizations", key: model.id.as_str() };
    let stage = match model.stage.as_str() {
        OPEN => AuthorizationStage::Open,
        AUTHENTICATED => {
            let authentication = Authentication {
                user_id: row.present("user_id", model.user_id)?,
                session_id: Some(row.present("session_id", model.session_id)?),
                auth_time: row.present("auth_time", model.auth_time)?,
                acr: acr(&row.present("acr", model.acr)?),
                device_id: model.device_id,
                unnamed: row.present("unnamed", model.unnamed)?,
            };
            AuthorizationStage::Authenticated { authentication, consented: model.consented }
        }
        ISSUED => AuthorizationStage::Issued,
        FAILED => {
            let code = row.present("error", model.error)?;
            AuthorizationStage::Failed(row.known("error", &code, ErrorCode::parse(&code))?)
        }
        other => return row.known("stage", other, None),
    };
    Ok(Authorization {
        browser: BrowserKey(model.browser),
        request: row.json("request", &model.request)?,
        stage,
        created_at: model.created_at,
        expires_at: model.expires_at,
        id: model.id,
    })
}
