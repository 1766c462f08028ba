//! Browser sessions, found by the digest of their cookie. Ending one revokes what it led to, unless that was granted to
//! outlive it (`offline_access`, OIDC Core §11).

use super::prelude::*;
use super::{backchannel_logouts, grants, users};
use crate::domain::backchannel_logout::Hold;

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
        .filter(session::Column::ExpiresAt.gt(now.as_millis()))
        .filter(session::Column::LastSeenAt.gt(now.minus(idle).as_millis()))
        .filter(user::Column::Locked.eq(false))
        .one(db)
        .await?;
    let Some((session, Some(user))) = row else { return Ok(None) };
    Ok(Some((read(session), users::read(user)?)))
}

/// The session with this id (`sid`), alive or not.
pub(crate) async fn find(db: &Db, id: &SessionId) -> Result<Option<BrowserSession>, StoreError> {
    Ok(session::Entity::find_by_id(id.as_str()).one(db).await?.map(read))
}

/// A person's sessions that are neither ended nor expired, the latest used first. Idle ones are among them.
pub(crate) async fn list_for_user(db: &Db, user: &UserId, now: Timestamp) -> Result<Vec<BrowserSession>, StoreError> {
    let rows = session::Entity::find()
        .filter(session::Column::UserId.eq(user.as_str()))
        .filter(session::Column::EndedAt.is_null())
        .filter(session::Column::ExpiresAt.gt(now.as_millis()))
        .order_by_desc(session::Column::LastSeenAt)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(read).collect())
}

pub(crate) async fn insert(tx: &Tx, session: &BrowserSession, cookie: &SecretDigest) -> Result<(), StoreError> {
    let authentication = &session.authentication;
    tx.insert(session::Model {
        id: session.id.as_str().to_owned(),
        cookie: cookie.as_str().to_owned(),
        user_id: authentication.user_id.as_str().to_owned(),
        auth_time: authentication.auth_time.as_millis(),
        acr: authentication.acr.as_str().to_owned(),
        device_id: authentication.device_id.as_ref().map(|device| device.as_str().to_owned()),
        unnamed: authentication.unnamed,
        browser: session.browser.0.as_str().to_owned(),
        address: session.origin.address.clone(),
        user_agent: session.origin.user_agent.clone(),
        created_at: session.created_at.as_millis(),
        last_seen_at: session.last_seen_at.as_millis(),
        expires_at: session.expires_at.as_millis(),
        ended_at: millis(session.ended_at),
    })
    .await
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

/// Ends every session of a person, as [`end`]; returns those that this call ended. The caller has locked the user's row.
pub(crate) async fn end_all_for_user(tx: &Tx, user: &UserId, now: Timestamp) -> Result<Vec<SessionId>, StoreError> {
    let mut ended = Vec::new();
    for (id, _phone) in open_of_user(tx, user).await? {
        if end(tx, &id, now).await? {
            ended.push(id);
        }
    }
    Ok(ended)
}

/// Ends every session of a person that `phone` approved, as [`end`], and locks the rows of their others: a code of an earlier
/// login may be waiting in one. The caller has locked the user's row.
pub(crate) async fn end_all_for_phone(tx: &Tx, user: &UserId, phone: &DeviceId, now: Timestamp) -> Result<(), StoreError> {
    for (id, approved_by) in open_of_user(tx, user).await? {
        if approved_by.as_deref() == Some(phone.as_str()) {
            end(tx, &id, now).await?;
        } else {
            lock_row(tx, &id).await?;
        }
    }
    Ok(())
}

/// Not ended, expired ones included, in the order in which their turns are taken, with the phones that approved them.
async fn open_of_user(tx: &Tx, user: &UserId) -> Result<Vec<(SessionId, Option<String>)>, StoreError> {
    let open: Vec<(String, Option<String>)> = session::Entity::find()
        .select_only()
        .column(session::Column::Id)
        .column(session::Column::DeviceId)
        .filter(session::Column::UserId.eq(user.as_str()))
        .filter(session::Column::EndedAt.is_null())
        .order_by_asc(session::Column::Id)
        .into_tuple()
        .all(tx.db())
        .await?;
    Ok(open.into_iter().map(|(id, phone)| (SessionId::new(id), phone)).collect())
}

pub(super) fn read(model: session::Model) -> BrowserSession {
    BrowserSession {
        authentication: Authentication {
            user_id: UserId::new(model.user_id),
            session_id: Some(SessionId::new(model.id.clone())),
            auth_time: Timestamp::from_millis(model.auth_time),
            acr: acr(&model.acr),
            device_id: model.device_id.map(DeviceId::new),
            unnamed: model.unnamed,
        },
        browser: BrowserKey(SecretDigest::from_stored(model.browser)),
        origin: RequestSource { address: model.address, user_agent: model.user_agent },
        created_at: Timestamp::from_millis(model.created_at),
        last_seen_at: Timestamp::from_millis(model.last_seen_at),
        expires_at: Timestamp::from_millis(model.expires_at),
        ended_at: moment(model.ended_at),
        id: SessionId::new(model.id),
    }
}
