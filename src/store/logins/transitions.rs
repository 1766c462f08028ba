//! The stages of a login: each transition is one statement that names the stages it starts from, so that of two that race
//! exactly one happens. Ends are final.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, UpdateMany};

use super::row::{self, APPROVED, CREATING, DECOY, FETCHED, OPEN_STAGES, PENDING};
use super::slots;
use crate::domain::browser::BrowserKey;
use crate::domain::clock::Timestamp;
use crate::domain::id::{DeviceId, LoginId, UserId};
use crate::domain::login::{Challenge, End, FINISH_GRACE, UpstreamHandle};
use crate::store::entity::login;
use crate::store::row::to_json;
use crate::store::{StoreError, Tx};

/// The upstream was asked: from creating to pending. False: the login ended meanwhile; the session must be withdrawn.
pub(crate) async fn begun(
    tx: &Tx,
    id: &LoginId,
    sealed_handle: &UpstreamHandle,
    challenge: &Challenge,
    deadline: Timestamp,
) -> Result<bool, StoreError> {
    let update = from_stages(id, &[CREATING])
        .col_expr(login::Column::Stage, Expr::value(PENDING))
        .col_expr(login::Column::SealedHandle, Expr::value(sealed_handle.0.expose()))
        .col_expr(login::Column::Challenge, Expr::value(to_json(challenge)?))
        .col_expr(login::Column::Deadline, Expr::value(deadline.as_millis()));
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

/// Nobody was asked, and nobody shall see that: from creating to a pending decoy, the user's slot given back. False: it
/// ended meanwhile.
pub(crate) async fn disguise(tx: &Tx, id: &LoginId, challenge: &Challenge, deadline: Timestamp) -> Result<bool, StoreError> {
    let update = from_stages(id, &[CREATING])
        .col_expr(login::Column::Stage, Expr::value(PENDING))
        .col_expr(login::Column::Subject, Expr::value(DECOY))
        .col_expr(login::Column::SealedHandle, Expr::value(""))
        .col_expr(login::Column::Challenge, Expr::value(to_json(challenge)?))
        .col_expr(login::Column::Deadline, Expr::value(deadline.as_millis()));
    let disguised = update.exec(tx.db()).await?.rows_affected > 0;
    slots::release_person(tx, id).await?;
    Ok(disguised)
}

/// Nobody is asked any more, and the page shall not tell: a pending or fetched login goes on as a decoy, with the picture that
/// it shows. Its slots stay as they are. False: it is over, or is a decoy already.
pub(crate) async fn go_on_as_decoy(tx: &Tx, id: &LoginId) -> Result<bool, StoreError> {
    let update = from_stages(id, &[PENDING, FETCHED])
        .col_expr(login::Column::Subject, Expr::value(DECOY))
        .col_expr(login::Column::SealedHandle, Expr::value(""))
        .filter(login::Column::Subject.ne(DECOY));
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

/// The phone has loaded the request: from pending to fetched.
pub(crate) async fn mark_fetched(tx: &Tx, id: &LoginId) -> Result<bool, StoreError> {
    let update = from_stages(id, &[PENDING])
        .col_expr(login::Column::Stage, Expr::value(FETCHED))
        .filter(login::Column::Subject.ne(DECOY));
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

/// The right person approved in time: from pending or fetched, before the deadline. The session at the upstream is dead
/// then, so the slots are given back. False: too late, or nobody is asked any more.
pub(crate) async fn approve(
    tx: &Tx,
    id: &LoginId,
    user: &UserId,
    device: Option<&DeviceId>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let update = from_stages(id, &[PENDING, FETCHED])
        .col_expr(login::Column::Stage, Expr::value(APPROVED))
        .col_expr(login::Column::ApprovedUserId, Expr::value(user.as_str()))
        .col_expr(login::Column::ApprovedDeviceId, Expr::value(device.map(DeviceId::as_str)))
        .col_expr(login::Column::EndedAt, Expr::value(now.as_millis()))
        .filter(login::Column::Subject.ne(DECOY))
        .filter(login::Column::Deadline.gt(now.as_millis()));
    let approved = update.exec(tx.db()).await?.rows_affected > 0;
    if approved {
        slots::release_all(tx, id).await?;
    }
    Ok(approved)
}

/// Ends an open login. `release_slots`: its session at the upstream is known to be dead. Returns whether this call ended it.
pub(crate) async fn end(tx: &Tx, id: &LoginId, end: End, release_slots: bool, now: Timestamp) -> Result<bool, StoreError> {
    let (stage, reason) = row::end_words(end);
    let update = from_stages(id, &OPEN_STAGES)
        .col_expr(login::Column::Stage, Expr::value(stage))
        .col_expr(login::Column::Reason, Expr::value(reason))
        .col_expr(login::Column::EndedAt, Expr::value(now.as_millis()));
    let ended = update.exec(tx.db()).await?.rows_affected > 0;
    if release_slots {
        // Whoever ended the login: a dead session holds nothing.
        slots::release_all(tx, id).await?;
    }
    Ok(ended)
}

/// Uses an approval up: once, by the browser that began the login, and no later than
/// [`FINISH_GRACE`](crate::domain::login::FINISH_GRACE) after its deadline.
pub(crate) async fn consume(tx: &Tx, id: &LoginId, browser: Option<&BrowserKey>, now: Timestamp) -> Result<bool, StoreError> {
    let same_browser = match browser {
        Some(browser) => login::Column::Browser.eq(browser.0.as_str()),
        None => login::Column::Browser.is_null(),
    };
    let update = from_stages(id, &[APPROVED])
        .col_expr(login::Column::ConsumedAt, Expr::value(now.as_millis()))
        .filter(same_browser)
        .filter(login::Column::ConsumedAt.is_null())
        .filter(login::Column::Deadline.gt(now.minus(FINISH_GRACE).as_millis()));
    Ok(update.exec(tx.db()).await?.rows_affected > 0)
}

/// An update that happens only from one of `stages`.
fn from_stages(id: &LoginId, stages: &[&str]) -> UpdateMany<login::Entity> {
    login::Entity::update_many()
        .filter(login::Column::Id.eq(id.as_str()))
        .filter(login::Column::Stage.is_in(stages.iter().copied()))
}
