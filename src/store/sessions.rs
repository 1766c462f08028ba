//! Browser sessions, found by the digest of their cookie. Ending one revokes what it led to, unless that was granted to
//! outlive it (`offline_access`, OIDC Core §11).

use super::backchannel_logouts::Hold;
use super::prelude::*;
use super::{backchannel_logouts, grants, users};

/// How old `last_seen_at` may become before a request writes it anew: a write per minute instead of one per request.
pub(crate) const TOUCH_AFTER: Duration = Duration::from_secs(60);

/// The session of a cookie with its person, if it is alive: not ended, not expired, used within `idle`, its person not locked.
pub(crate) async fn find_by_cookie(
    db: &Db,
    cookie: &SecretDigest,
    now: Timestamp,
    idle: Duration,
) -> Result<Option<(BrowserSession, User)>, StoreError> {
    let row = session::Entity::find()
        .find_also_related(user::Entity)
        .filter(session::Column::Cookie.eq(cookie.as_str()))
        .filter(session::Column::EndedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(now))
        .filter(session::Column::LastSeenAt.gt(now.minus(idle)))
        .filter(user::Column::Locked.eq(false))
        .one(db)
        .await?;
    let Some((session, Some(user))) = row else { return Ok(None) };
    Ok(Some((read(session), users::read(user)?)))
}

/// The session with this id (`sid`), alive or not.
pub(crate) async fn find(db: &Db, id: &SessionId) -> Result<Option<BrowserSession>, StoreError> {
    Ok(session::Entity::find_by_id(id.clone()).one(db).await?.map(read))
}

/// A person's sessions that are neither ended nor expired, the latest used first. Idle ones are among them.
pub(crate) async fn list_for_user(db: &Db, user: &UserId, now: Timestamp) -> Result<Vec<BrowserSession>, StoreError> {
    let open = "WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2 ORDER BY last_seen_at DESC";
    Ok(db.rows(session::Entity, open, values![user, now]).await?.into_iter().map(read).collect())
}

pub(crate) async fn insert(tx: &Tx, session: &BrowserSession, cookie: &SecretDigest) -> Result<(), StoreError> {
    let sql = "INSERT INTO sessions (id, browser, cookie, user_id, auth_time, acr, device_id, unnamed, address, user_agent, \
               created_at, last_seen_at, expires_at, ended_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";
    let Authentication { user_id, auth_time, acr, device_id, unnamed, .. } = &session.authentication;
    let RequestSource { address, user_agent } = &session.origin;
    let (acr, device) = (acr.as_str(), device_id.as_ref().map(DeviceId::as_str));
    let mut values = values![&session.id, &session.browser.0, cookie, user_id, *auth_time, acr, device, *unnamed];
    values.extend(values![address, user_agent, session.created_at, session.last_seen_at, session.expires_at, session.ended_at]);
    tx.changes(sql, values).await.map(drop)
}

/// Gives a session that is alive the login and the cookie of `renewed`, which has its id and its person: the old cookie is
/// nobody's from then on (check 96), and what was granted out of the session lives on. False: it has ended, or is another's.
pub(crate) async fn renew(
    tx: &Tx,
    renewed: &BrowserSession,
    cookie: &SecretDigest,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let sql = "UPDATE sessions SET cookie = $2, auth_time = $3, acr = $4, device_id = $5, unnamed = $6, address = $7, \
               user_agent = $8, last_seen_at = $9, expires_at = $10 \
               WHERE id = $1 AND user_id = $11 AND browser = $12 AND ended_at IS NULL AND expires_at > $13";
    let Authentication { user_id, auth_time, acr, device_id, unnamed, .. } = &renewed.authentication;
    let RequestSource { address, user_agent } = &renewed.origin;
    let BrowserSession { id, browser: BrowserKey(browser), last_seen_at: seen, expires_at: ends, .. } = renewed;
    let (acr, device) = (acr.as_str(), device_id.as_ref().map(DeviceId::as_str));
    let login =
        values![id, cookie, *auth_time, acr, device, *unnamed, address, user_agent, *seen, *ends, user_id, browser, now];
    tx.changes(sql, login).await
}

/// Whether a session was last seen so long ago that [`touch`] would write: ask before opening a write.
pub(crate) fn needs_touch(session: &BrowserSession, now: Timestamp) -> bool {
    now.since(session.last_seen_at) >= TOUCH_AFTER
}

/// Notes that a session is in use, when that was last noted at least [`TOUCH_AFTER`] ago. Returns whether it wrote.
pub(crate) async fn touch(tx: &Tx, id: &SessionId, now: Timestamp) -> Result<bool, StoreError> {
    let sql = "UPDATE sessions SET last_seen_at = $2 WHERE id = $1 AND ended_at IS NULL AND last_seen_at <= $3";
    tx.changes(sql, values![id, now, now.minus(TOUCH_AFTER)]).await
}

/// Ends a session and revokes its grants without `offline_access`; what its clients are to hear of it is queued. False: it had
/// ended before, or there is none.
pub(crate) async fn end(tx: &Tx, id: &SessionId, now: Timestamp) -> Result<bool, StoreError> {
    end_holding(tx, id, None, now).await
}

/// As [`end`]. With `hold` another account replaces the session in its browser: its clients hear of it only after the code of
/// the running authorization was redeemed or has expired (decision 2.16).
pub(crate) async fn end_holding(tx: &Tx, id: &SessionId, hold: Option<&Hold>, now: Timestamp) -> Result<bool, StoreError> {
    if !tx.changes("UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL", values![id, now]).await? {
        return Ok(false);
    }
    grants::revoke_for_session(tx, id, now).await?;
    if let Some(session) = find(tx, id).await? {
        backchannel_logouts::insert_for_session(tx, &session, hold, now).await?;
    }
    Ok(true)
}

/// Locks the session's row until this transaction ends: a write that ends it waits, and sees what this transaction wrote (the
/// order is in [`store`](super)). Returns it, expired or not; none has ended, or never was.
pub(crate) async fn lock_row(tx: &Tx, id: &SessionId) -> Result<Option<BrowserSession>, StoreError> {
    let update = session::Entity::update_many()
        .col_expr(session::Column::ExpiresAt, Expr::col(session::Column::ExpiresAt))
        .filter(session::Column::Id.eq(id.as_str()))
        .filter(session::Column::EndedAt.is_null());
    Ok(update.exec_with_returning(tx.db()).await?.pop().map(read))
}

/// Ends every session of a person, as [`end`]. With `phone` only what it approved, and the rows of the others are locked: a code
/// of an earlier login may be waiting in one. The caller has locked the user's row.
pub(crate) async fn end_all(tx: &Tx, user: &UserId, phone: Option<&DeviceId>, now: Timestamp) -> Result<(), StoreError> {
    // Expired ones included, in the order in which their turns are taken.
    let open = "WHERE user_id = $1 AND ended_at IS NULL ORDER BY id";
    for session in tx.rows(session::Entity, open, values![user]).await? {
        if phone.is_none() || session.device_id.as_ref() == phone {
            end(tx, &session.id, now).await?;
        } else {
            lock_row(tx, &session.id).await?;
        }
    }
    Ok(())
}

/// Ends every session of a user that began at `source` ([`RequestSource::source`]), but for `kept`, and revokes all that was granted
/// out of them, also of those that had ended before and what was to outlive them. The caller has locked the user's row.
pub(crate) async fn end_from_source(
    tx: &Tx,
    user: &UserId,
    source: &str,
    kept: Option<&SessionId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    // In the order in which their turns are taken.
    let of_user = "WHERE user_id = $1 ORDER BY id";
    for session in tx.rows(session::Entity, of_user, values![user]).await?.into_iter().map(read) {
        if kept != Some(&session.id) && session.origin.source() == source {
            end(tx, &session.id, now).await?;
            grants::revoke_all_of_session(tx, &session.id, now).await?;
        }
    }
    Ok(())
}

pub(super) fn read(model: session::Model) -> BrowserSession {
    let session::Model { id, user_id, auth_time, device_id, unnamed, browser, address, user_agent, .. } = model;
    let (session_id, acr) = (Some(id.clone()), acr(&model.acr));
    BrowserSession {
        id,
        authentication: Authentication { user_id, session_id, auth_time, acr, device_id, unnamed },
        browser: BrowserKey(browser),
        origin: RequestSource { address, user_agent },
        created_at: model.created_at,
        last_seen_at: model.last_seen_at,
        expires_at: model.expires_at,
        ended_at: model.ended_at,
    }
}
