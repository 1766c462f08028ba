//! Logins: written as `creating` before an upstream is called (decision 2.7), moved from stage to stage by conditional
//! statements ([`transitions`](self)), polled by whoever holds the lease (decision 2.8).
//!
//! The upstream handle acts as a bearer secret at the upstream: callers seal the text in a [`Login`]'s [`UpstreamHandle`] before,
//! and open it after.

mod leases;
mod row;
mod slots;
mod transitions;

pub(crate) use leases::{lease, list_unleased_open, release_lease};
pub(super) use row::OPEN_STAGES;
pub(crate) use slots::{find_name_holder, release_all, release_own, release_person, take_browser_slot, take_name_slot};
pub(crate) use transitions::{approve, begun, consume, disguise, end, go_on_as_decoy, mark_fetched};

use super::prelude::*;
use crate::domain::login::{Challenge, End, FINISH_GRACE, Login, LoginStage, Purpose, Reason, Subject, UpstreamHandle};
use crate::domain::secret::Secret;

/// The login with this id, in the stage that was last written; see [`Login::stage_at`].
pub(crate) async fn find(db: &Db, id: &LoginId) -> Result<Option<Login>, StoreError> {
    login::Entity::find_by_id(id.as_str()).one(db).await?.map(row::read).transpose()
}

/// The sealed handle of a login, whatever its stage: to withdraw a request whose login has ended here.
pub(crate) async fn find_handle(db: &Db, id: &LoginId) -> Result<Option<UpstreamHandle>, StoreError> {
    let sealed: Option<Option<String>> =
        login::Entity::find_by_id(id.as_str()).select_only().column(login::Column::SealedHandle).into_tuple().one(db).await?;
    Ok(sealed.flatten().map(|text| UpstreamHandle(Secret::new(text))))
}

/// The open logins of a browser, the latest first.
pub(crate) async fn list_open_for_browser(db: &Db, browser: &BrowserKey, now: Timestamp) -> Result<Vec<Login>, StoreError> {
    let rows = login::Entity::find()
        .filter(login::Column::Browser.eq(browser.0.as_str()))
        .filter(login::Column::Stage.is_in(row::OPEN_STAGES))
        .filter(login::Column::Deadline.gt(now.as_millis()))
        .order_by_desc(login::Column::CreatedAt)
        .order_by_desc(login::Column::Id)
        .all(db)
        .await?;
    readable(rows, row::read)
}

/// The latest login of a browser for this purpose that was approved in time and whose browser may still go on with it.
pub(crate) async fn find_approved(
    db: &Db,
    browser: &BrowserKey,
    purpose: &Purpose,
    now: Timestamp,
) -> Result<Option<Login>, StoreError> {
    let row = login::Entity::find()
        .filter(login::Column::Browser.eq(browser.0.as_str()))
        .filter(row::is_for(purpose)?)
        .filter(login::Column::Stage.eq(row::APPROVED))
        .filter(login::Column::ConsumedAt.is_null())
        .filter(login::Column::Deadline.gt(now.minus(FINISH_GRACE).as_millis()))
        .order_by_desc(login::Column::CreatedAt)
        .one(db)
        .await?;
    row.map(row::read).transpose()
}

/// Of the open logins of a target, decoys too, but for `id`. A page that has run out may stand there a little longer.
pub(crate) async fn list_symbols(
    db: &Db,
    upstream: Upstream,
    target: &str,
    id: &LoginId,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    let rows = login::Entity::find()
        .filter(login::Column::Target.eq(target))
        .filter(login::Column::Upstream.eq(upstream.as_str()))
        .filter(login::Column::Id.ne(id.as_str()))
        .filter(login::Column::Stage.is_in(row::OPEN_STAGES))
        .filter(login::Column::Deadline.gt(now.minus(FINISH_GRACE).as_millis()))
        .all(db)
        .await?;
    let symbol = |login: Login| match login.challenge {
        Some(Challenge::AccessPass(image)) => image,
        _other => None,
    };
    Ok(readable(rows, row::read)?.into_iter().filter_map(symbol).collect())
}

/// How many logins of real users wait for a phone, by phone service.
pub(crate) async fn count_open(db: &Db, now: Timestamp) -> Result<Vec<(String, i64)>, StoreError> {
    Ok(login::Entity::find()
        .select_only()
        .column(login::Column::Upstream)
        .column_as(login::Column::Id.count(), "count")
        .filter(login::Column::Stage.is_in(row::OPEN_STAGES))
        .filter(login::Column::Deadline.gt(now.as_millis()))
        .filter(login::Column::Subject.ne(row::DECOY))
        .group_by(login::Column::Upstream)
        .into_tuple()
        .all(db)
        .await?)
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

/// Of the refusals for one purpose (a limit, somebody else's open login) the latest is enough, however often somebody asks.
async fn forget_refused(tx: &Tx, purpose: &Purpose) -> Result<(), StoreError> {
    login::Entity::delete_many()
        .filter(row::is_for(purpose)?)
        .filter(login::Column::Stage.eq(row::FAILED))
        .filter(login::Column::Reason.is_in([Reason::RateLimited, Reason::Busy].map(Reason::as_str)))
        .exec(tx.db())
        .await?;
    Ok(())
}
