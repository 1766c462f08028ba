//! Small recurring work: follow the signing keys that another node or a command changed, delete what is long dead and give its
//! space back, write refused requests down, notice when the machine's clock was set, ask a phone service that is down whether it
//! works again.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::clock::StepWatch;
use crate::domain::user::Upstream;
use crate::flow::Op;
use crate::flow::node::health;
use crate::flow::refusals;
use crate::metrics;

/// How soon a rotated key is known on every node: commands are in force within a second (design 3).
const KEYS: Duration = Duration::from_millis(500);
/// How often dead rows are deleted. Nothing depends on it: every deadline is compared where it matters.
const CLEAN_UP: Duration = Duration::from_secs(60);
/// How soon `client check` knows of a refused request, and how often at most a commit is spent on them.
const REFUSALS: Duration = Duration::from_secs(1);
pub(super) const CLOCK: Duration = Duration::from_secs(5);
/// How soon it is noticed that a phone service works again.
pub(super) const OUTAGE: Duration = Duration::from_secs(5);
const FIRST_CLEAN_UP: Duration = Duration::from_secs(5);

pub(super) async fn follow_keys(op: Op, stop: CancellationToken) {
    while pause(&stop, KEYS).await {
        if let Err(error) = op.keys.refresh().await {
            tracing::warn!(%error, "the signing keys could not be read; the known ones stay in use");
        }
    }
}

/// Soon after the start, so that a node that never runs for long does it too, and then again and again.
pub(super) async fn clean_up(op: Op, stop: CancellationToken) {
    let mut wait = FIRST_CLEAN_UP;
    while pause(&stop, wait).await {
        wait = CLEAN_UP;
        let now = op.env.now();
        if let Err(error) = crate::store::cleanup::delete_expired(&op.store, now, op.settings.audit_keep).await {
            tracing::warn!(%error, "clean-up failed; it is tried again");
        }
        if let Err(error) = op.store.give_back_space().await {
            tracing::warn!(%error, "free space could not be given back; it is tried again");
        }
        if let Err(error) = op.keys.tidy().await {
            tracing::warn!(%error, "retired keys could not be deleted; it is tried again");
        }
    }
}

/// The last time after the stop was asked for.
pub(super) async fn write_refusals(op: Op, stop: CancellationToken) {
    loop {
        let goes_on = pause(&stop, REFUSALS).await;
        if let Err(error) = refusals::write_down(&op).await {
            tracing::warn!(%error, "refused requests could not be written down; the log has them");
        }
        if !goes_on {
            return;
        }
    }
}

/// Says aloud when somebody sets the machine's clock. Nothing that was used up comes back by it.
pub(super) async fn watch_clock(op: Op, every: Duration, stop: CancellationToken) {
    let begun = Instant::now();
    let mut watch = StepWatch::new(op.env.now(), Duration::ZERO);
    while pause(&stop, every).await {
        if let Some(by) = watch.look(op.env.now(), begun.elapsed()) {
            metrics::CLOCK_STEPS.add([if by > 0 { "forward" } else { "back" }]);
            tracing::warn!(seconds = by / 1000, "the machine's clock was set");
        }
    }
}

pub(super) async fn look_after(op: Op, upstream: Upstream, every: Duration, stop: CancellationToken) {
    while pause(&stop, every).await {
        stop.run_until_cancelled(health::look(&op, upstream)).await;
    }
}

/// False: it is time to stop.
async fn pause(stop: &CancellationToken, time: Duration) -> bool {
    tokio::time::timeout(time, stop.cancelled()).await.is_err()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::flow::login::tests::scene::Scene;
    use crate::flow::token::tests::Bench;

    /// The value of the metric, which all tests share.
    fn steps(direction: &str) -> u64 {
        let name = format!("signbridge_clock_steps_total{{direction=\"{direction}\"}} ");
        let text = metrics::render().unwrap();
        text.lines().find_map(|line| line.strip_prefix(&name)).map_or(0, |count| count.parse().unwrap())
    }

    #[tokio::test]
    async fn a_clock_that_is_set_is_counted() {
        let bench = Bench::new().await;
        let stop = CancellationToken::new();
        let job = tokio::spawn(watch_clock(bench.op.clone(), Duration::from_millis(5), stop.clone()));
        let until = async |direction, count| {
            while steps(direction) < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::task::yield_now().await;
        for (hours, times) in [(1, 1), (24, 2)] {
            bench.clock.advance(Duration::from_secs(hours * 3600));
            tokio::time::timeout(Duration::from_secs(20), until("forward", times)).await.unwrap();
        }
        bench.clock.rewind(Duration::from_secs(3600));
        tokio::time::timeout(Duration::from_secs(20), until("back", 1)).await.unwrap();
        stop.cancel();
        job.await.unwrap();
    }

    /// Looks until it is so.
    async fn until(look: impl Fn() -> bool) {
        let soon = async {
            while !look() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), soon).await.unwrap();
    }

    #[tokio::test]
    async fn a_service_that_is_down_is_asked_until_it_works_again_and_then_no_more() {
        let scene = Scene::new(Duration::ZERO).await;
        let (op, stop) = (&scene.bench.op, CancellationToken::new());
        let job = tokio::spawn(look_after(op.clone(), Upstream::SecSign, Duration::from_millis(5), stop.clone()));
        scene.go_down().await;
        until(|| scene.questions() >= 3).await;
        assert!(op.health.is_down(Upstream::SecSign));
        scene.behaviour.is_down.store(false, Ordering::SeqCst);
        until(|| !op.health.is_down(Upstream::SecSign)).await;
        let asked = scene.questions();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(scene.questions(), asked);
        stop.cancel();
        job.await.unwrap();
    }
}
