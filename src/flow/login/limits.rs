//! How often a phone may be asked (security bar 134–136), counted in the database so that every node sees the same.
//!
//! A stranger is told of a limit by what was typed and where it came from, and by nothing else: a name that nobody has is
//! counted as one that somebody has. What is counted by the person, for all spellings of their name together, is not told: who
//! is over it goes on as a decoy (security bar 138, 139). Browsers that signed in as the person before have a quota of their
//! own: a stranger cannot use up theirs.

use std::time::Duration;

use crate::domain::clock::Timestamp;
use crate::flow::settings::Limits;
use crate::store::pushes::Push;
use crate::store::{Db, StoreError, Tx, pushes};

const TEN_MINUTES: Duration = Duration::from_secs(600);
const DAY: Duration = Duration::from_secs(86_400);

/// What the limits say to an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Somebody may be asked.
    Free,
    /// Nobody may be asked, and nobody may be told why: the attempt goes on as a decoy.
    Pretend,
    /// Too often: said by what was typed, by the browser or by where it came from.
    Told,
    /// Strangers asked too many people, all together: said whatever was typed. The first of these in ten minutes is `new`.
    Flooded {
        /// Whether to raise the alarm.
        new: bool,
    },
}

/// Attempts of one browser at the same moment take turns where its open logins are counted, before they are counted.
///
/// # Errors
/// When the database fails.
pub async fn take_browser_turn(tx: &Tx, limits: &Limits, attempt: &Push) -> Result<(), StoreError> {
    if limits.pending_per_browser.is_none() {
        return Ok(());
    }
    pushes::lock_counter(tx, format!("browser/{}", attempt.browser.0.as_str()), attempt.at).await
}

/// Attempts for one name at the same moment take turns, before anything is counted for it.
///
/// # Errors
/// When the database fails.
pub async fn take_name_turn(tx: &Tx, limits: &Limits, attempt: &Push) -> Result<(), StoreError> {
    if !counts_person(limits, attempt) {
        return Ok(());
    }
    pushes::lock_counter(tx, format!("name/{}/{}", attempt.upstream, attempt.typed), attempt.at).await
}

/// Whether a limit counts what this attempt's person is asked. A QR code without a name asks nobody in particular.
const fn counts_person(limits: &Limits, attempt: &Push) -> bool {
    let limited = if attempt.remembered {
        limits.push_per_remembered_person_10min.is_some()
    } else {
        limits.push_per_person_10min.is_some() || limits.push_per_person_day.is_some()
    };
    limited && !attempt.target.is_empty()
}

/// Whether the requests of strangers to all people are counted, and this is one.
const fn counts_all(limits: &Limits, attempt: &Push) -> bool {
    limits.push_all_people_10min.is_some() && !attempt.remembered && !attempt.target.is_empty()
}

/// What the limits say to this attempt, `pending` being the other logins that its browser has under way. Asked inside the
/// write that counts it, so that attempts at the same moment cannot all find room.
///
/// # Errors
/// When the database fails.
pub async fn verdict(tx: &Tx, limits: &Limits, attempt: &Push, pending: usize) -> Result<Verdict, StoreError> {
    if is_reached(limits.pending_per_browser, u64::try_from(pending).unwrap_or(u64::MAX)) {
        return Ok(Verdict::Told);
    }
    lock_counters(tx, limits, attempt).await?;
    if attempt.remembered {
        let asked_too_often = counts_person(limits, attempt) && remembered_asked_too_often(tx, limits, attempt).await?;
        return Ok(if asked_too_often { Verdict::Told } else { Verdict::Free });
    }
    if source_is_too_busy(tx, limits, attempt).await? {
        return Ok(Verdict::Told);
    }
    if attempt.target.is_empty() {
        return Ok(Verdict::Free);
    }
    let denied = denied(tx, limits, attempt).await?;
    if denied == Verdict::Told || name_is_typed_too_often(tx, limits, attempt).await? {
        return Ok(Verdict::Told);
    }
    if counts_all(limits, attempt)
        && is_reached(limits.push_all_people_10min, pushes::count_sent_by_strangers(tx, attempt.at.minus(TEN_MINUTES)).await?)
    {
        let since = attempt.at.minus(TEN_MINUTES);
        return Ok(Verdict::Flooded { new: pushes::is_first(tx, "alarm/all".to_owned(), since, attempt.at).await? });
    }
    if person_is_asked_too_often(tx, limits, attempt).await? {
        return Ok(Verdict::Pretend);
    }
    Ok(denied)
}

/// Attempts at the same moment, here or on other nodes, take turns: they cannot all find room. Always in this order: two
/// attempts never wait for each other.
async fn lock_counters(tx: &Tx, limits: &Limits, attempt: &Push) -> Result<(), StoreError> {
    let (upstream, now) = (attempt.upstream, attempt.at);
    if counts_person(limits, attempt) {
        pushes::lock_counter(tx, format!("{upstream}/{}", attempt.target), now).await?;
    }
    if attempt.remembered {
        return Ok(());
    }
    if limits.push_per_source_10min.is_some() {
        pushes::lock_counter(tx, format!("source/{}", attempt.source), now).await?;
    }
    if let (Some(_), Some(network)) = (limits.push_per_network_10min, &attempt.network) {
        pushes::lock_counter(tx, format!("source/{network}"), now).await?;
    }
    if counts_all(limits, attempt) {
        pushes::lock_counter(tx, "all".to_owned(), now).await?;
    }
    Ok(())
}

/// Whether `count` has come to a limit, if there is one.
fn is_reached(limit: Option<u32>, count: u64) -> bool {
    limit.is_some_and(|most| count >= u64::from(most))
}

async fn remembered_asked_too_often(db: &Db, limits: &Limits, attempt: &Push) -> Result<bool, StoreError> {
    let since = attempt.at.minus(TEN_MINUTES);
    let asked = pushes::count_sent(db, attempt.upstream, &attempt.target, since, true).await?;
    Ok(is_reached(limits.push_per_remembered_person_10min, asked))
}

/// Whether the source or the network of an attempt has made as many as it may.
///
/// # Errors
/// When the database fails.
pub async fn source_is_too_busy(db: &Db, limits: &Limits, attempt: &Push) -> Result<bool, StoreError> {
    let since = attempt.at.minus(TEN_MINUTES);
    if limits.push_per_source_10min.is_some()
        && is_reached(limits.push_per_source_10min, pushes::count_source(db, &attempt.source, since).await?)
    {
        return Ok(true);
    }
    match (&attempt.network, limits.push_per_network_10min) {
        (Some(network), Some(_)) => Ok(is_reached(limits.push_per_network_10min, pushes::count_network(db, network, since).await?)),
        _no_network_or_limit => Ok(false),
    }
}

/// Whether the person declined a request from this source a short while ago. Told where the same name was typed.
async fn denied(db: &Db, limits: &Limits, attempt: &Push) -> Result<Verdict, StoreError> {
    let Some(pause) = limits.denial_pause else { return Ok(Verdict::Free) };
    let since = attempt.at.minus(pause);
    let denials = pushes::list_denials(db, attempt.upstream, &attempt.target, &attempt.source, since).await?;
    Ok(match denials.as_slice() {
        [] => Verdict::Free,
        some if some.iter().any(|(_, typed)| *typed == attempt.typed) => Verdict::Told,
        _other_names => Verdict::Pretend,
    })
}

async fn name_is_typed_too_often(db: &Db, limits: &Limits, attempt: &Push) -> Result<bool, StoreError> {
    let typed = |since: Timestamp| pushes::count_typed(db, attempt.upstream, &attempt.typed, since);
    if limits.push_per_person_10min.is_some() && is_reached(limits.push_per_person_10min, typed(attempt.at.minus(TEN_MINUTES)).await?) {
        return Ok(true);
    }
    Ok(limits.push_per_person_day.is_some() && is_reached(limits.push_per_person_day, typed(attempt.at.minus(DAY)).await?))
}

async fn person_is_asked_too_often(db: &Db, limits: &Limits, attempt: &Push) -> Result<bool, StoreError> {
    let sent = |since: Timestamp| pushes::count_sent(db, attempt.upstream, &attempt.target, since, false);
    if limits.push_per_person_10min.is_some() && is_reached(limits.push_per_person_10min, sent(attempt.at.minus(TEN_MINUTES)).await?) {
        return Ok(true);
    }
    Ok(limits.push_per_person_day.is_some() && is_reached(limits.push_per_person_day, sent(attempt.at.minus(DAY)).await?))
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
            typed: target.to_owned(),
            source: String::new(),
            network: None,
            browser: BrowserKey(SecretDigest::of(b"browser")),
            remembered,
            sent: true,
            at: Timestamp::from_seconds(1),
        };
        let strangers = Limits { push_per_person_day: Some(3), ..Limits::off() };
        let remembered = Limits { push_per_remembered_person_10min: Some(3), ..Limits::off() };
        let all = Limits { push_all_people_10min: Some(3), ..Limits::off() };
        assert!(counts_person(&strangers, &attempt("alice", false)) && !counts_person(&strangers, &attempt("alice", true)));
        assert!(counts_person(&remembered, &attempt("alice", true)) && !counts_person(&remembered, &attempt("alice", false)));
        assert!(!counts_person(&strangers, &attempt("", false)), "nobody in particular");
        assert!(!counts_person(&Limits::off(), &attempt("alice", false)));
        assert!(counts_all(&all, &attempt("alice", false)) && !counts_all(&all, &attempt("alice", true)));
        assert!(!counts_all(&all, &attempt("", false)) && !counts_all(&strangers, &attempt("alice", false)));
    }
}
