//! How often a phone may be asked (security bar 134–136): per person and per source, counted in the database so that every
//! node sees the same, and counted for unknown names alike, so that the limit does not tell who exists.
//!
//! Browsers that signed in as the person before have a quota of their own: a stranger cannot use up theirs.

use std::time::Duration;

use crate::domain::clock::Timestamp;
use crate::flow::settings::Limits;
use crate::store::pushes::Push;
use crate::store::{Db, StoreError, Tx, pushes};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(86_400);

/// Attempts of one browser at the same moment take turns where its open logins are counted, before they are counted.
///
/// # Errors
/// When the database fails.
pub async fn take_browser_turn(tx: &Tx, limits: &Limits, attempt: &Push) -> Result<(), StoreError> {
    if limits.pending_per_browser.is_none() {
        return Ok(());
    }
    pushes::take_turn(tx, format!("browser/{}", attempt.browser.0.as_str()), attempt.at).await
}

/// Whether a limit counts what this attempt's person is asked. A QR code without a name asks nobody in particular.
const fn counts_person(limits: &Limits, attempt: &Push) -> bool {
    let limited = if attempt.remembered {
        limits.per_person_remembered_10min.is_some()
    } else {
        limits.per_person_10min.is_some() || limits.per_person_day.is_some()
    };
    limited && !attempt.target.is_empty()
}

/// Whether this attempt would exceed a limit, `pending` being the other logins that its browser has under way. Asked inside
/// the write that counts it, so that attempts at the same moment cannot all find room.
///
/// # Errors
/// When the database fails.
pub async fn exceeded(tx: &Tx, limits: &Limits, attempt: &Push, pending: usize) -> Result<bool, StoreError> {
    let now = attempt.at;
    if limits.pending_per_browser.is_some_and(|most| u32::try_from(pending).unwrap_or(u32::MAX) >= most) {
        return Ok(true);
    }
    // Attempts at the same moment, here or on other nodes, take turns: they cannot all find room. Always the person before the
    // source: two attempts never wait for each other.
    let counts_person = counts_person(limits, attempt);
    if counts_person {
        pushes::take_turn(tx, format!("{}/{}", attempt.upstream, attempt.target), now).await?;
    }
    if limits.per_source_10min.is_some() && !attempt.remembered {
        pushes::take_turn(tx, format!("source/{}", attempt.address), now).await?;
    }
    let db: &Db = tx;
    if counts_person && person_is_asked_too_often(db, limits, attempt, now).await? {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::browser::BrowserKey;
    use crate::domain::id::LoginId;
    use crate::domain::secret::SecretDigest;
    use crate::domain::user::Upstream;

    #[test]
    fn a_person_is_counted_where_a_limit_does_and_somebody_is_named() {
        let attempt = |target: &str, remembered| Push {
            login_id: LoginId::new("l"),
            upstream: Upstream::ThumbSignIn,
            target: target.to_owned(),
            address: String::new(),
            browser: BrowserKey(SecretDigest::of(b"browser")),
            remembered,
            at: Timestamp::from_seconds(1),
        };
        let strangers = Limits { per_person_day: Some(3), ..Limits::off() };
        let remembered = Limits { per_person_remembered_10min: Some(3), ..Limits::off() };
        assert!(counts_person(&strangers, &attempt("alice", false)) && !counts_person(&strangers, &attempt("alice", true)));
        assert!(counts_person(&remembered, &attempt("alice", true)) && !counts_person(&remembered, &attempt("alice", false)));
        assert!(!counts_person(&strangers, &attempt("", false)), "nobody in particular");
        assert!(!counts_person(&Limits::off(), &attempt("alice", false)));
    }
}
