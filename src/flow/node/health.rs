//! Whether a phone service works, as this node finds. After five creates in a row that came to nothing it is down: a login for
//! it ends at once, and people are offered another service. A decoy ends as any other login does (checks 138, 139). What finds
//! that an outage is over is therefore a harmless call of our own: a login that did would be somebody's.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::domain::user::Upstream;
use crate::flow::prelude::*;
use crate::upstream::{BeginError, Found, Probed, counted};

/// So many creates in a row, and within how long.
const FAILURES: usize = 5;
const WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug)]
enum Service {
    /// With the moments at which its latest creates came to nothing.
    Works(Vec<Timestamp>),
    Down,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Health(Arc<Mutex<HashMap<Upstream, Service>>>);

impl Health {
    pub(crate) fn is_down(&self, upstream: Upstream) -> bool {
        matches!(self.0.lock().get(&upstream), Some(Service::Down))
    }

    /// Notes what came of a create. One that was under way when the service went down does not matter any more.
    pub(crate) fn created<T>(&self, upstream: Upstream, answer: &Result<T, BeginError>, now: Timestamp) {
        let failed = answer.as_ref().is_err_and(BeginError::is_outage);
        let mut all = self.0.lock();
        let service = all.entry(upstream).or_insert_with(|| Service::Works(Vec::new()));
        let Service::Works(failures) = service else { return };
        if failed {
            failures.retain(|at| now.since(*at) < WITHIN);
            failures.push(now);
        } else {
            failures.clear();
        }
        show(upstream, !failed);
        if failures.len() >= FAILURES {
            *service = Service::Down;
            tracing::warn!(%upstream, "a phone service is down: no phone is asked through it until it answers again");
        }
    }

    /// Notes whether a question about a login was answered.
    pub(crate) fn polled(&self, upstream: Upstream, answered: bool) {
        let all = self.0.lock();
        if !matches!(all.get(&upstream), Some(Service::Down)) {
            show(upstream, answered);
        }
    }

    fn recovered(&self, upstream: Upstream) {
        let mut all = self.0.lock();
        all.insert(upstream, Service::Works(Vec::new()));
        show(upstream, true);
        tracing::info!(%upstream, "a phone service works again: phones are asked through it");
    }
}

fn show(upstream: Upstream, is_up: bool) {
    metrics::PROVIDER_UP.set([upstream.as_str()], if is_up { 1.0 } else { 0.0 });
}

/// Asks a service that is down whether it works again.
pub(crate) async fn look(op: &Op, upstream: Upstream) {
    let Some(service) = op.upstreams.get(&upstream).filter(|_service| op.health.is_down(upstream)) else { return };
    let word = |found: &Vec<Probed>| if works(found) { "ok" } else { "unavailable" };
    if works(&counted(upstream, "probe", service.probe(), word).await) {
        // No create was made for a while, so that decoys would go on failing as the latest ones did.
        op.latency.forget_failures(upstream);
        op.health.recovered(upstream);
    }
}

/// A service that has nothing to ask is tried again by the next logins.
fn works(found: &[Probed]) -> bool {
    found.is_empty() || found.iter().any(|probed| probed.found == Found::Working)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Outcome = fn() -> Result<(), BeginError>;

    /// Whether the service is down after so many creates, so many seconds apart, that all came to this.
    fn is_down_after(times: u64, apart: u64, outcome: Outcome) -> bool {
        let health = Health::default();
        for number in 0..times {
            let at = Timestamp::from_seconds(100).plus(Duration::from_secs(number * apart));
            health.created(Upstream::SecSign, &outcome(), at);
        }
        assert!(!health.is_down(Upstream::ThumbSignIn), "the other service");
        health.is_down(Upstream::SecSign)
    }

    #[test]
    fn five_creates_in_a_row_that_came_to_nothing_within_a_minute_are_an_outage() {
        let outages: [Outcome; 5] = [
            || Err(BeginError::Unreachable("no connection".into())),
            || Err(BeginError::InDoubt("no answer".into())),
            || Err(BeginError::answered(500, "HTTP 500", true)),
            || Err(BeginError::answered(503, "words of its own", false)),
            || Err(BeginError::answered(429, "HTTP 429", false)),
        ];
        for outage in outages {
            let error = outage();
            assert!(!is_down_after(4, 0, outage), "{error:?}");
            assert!(is_down_after(5, 14, outage), "{error:?}");
            assert!(!is_down_after(20, 15, outage), "{error:?}: never five in a minute");
        }
    }

    #[test]
    fn a_service_that_answers_is_not_down_whatever_it_says() {
        let answers: [Outcome; 5] = [
            || Ok(()),
            || Err(BeginError::NotRegistered),
            || Err(BeginError::Frozen),
            || Err(BeginError::unusable("nonsense", true, None)),
            || Err(BeginError::answered(404, "HTTP 404", false)),
        ];
        for answer in answers {
            assert!(!is_down_after(20, 0, answer), "{:?}", answer());
            let (health, now) = (Health::default(), Timestamp::from_seconds(100));
            let create = |outcome: Result<(), BeginError>| health.created(Upstream::SecSign, &outcome, now);
            let fail = || create(Err(BeginError::Unreachable("no connection".into())));
            (0..4).for_each(|_time| fail());
            create(answer());
            (0..4).for_each(|_time| fail());
            assert!(!health.is_down(Upstream::SecSign), "begun anew after {:?}", answer());
            fail();
            create(answer());
            assert!(health.is_down(Upstream::SecSign), "{:?} came too late", answer());
        }
    }

    #[test]
    fn any_host_that_works_is_enough_and_no_other_answer_is() {
        let probed = |found| Probed { found, date: None };
        let bad = || [Found::Refused("401".into()), Found::Unusable("html".into()), Found::Unavailable("503".into())];
        for found in bad() {
            assert!(!works(&[probed(found.clone())]), "{found:?}");
            assert!(works(&[probed(found.clone()), probed(Found::Working)]), "{found:?}");
        }
        assert!(!works(&bad().map(probed)) && works(&[]));
    }
}
