//! How often a phone may be asked (security bar 134–136): per person and per source, counted in the database so that every
//! node sees the same, and counted for unknown names alike, so that the limit does not tell who exists.
//!
//! Browsers that signed in as the person before have a quota of their own: a stranger cannot use up theirs.

use std::time::Duration;

use crate::domain::browser::BrowserKey;
use crate::domain::clock::Timestamp;
use crate::domain::login::Purpose;
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::flow::settings::Limits;
use crate::store::pushes::Push;
use crate::store::{Db, StoreError, logins, pushes};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(86_400);

/// Whether a browser has as many logins under way as it may, those for `purpose` not counted: a new one replaces them.
///
/// # Errors
/// When the database fails.
pub async fn too_many_pending(op: &Op, browser: &BrowserKey, purpose: &Purpose) -> Result<bool, Internal> {
    let Some(most) = op.settings.limits.pending_per_browser else { return Ok(false) };
    let open = logins::list_open_for_browser(op.store.read(), browser, op.env.now()).await?;
    let others = open.iter().filter(|login| login.purpose != *purpose).count();
    Ok(u32::try_from(others).unwrap_or(u32::MAX) >= most)
}

/// Whether this attempt would exceed a limit. Asked inside the write that counts it, so that attempts at the same moment
/// cannot all find room.
///
/// # Errors
/// When the database fails.
pub async fn exceeded(db: &Db, limits: &Limits, attempt: &Push, now: Timestamp) -> Result<bool, StoreError> {
    // A QR code without a name asks nobody in particular.
    if !attempt.target.is_empty() && person_is_asked_too_often(db, limits, attempt, now).await? {
        return Ok(true);
    }
    if attempt.remembered {
        return Ok(false);
    }
    if let Some(most) = limits.per_source_10min
        && pushes::count_source(db, &attempt.address, now.minus(TEN_MINUTES)).await? >= u64::from(most)
    {
        return Ok(true);
    }
    let Some(pause) = limits.denial_pause else { return Ok(false) };
    let denied = pushes::last_denial(db, attempt.upstream, &attempt.target, &attempt.address).await?;
    Ok(denied.is_some_and(|at| now.since(at) < pause))
}

async fn person_is_asked_too_often(db: &Db, limits: &Limits, attempt: &Push, now: Timestamp) -> Result<bool, StoreError> {
    let since = |since: Timestamp| pushes::count_target(db, attempt.upstream, &attempt.target, since, attempt.remembered);
    let lately = if attempt.remembered { limits.per_person_remembered_10min } else { limits.per_person_10min };
    if let Some(most) = lately
        && since(now.minus(TEN_MINUTES)).await? >= u64::from(most)
    {
        return Ok(true);
    }
    match limits.per_person_day {
        Some(most) if !attempt.remembered => Ok(since(now.minus(DAY)).await? >= u64::from(most)),
        _no_limit => Ok(false),
    }
}
