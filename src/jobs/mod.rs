//! What runs in the background: the login broker that polls the phone services, the queue of logout tokens, the key ring that
//! follows the database, clean-up. Every job stops when its token is cancelled; none holds anything that another node would need.

mod backchannel;
mod broker;
mod maintenance;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::domain::random::RandomError;
use crate::flow::Op;

/// The running jobs of one node.
#[derive(Debug)]
pub struct Jobs {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Jobs {
    /// Starts every job.
    ///
    /// # Errors
    /// When the random number generator fails (a node needs a name).
    pub fn start(op: &Op, stop: &CancellationToken) -> Result<Self, RandomError> {
        let stop = stop.child_token();
        let mut tasks = JoinSet::new();
        let node = broker::node_name(op)?;
        tasks.spawn(broker::run(op.clone(), node.clone(), stop.clone()));
        tasks.spawn(backchannel::run(op.clone(), node, stop.clone()));
        tasks.spawn(maintenance::follow_keys(op.clone(), stop.clone()));
        tasks.spawn(maintenance::clean_up(op.clone(), stop.clone()));
        Ok(Self { tasks, stop })
    }

    /// Asks every job to stop and waits until it did. A poll under way ends at its own time-out. The leases are given back, so
    /// that another node, or the next start, goes on with the logins at once.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}
