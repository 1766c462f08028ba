//! Authorization requests under way (RFC 6749 §4.1.1): written once, then moved from stage to stage by conditional statements.
//! An expired authorization cannot be moved.

mod room;

pub(super) use room::in_use;
pub use room::{Room, make_room};

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, UpdateMany};

use super::entity::{authorization, client};
use super::row::{AuthenticationColumns, Row, to_json};
use super::{Db, StoreError, Tx};
use crate::domain::authorization::{Authorization, AuthorizationStage};
use crate::domain::browser::{Authentication, BrowserKey};
use crate::domain::client::Client;
use crate::domain::clock::Timestamp;
use crate::domain::id::{AuthorizationId, DeviceId, SessionId, UserId};
use crate::domain::secret::SecretDigest;
use crate::protocol::error::ErrorCode;

/// The authorization with this id, expired or not.
///
/// # Errors
/// When the database fails or the row is inconsistent.
pub async fn find(db: &Db, id: &AuthorizationId) -> Result<Option<Authorization>, StoreError> {
    authorization::Entity::find_by_id(id.as_str()).one(db).await?.map(Authorization::try_from).transpose()
}

/// The authorization with this id, expired or not, and the client that asked. One round trip.
///
/// # Errors
/// As [`find`].
pub async fn find_with_client(db: &Db, id: &AuthorizationId) -> Result<Option<(Authorization, Client)>, StoreError> {
    let row = authorization::Entity::find_by_id(id.as_str()).find_also_related(client::Entity).one(db).await?;
    // A client takes its authorizations with it: there is none without.
    let Some((authorization, Some(client))) = row else { return Ok(None) };
    Ok(Some((authorization.try_into()?, client.try_into()?)))
}

/// Adds an authorization of nobody in particular.
///
/// # Errors
/// When the database fails.
pub async fn insert(tx: &Tx, authorization: &Authorization) -> Result<(), StoreError> {
    insert_from(tx, authorization, "").await
}

/// Adds an authorization that `source` had us keep.
///
/// # Errors
/// When the database fails.
pub async fn insert_from(tx: &Tx, authorization: &Authorization, source: &str) -> Result<(), StoreError> {
    let (authentication, consented, error) = match &authorization.stage {
        AuthorizationStage::Open | AuthorizationStage::Issued => (None, false, None),
        AuthorizationStage::Authenticated { authentication, consented } => (Some(authentication), *consented, None),
        AuthorizationStage::Failed(code) => (None, false, Some(code.as_str().to_owned())),
    };
    tx.insert(authorization::Model {
        id: authorization.id.as_str().to_owned(),
        browser: authorization.browser.0.as_str().to_owned(),
        client_id: authorization.request.client_id.as_str().to_owned(),
        request: to_json(&authorization.request)?,
        stage: stage_name(&authorization.stage).to_owned(),
        user_id: authentication.map(|who| who.user_id.as_str().to_owned()),
        session_id: authentication.and_then(|who| who.session_id.as_ref()).map(|session| session.as_str().to_owned()),
        auth_time: authentication.map(|who| who.auth_time.as_millis()),
        acr: authentication.map(|who| who.acr.as_str().to_owned()),
        device_id: authentication.and_then(|who| who.device_id.as_ref()).map(|device| device.as_str().to_owned()),
        unnamed: authentication.map(|who| who.unnamed),
        consented,
        error,
        created_at: authorization.created_at.as_millis(),
        expires_at: authorization.expires_at.as_millis(),
        source: Some(source.to_owned()),
    })
    .await
}

/// Keeps whoever locks the same authorization waiting until this transaction ends, so that what depends on its other rows is
/// decided one after another. False: there is none. A write that changes nothing is the lock that every engine has.
///
/// # Errors
/// When the database fails.
pub async fn lock(tx: &Tx, id: &AuthorizationId) -> Result<bool, StoreError> {
    let update = authorization::Entity::update_many()
        .col_expr(authorization::Column::ExpiresAt, Expr::col(authorization::Column::ExpiresAt))
        .filter(authorization::Column::Id.eq(id.as_str()));
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

/// Notes who signed in for it: from open, or in place of an earlier sign-in, whose consent is then void. False: it is over.
///
/// # Errors
/// When the database fails.
pub async fn authenticate(
    tx: &Tx,
    id: &AuthorizationId,
    authentication: &Authentication,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let update = from_stages(id, &[OPEN, AUTHENTICATED])
        .col_expr(authorization::Column::Stage, Expr::value(AUTHENTICATED))
        .col_expr(authorization::Column::UserId, Expr::value(authentication.user_id.as_str()))
        .col_expr(authorization::Column::SessionId, Expr::value(authentication.session_id.as_ref().map(SessionId::as_str)))
        .col_expr(authorization::Column::AuthTime, Expr::value(authentication.auth_time.as_millis()))
        .col_expr(authorization::Column::Acr, Expr::value(authentication.acr.as_str()))
        .col_expr(authorization::Column::DeviceId, Expr::value(authentication.device_id.as_ref().map(DeviceId::as_str)))
        .col_expr(authorization::Column::Unnamed, Expr::value(authentication.unnamed))
        .col_expr(authorization::Column::Consented, Expr::value(false))
        .filter(authorization::Column::ExpiresAt.gt(now.as_millis()));
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

/// Lets it last until `ends` at least, where it waits for the person still. The caller knows that somebody approved in time.
///
/// # Errors
/// When the database fails.
pub async fn extend(tx: &Tx, id: &AuthorizationId, ends: Timestamp) -> Result<(), StoreError> {
    let update = from_stages(id, &[OPEN, AUTHENTICATED])
        .col_expr(authorization::Column::ExpiresAt, Expr::value(ends.as_millis()))
        .filter(authorization::Column::ExpiresAt.lt(ends.as_millis()));
    update.exec(tx.db()).await?;
    Ok(())
}

/// Notes the consent of the person who signed in for it. False: somebody else did, or it is over.
///
/// # Errors
/// When the database fails.
pub async fn consent(tx: &Tx, id: &AuthorizationId, user: &UserId, now: Timestamp) -> Result<bool, StoreError> {
    let update = from_stages(id, &[AUTHENTICATED])
        .col_expr(authorization::Column::Consented, Expr::value(true))
        .filter(authorization::Column::UserId.eq(user.as_str()))
        .filter(authorization::Column::ExpiresAt.gt(now.as_millis()));
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

/// Ends it with a code, once, and only after somebody signed in. False: it is over; no code may be issued.
///
/// # Errors
/// When the database fails.
pub async fn finish_issued(tx: &Tx, id: &AuthorizationId, now: Timestamp) -> Result<bool, StoreError> {
    let update = from_stages(id, &[AUTHENTICATED])
        .col_expr(authorization::Column::Stage, Expr::value(ISSUED))
        .filter(authorization::Column::ExpiresAt.gt(now.as_millis()));
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

/// Ends it with an error. False: it was over before.
///
/// # Errors
/// When the database fails.
pub async fn fail(tx: &Tx, id: &AuthorizationId, code: ErrorCode) -> Result<bool, StoreError> {
    let update = from_stages(id, &[OPEN, AUTHENTICATED])
        .col_expr(authorization::Column::Stage, Expr::value(FAILED))
        .col_expr(authorization::Column::Error, Expr::value(code.as_str()));
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

const OPEN: &str = "open";
const AUTHENTICATED: &str = "authenticated";
pub(super) const ISSUED: &str = "issued";
const FAILED: &str = "failed";

/// An update that happens only from one of `stages`.
fn from_stages(id: &AuthorizationId, stages: &[&str]) -> UpdateMany<authorization::Entity> {
    authorization::Entity::update_many()
        .filter(authorization::Column::Id.eq(id.as_str()))
        .filter(authorization::Column::Stage.is_in(stages.iter().copied()))
}

const fn stage_name(stage: &AuthorizationStage) -> &'static str {
    match stage {
        AuthorizationStage::Open => OPEN,
        AuthorizationStage::Authenticated { .. } => AUTHENTICATED,
        AuthorizationStage::Issued => ISSUED,
        AuthorizationStage::Failed(_) => FAILED,
    }
}

impl TryFrom<authorization::Model> for Authorization {
    type Error = StoreError;

    fn try_from(model: authorization::Model) -> Result<Self, StoreError> {
        let row = Row { table: "authorizations", key: &model.id };
        let stage = match model.stage.as_str() {
            OPEN => AuthorizationStage::Open,
            AUTHENTICATED => {
                let columns = AuthenticationColumns {
                    user_id: row.present("user_id", model.user_id)?,
                    session_id: Some(row.present("session_id", model.session_id)?),
                    auth_time: row.present("auth_time", model.auth_time)?,
                    acr: row.present("acr", model.acr)?,
                    device_id: model.device_id,
                    unnamed: row.present("unnamed", model.unnamed)?,
                };
                AuthorizationStage::Authenticated { authentication: columns.read(), consented: model.consented }
            }
            ISSUED => AuthorizationStage::Issued,
            FAILED => AuthorizationStage::Failed(row.word("error", &row.present("error", model.error)?)?),
            other => return row.known("stage", other, None),
        };
        Ok(Self {
            browser: BrowserKey(SecretDigest::from_stored(model.browser)),
            request: row.json("request", &model.request)?,
            stage,
            created_at: Timestamp::from_millis(model.created_at),
            expires_at: Timestamp::from_millis(model.expires_at),
            id: AuthorizationId::new(model.id),
        })
    }
}
