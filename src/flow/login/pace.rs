//! How the phone services behaved lately on this node: how long a create took, and whether it failed. A decoy takes as long
//! and fails alike, so that an unknown name cannot be told from a known one by the clock (security bar 139).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::domain::clock::Timestamp;
use crate::domain::user::Upstream;

/// How long a failure is taken as the service's present condition.
const FAILURE_COUNTS: Duration = Duration::from_secs(20);
/// What a create takes before any was measured.
const FIRST_GUESS: Duration = Duration::from_millis(15);

#[derive(Clone, Copy, Debug)]
struct Observed {
    typical: Duration,
    failed_at: Option<Timestamp>,
}

/// The observations of one node.
#[derive(Clone, Debug, Default)]
pub struct Pace(Arc<Mutex<HashMap<Upstream, Observed>>>);

impl Pace {
    /// Notes a create call: how long it took and whether the service was out of reach.
    pub fn observe(&self, upstream: Upstream, took: Duration, unreachable: bool, now: Timestamp) {
        let mut observed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = observed.entry(upstream).or_insert(Observed { typical: took, failed_at: None });
        entry.failed_at = unreachable.then_some(now);
        if !unreachable {
            entry.typical = (entry.typical * 3 + took) / 4;
        }
    }

    /// How long a create takes at present.
    pub fn typical(&self, upstream: Upstream) -> Duration {
        let observed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        observed.get(&upstream).map_or(FIRST_GUESS, |entry| entry.typical)
    }

    /// Whether the last create failed a moment ago.
    pub fn is_down(&self, upstream: Upstream, now: Timestamp) -> bool {
        let observed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        observed.get(&upstream).and_then(|entry| entry.failed_at).is_some_and(|at| now.since(at) < FAILURE_COUNTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_forgotten_after_a_while_and_after_a_success() {
        let pace = Pace::default();
        let start = Timestamp::from_seconds(100);
        pace.observe(Upstream::SecSign, Duration::from_secs(5), true, start);
        assert!(pace.is_down(Upstream::SecSign, start));
        assert!(!pace.is_down(Upstream::ThumbSignIn, start));
        assert!(!pace.is_down(Upstream::SecSign, start.plus(FAILURE_COUNTS)));
        pace.observe(Upstream::SecSign, Duration::from_millis(40), false, start);
        assert!(!pace.is_down(Upstream::SecSign, start));
    }
}
