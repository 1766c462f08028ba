//! How long the upstreams' calls take at present, and whether they fail. A decoy takes as long and fails alike, so that an unknown
//! name cannot be told from a known one by the clock or by an outage (check 139). What is left of a difference, our own reads and
//! statements, drowns in a [`random_delay`].

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use crate::domain::env::Env;
use crate::domain::user::Upstream;
use crate::flow::prelude::*;

/// By then an outage is over, as far as anybody knows.
const FAILURE_COUNTS: Duration = Duration::from_secs(20);
const FIRST_GUESS: Duration = Duration::from_millis(20);
/// What lies between two calls that went alike, besides a quarter of their time.
const JITTER: Duration = Duration::from_millis(10);
/// How many calls are remembered: enough to scatter like the real ones, few enough to be recent.
const REMEMBERED: usize = 8;
/// What the timer may be late by. A call that was made and one that was pretended both end with a wait of so much more, so that
/// they are late alike.
const TICK: Duration = Duration::from_millis(1);
/// How much longer than its work an answer may take, at random: many times what a known and an unknown name differ by.
const MOST_DELAY: u64 = 25_600;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Call {
    /// With all that is read and written about it, in fewer or more statements by whose name it is.
    Create,
    /// Withdrawing the request, until the user's slot is free again.
    Cancel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) took: Duration,
    /// Why it failed, for a reason that has nothing to do with the user.
    pub(crate) failed: Option<Reason>,
    pub(crate) at: Timestamp,
}

impl Observed {
    pub(crate) async fn pass(&self, started: Instant) {
        sleep_until(started + self.took + TICK).await;
    }

    /// Whether it went as `latest` did: with the same end, in about the same time.
    fn is_like(&self, latest: &Self) -> bool {
        self.failed == latest.failed && self.took.abs_diff(latest.took) <= latest.took / 4 + JITTER
    }
}

/// The newest first.
type Recent = HashMap<(Upstream, Call), VecDeque<Observed>>;

#[derive(Clone, Debug, Default)]
pub(crate) struct LatencyModel(Arc<Mutex<Recent>>);

impl LatencyModel {
    pub(crate) fn observe(&self, upstream: Upstream, call: Call, observed: Observed) {
        let mut all = self.0.lock();
        let recent = all.entry((upstream, call)).or_default();
        recent.truncate(REMEMBERED - 1);
        recent.push_front(observed);
    }

    /// Notes a call that was made since `started`, and ends it at the timer's next tick.
    pub(crate) async fn record(&self, (upstream, call, env): (Upstream, Call, &Env), started: Instant, failed: Option<Reason>) {
        let observed = Observed { took: started.elapsed(), failed, at: env.now() };
        self.observe(upstream, call, observed);
        observed.pass(started).await;
    }

    /// The service works again: how its calls failed is no measure of the next ones.
    pub(super) fn forget_failures(&self, upstream: Upstream) {
        for ((of, _call), recent) in self.0.lock().iter_mut() {
            if *of == upstream {
                recent.retain(|observed| observed.failed.is_none());
            }
        }
    }

    pub(crate) fn sample(&self, (upstream, call, env): (Upstream, Call, &Env)) -> Result<Observed, RandomError> {
        let [random] = env.random_bytes()?;
        Ok(self.sample_by(upstream, call, env.now(), random))
    }

    /// How a call would go now: as the latest did, or one of the few before it that went alike; `random` chooses.
    fn sample_by(&self, upstream: Upstream, call: Call, now: Timestamp, random: u8) -> Observed {
        let all = self.0.lock();
        let recent = all.get(&(upstream, call)).into_iter().flatten();
        let recent = recent.filter(|observed| observed.failed.is_none() || now.since(observed.at) < FAILURE_COUNTS);
        let Some(latest) = recent.clone().next() else { return Observed { took: FIRST_GUESS, failed: None, at: now } };
        let alike: Vec<Observed> = recent.filter(|observed| observed.is_like(latest)).copied().collect();
        alike.get(usize::from(random) % alike.len().max(1)).copied().unwrap_or(*latest)
    }
}

/// Waits for a moment of random length. Comes after all work of an answer that differs by whether a name exists.
pub(crate) async fn random_delay(env: &Env) -> Result<(), RandomError> {
    let random = u64::from(u16::from_le_bytes(env.random_bytes()?));
    sleep(Duration::from_micros(random * MOST_DELAY / u64::from(u16::MAX))).await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_seconds(100);

    fn observe(model: &LatencyModel, millis: u64, failed: Option<Reason>, at: Timestamp) {
        model.observe(Upstream::SecSign, Call::Create, Observed { took: Duration::from_millis(millis), failed, at });
    }

    fn now(model: &LatencyModel, at: Timestamp, chance: u8) -> (u128, Option<Reason>) {
        let like = model.sample_by(Upstream::SecSign, Call::Create, at, chance);
        (like.took.as_millis(), like.failed)
    }

    #[test]
    fn a_decoy_goes_as_the_calls_of_late_did() {
        let model = LatencyModel::default();
        assert_eq!(now(&model, START, 7), (20, None), "before anything was measured");
        for millis in [400, 30, 40, 50] {
            observe(&model, millis, None, START);
        }
        assert_eq!((0..6).map(|chance| now(&model, START, chance).0).collect::<Vec<_>>(), [50, 40, 30, 50, 40, 30]);
        assert_eq!(model.sample_by(Upstream::SecSign, Call::Cancel, START, 0).took, FIRST_GUESS, "another call");
        assert_eq!(model.sample_by(Upstream::ThumbSignIn, Call::Create, START, 0).took, FIRST_GUESS, "another service");
    }

    #[test]
    fn a_time_out_is_taken_over_at_once_with_its_length() {
        let model = LatencyModel::default();
        observe(&model, 20, None, START);
        observe(&model, 5000, Some(Reason::UpstreamDown), START);
        for chance in 0..9 {
            assert_eq!(now(&model, START, chance), (5000, Some(Reason::UpstreamDown)));
        }
        assert_eq!(now(&model, START.plus(FAILURE_COUNTS), 0), (20, None), "forgotten after a while");
        observe(&model, 25, None, START);
        assert_eq!(now(&model, START, 0), (25, None), "and after a success");
    }

    #[test]
    fn after_an_outage_a_decoy_goes_as_the_calls_before_it_did() {
        let model = LatencyModel::default();
        observe(&model, 20, None, START);
        observe(&model, 5000, Some(Reason::UpstreamDown), START);
        model.forget_failures(Upstream::ThumbSignIn);
        assert_eq!(now(&model, START, 0), (5000, Some(Reason::UpstreamDown)), "another service");
        model.forget_failures(Upstream::SecSign);
        assert_eq!(now(&model, START, 0), (20, None));
    }

    #[test]
    fn a_service_that_became_slow_is_followed_by_the_next_call() {
        let model = LatencyModel::default();
        (0..20).for_each(|_call| observe(&model, 20, None, START));
        observe(&model, 900, None, START);
        assert!((0..9).all(|chance| now(&model, START, chance) == (900, None)));
    }
}
