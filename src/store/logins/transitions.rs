//! Each transition of a login, and each change of its lease (who polls it, decision 2.8), is one statement that names the stages it
//! starts from, so that of two that race exactly one happens. Ends are final.

use super::row::{APPROVED, CREATING, DECOY, FETCHED, OPEN_STAGES, PENDING};
use super::slots;
use crate::domain::login::{Challenge, End, FINISH_GRACE, Reason, UpstreamHandle};
use crate::store::prelude::*;

/// The upstream was asked: from creating to pending. False: the login ended meanwhile; the session must be withdrawn.
pub(crate) async fn begun(
    tx: &Tx,
    id: &LoginId,
    sealed_handle: &UpstreamHandle,
    challenge: &Challenge,
    deadline: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE logins SET stage = $2, sealed_handle = $3, challenge = $4, deadline = $5 WHERE id = $1 AND stage = $6";
    let handle = sealed_handle.0.expose();
    tx.changes(sql, values![id, PENDING, handle, to_json(challenge)?, deadline, CREATING]).await
}

/// Nobody was asked, and nobody shall see that: a pending decoy, the user's slot given back. False: it ended meanwhile.
pub(crate) async fn disguise(tx: &Tx, id: &LoginId, challenge: &Challenge, deadline: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE logins SET stage = $2, subject = $3, sealed_handle = '', challenge = $4, deadline = $5 \
               WHERE id = $1 AND stage = $6";
    let disguised = tx.changes(sql, values![id, PENDING, DECOY, to_json(challenge)?, deadline, CREATING]).await?;
    slots::release_person(tx, id).await?;
    Ok(disguised)
}

/// Nobody is asked any more, and the page shall not tell: a pending or fetched login goes on as a decoy, with the picture that
/// it shows. Its slots stay as they are. False: it is over, or is a decoy already.
pub(crate) async fn go_on_as_decoy(tx: &Tx, id: &LoginId) -> Result<bool, StoreError> {
    let sql = "UPDATE logins SET subject = $2, sealed_handle = '' WHERE id = $1 AND stage IN ($3, $4) AND subject <> $2";
    tx.changes(sql, values![id, DECOY, PENDING, FETCHED]).await
}

/// The phone has loaded the request: from pending to fetched.
pub(crate) async fn mark_fetched(tx: &Tx, id: &LoginId) -> Result<bool, StoreError> {
    let sql = "UPDATE logins SET stage = $2 WHERE id = $1 AND stage = $3 AND subject <> $4";
    tx.changes(sql, values![id, FETCHED, PENDING, DECOY]).await
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
    let sql = "UPDATE logins SET stage = $2, approved_user_id = $3, approved_device_id = $4, ended_at = $5 \
               WHERE id = $1 AND stage IN ($6, $7) AND subject <> $8 AND deadline > $5";
    let device = device.map(DeviceId::as_str);
    let approved = tx.changes(sql, values![id, APPROVED, user, device, now, PENDING, FETCHED, DECOY]).await?;
    if approved {
        slots::release_all(tx, id).await?;
    }
    Ok(approved)
}

/// Ends an open login. `release_slots`: its session at the upstream is known to be dead. Returns whether this call ended it.
pub(crate) async fn end(tx: &Tx, id: &LoginId, end: End, release_slots: bool, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE logins SET stage = $2, reason = $3, ended_at = $4 WHERE id = $1 AND stage IN ($5, $6, $7)";
    let (stage, reason) = (end.state(), end.reason().map(Reason::as_str));
    let [creating, pending, fetched] = OPEN_STAGES;
    let ended = tx.changes(sql, values![id, stage, reason, now, creating, pending, fetched]).await?;
    if release_slots {
        // Whoever ended the login: a dead session holds nothing.
        slots::release_all(tx, id).await?;
    }
    Ok(ended)
}

/// Uses an approval up: once, by the browser that began the login, no later than [`FINISH_GRACE`] after its deadline.
pub(crate) async fn consume(tx: &Tx, id: &LoginId, browser: Option<&BrowserKey>, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE logins SET consumed_at = $2 WHERE id = $1 AND stage = $3 AND browser IS NOT DISTINCT FROM $4 \
               AND consumed_at IS NULL AND deadline > $5";
    let browser = browser.map(|browser| browser.0.as_str());
    tx.changes(sql, values![id, now, APPROVED, browser, now.minus(FINISH_GRACE)]).await
}

/// Takes or renews the lease of an open login until `until`. False: another owner holds it at `now`, or the login is over.
pub(crate) async fn lease(tx: &Tx, id: &LoginId, owner: &str, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE logins SET lease_owner = $2, lease_until = $3 WHERE id = $1 AND stage IN ($5, $6, $7) \
               AND (lease_owner = $2 OR lease_until IS NULL OR lease_until <= $4)";
    let [creating, pending, fetched] = OPEN_STAGES;
    tx.changes(sql, values![id, owner, until, now, creating, pending, fetched]).await
}

/// Gives a lease back, so that another node may go on at once. Does nothing when somebody else holds it.
pub(crate) async fn release_lease(tx: &Tx, id: &LoginId, owner: &str) -> Result<(), StoreError> {
    let sql = "UPDATE logins SET lease_owner = NULL, lease_until = NULL WHERE id = $1 AND lease_owner = $2";
    tx.changes(sql, values![id, owner]).await.map(drop)
}
