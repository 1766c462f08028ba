//! What runs in the background. Every job stops when its token is cancelled; none holds anything that another node would need.

mod backchannel;
mod login_poller;
mod maintenance;
mod webhook;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::domain::env::RandomError;
use crate::domain::hex::hex;
use crate::flow::Op;

#[derive(Debug)]
pub(crate) struct Jobs {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Jobs {
    pub(crate) fn start(op: &Op) -> Result<Self, RandomError> {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        // A name for this process, new at every start: a lease of the process before is never mistaken for one's own.
        let node = hex(&op.env.random_bytes::<8>()?);
        tasks.spawn(login_poller::run(op.clone(), node.clone(), stop.clone()));
        tasks.spawn(backchannel::run(op.clone(), node.clone(), stop.clone()));
        if let Some(hook) = &op.settings.webhook {
            tasks.spawn(webhook::run(op.clone(), hook.clone(), node, stop.clone()));
        }
        tasks.spawn(maintenance::follow_keys(op.clone(), stop.clone()));
        tasks.spawn(maintenance::clean_up(op.clone(), stop.clone()));
        tasks.spawn(maintenance::write_refusals(op.clone(), stop.clone()));
        tasks.spawn(maintenance::watch_clock(op.clone(), maintenance::CLOCK, stop.clone()));
        for upstream in op.upstreams.keys() {
            tasks.spawn(maintenance::look_after(op.clone(), *upstream, maintenance::OUTAGE, stop.clone()));
        }
        Ok(Self { tasks, stop })
    }

    /// Waits for every job, but no longer than until `deadline`: what runs then is ended where it is. The leases are given back, so
    /// that another node, or the next start, goes on with the logins at once; those of what was ended run out by themselves.
    pub(crate) async fn stop(mut self, deadline: Instant) {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout_at(deadline, all).await.is_err() {
            tracing::warn!("a job did not stop in time; it was ended");
            self.tasks.shutdown().await;
        }
    }
}

#[cfg(test)]
mod signing_keys_tests;
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_job_that_hangs_is_ended_at_the_deadline_and_one_that_does_not_is_waited_for() {
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        let (told, gone) = (stop.clone(), CancellationToken::new());
        let guard = gone.clone().drop_guard();
        tasks.spawn(async move {
            let _guard = guard;
            std::future::pending().await
        });
        let (done, is_done) = tokio::sync::oneshot::channel();
        tasks.spawn(async move {
            told.cancelled().await;
            tokio::task::yield_now().await;
            done.send(()).unwrap();
        });
        let stopping = Jobs { tasks, stop }.stop(Instant::now() + Duration::from_millis(200));
        tokio::time::timeout(Duration::from_secs(5), stopping).await.unwrap();
        is_done.await.unwrap();
        assert!(gone.is_cancelled());
    }
}
