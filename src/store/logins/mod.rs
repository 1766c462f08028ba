//! Logins: written as `creating` before an upstream is called (decision 2.7), moved from stage to stage by conditional
//! statements ([`transitions`](self)), polled by whoever holds the lease (decision 2.8).
//!
//! The upstream handle acts as a bearer secret at the upstream: callers seal the text in a [`Login`]'s [`UpstreamHandle`] before,
//! and open it after.

mod row;
mod slots;
mod transitions;

pub(super) use row::OPEN_STAGES;
pub(crate) use slots::{find_name_holder, release_all, release_own, release_person, take_browser_slot, take_name_slot};
pub(crate) use transitions::{approve, begun, consume, disguise, end, go_on_as_decoy, lease, mark_fetched, release_lease};

use super::prelude::*;
use crate::domain::login::{Challenge, End, FINISH_GRACE, Login, LoginStage, Purpose, Reason, Subject, UpstreamHandle};
use crate::domain::secret::Secret;

/// The login with this id, in the stage that was last written; see [`Login::stage_at`].
pub(crate) async fn find(db: &Db, id: &LoginId) -> Result<Option<Login>, StoreError> {
    login::Entity::find_by_id(id.clone()).one(db).await?.map(row::read).transpose()
}

/// The sealed handle of a login, whatever its stage: to withdraw a request whose login has ended here.
pub(crate) async fn find_handle(db: &Db, id: &LoginId) -> Result<Option<UpstreamHandle>, StoreError> {
    let sealed: Option<Option<String>> =
        login::Entity::find_by_id(id.clone()).select_only().column(login::Column::SealedHandle).into_tuple().one(db).await?;
    Ok(sealed.flatten().map(|text| UpstreamHandle(Secret::new(text))))
}

/// The open logins of a browser, the latest first.
pub(crate) async fn list_open_for_browser(db: &Db, browser: &BrowserKey, now: Timestamp) -> Result<Vec<Login>, StoreError> {
    let open = "WHERE browser = $1 AND stage IN ($2, $3, $4) AND deadline > $5 ORDER BY created_at DESC, id DESC";
    let [creating, pending, fetched] = OPEN_STAGES;
    readable(db.rows(login::Entity, open, values![&browser.0, creating, pending, fetched, now]).await?, row::read)
}

pub(crate) async fn count_all_open(db: &Db, now: Timestamp) -> Result<u64, StoreError> {
    let [creating, pending, fetched] = OPEN_STAGES;
    let sql = "SELECT COUNT(*) FROM logins WHERE stage IN ($1, $2, $3) AND deadline > $4";
    db.count(sql, values![creating, pending, fetched, now]).await
}

/// The latest login of a browser for this purpose that was approved in time and whose browser may still go on with it.
pub(crate) async fn find_approved(
    db: &Db,
    browser: &BrowserKey,
    purpose: &Purpose,
    now: Timestamp,
) -> Result<Option<Login>, StoreError> {
    let (same, mut values) = row::is_for(purpose)?;
    values.extend(values![&browser.0, row::APPROVED, now.minus(FINISH_GRACE)]);
    let latest = "browser = $3 AND stage = $4 AND consumed_at IS NULL AND deadline > $5 ORDER BY created_at DESC LIMIT 1";
    let rows = db.rows(login::Entity, &format!("WHERE {same} AND {latest}"), values).await?;
    rows.into_iter().next().map(row::read).transpose()
}

/// Of the open logins of a target, decoys too, but for `id`. A page that has run out may stand there a little longer.
pub(crate) async fn list_symbols(
    db: &Db,
    upstream: Upstream,
    target: &str,
    id: &LoginId,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let open = "WHERE target = $1 AND upstream = $2 AND id <> $3 AND stage IN ($4, $5, $6) AND deadline > $7";
    let ([creating, pending, fetched], since) = (OPEN_STAGES, now.minus(FINISH_GRACE));
    let values = values![target, upstream.as_str(), id, creating, pending, fetched, since];
    let rows = db.rows(login::Entity, open, values).await?;
    let symbol = |login: Login| match login.challenge {
        Some(Challenge::AccessPass(image)) => image,
        _other => None,
    };
    Ok(readable(rows, row::read)?.into_iter().filter_map(symbol).collect())
}

/// Open logins that nobody polls, the most urgent first, decoys and overdue ones among them: to be adopted. Those for a purpose or a
/// service that only a newer program knows are that one's.
pub(crate) async fn list_unleased_open(db: &Db, now: Timestamp, limit: u64) -> Result<Vec<Login>, StoreError> {
    let free = "WHERE stage IN ($1, $2, $3) AND (lease_until IS NULL OR lease_until <= $4) ORDER BY deadline LIMIT $5";
    let [creating, pending, fetched] = OPEN_STAGES;
    readable(db.rows(login::Entity, free, values![creating, pending, fetched, now, limit]).await?, row::read)
}

/// How many logins of real users wait for a phone, by phone service. To register a phone is no login.
pub(crate) async fn count_open(db: &Db, now: Timestamp) -> Result<Vec<(String, i64)>, StoreError> {
    let sql = "SELECT upstream, COUNT(*) FROM logins WHERE stage IN ($1, $2, $3) AND deadline > $4 AND subject <> $5 \
               AND purpose <> $6 GROUP BY upstream";
    let [creating, pending, fetched] = OPEN_STAGES;
    db.counts(sql, values![creating, pending, fetched, now, row::DECOY, row::ENROLMENT]).await
}

/// Adds a login. With `hold_until` it also takes the slot of the user who is asked, unless another login holds it at the
/// moment when this one begins (`created_at`). A decoy takes one that nobody else wants: it costs the same. Returns the login
/// that holds the slot instead; nothing was written then.
pub(crate) async fn insert(tx: &Tx, login: &Login, hold_until: Option<Timestamp>) -> Result<Option<LoginId>, StoreError> {
    match (hold_until, &login.subject) {
        (Some(hold_until), Subject::Named(asked)) => {
            let slot = (login.upstream.as_str().to_owned(), asked.upstream_user.as_str());
            if let Some(holder) = slots::take(tx, login, slot, hold_until).await? {
                return Ok(Some(holder));
            }
        }
        (Some(hold_until), Subject::Decoy) => slots::take_nobody(tx, login, hold_until).await?,
        (_, Subject::Unnamed) | (None, _) => {}
    }
    if matches!(login.stage, LoginStage::Ended(End::Failed(Reason::RateLimited | Reason::Busy))) {
        forget_refused(tx, &login.purpose).await?;
    }
    tx.insert(row::to_model(login)?).await?;
    Ok(None)
}

/// Deletes those that a phone may still answer, and those that were approved and not finished. Slots stay until their time.
pub(crate) async fn delete_unused(tx: &Tx) -> Result<u64, StoreError> {
    let [creating, pending, fetched] = OPEN_STAGES;
    let sql = "DELETE FROM logins WHERE stage IN ($1, $2, $3) OR (stage = $4 AND consumed_at IS NULL)";
    tx.changed_rows(sql, values![creating, pending, fetched, row::APPROVED]).await
}

/// Of the refusals for one purpose (a limit, somebody else's open login) the latest is enough, however often somebody asks.
async fn forget_refused(tx: &Tx, purpose: &Purpose) -> Result<(), StoreError> {
    let (same, mut values) = row::is_for(purpose)?;
    values.extend(values![row::FAILED, Reason::RateLimited.as_str(), Reason::Busy.as_str()]);
    let sql = format!("DELETE FROM logins WHERE {same} AND stage = $3 AND reason IN ($4, $5)");
    tx.changes(&sql, values).await.map(drop)
}
