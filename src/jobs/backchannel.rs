//! The queue of logout tokens (check 102, B49): rows that are due are sent, two at a time to one client and so many in
//! all, so that a client that hangs delays nobody else. Woken by a logout on this node, by the clock for those of others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::domain::id::ClientId;
use crate::flow::Op;
use crate::flow::backchannel_logout::deliver;
use crate::store::backchannel_logouts::BackchannelLogout;
use crate::store::{StoreError, backchannel_logouts};

/// How often the queue is looked at without being woken: logouts of other nodes and of commands, and what became due.
const SWEEP: Duration = Duration::from_millis(500);
/// How many are sent at once by one node, to one client (B49) and to all.
const PER_CLIENT: usize = 2;
const AT_ONCE: usize = 32;
const BATCH: u64 = 64;

#[derive(Default)]
struct Sending {
    tasks: JoinSet<()>,
    rows: BTreeMap<Id, (ClientId, String)>,
}

impl Sending {
    fn is_full(&self) -> bool {
        self.rows.len() >= AT_ONCE
    }

    fn to(&self, client: &ClientId) -> usize {
        self.rows.values().filter(|(other, _)| other == client).count()
    }

    fn busy(&self) -> BTreeSet<ClientId> {
        self.rows.values().map(|(client, _)| client.clone()).filter(|client| self.to(client) >= PER_CLIENT).collect()
    }

    fn may_send(&self, logout: &BackchannelLogout) -> bool {
        let is_sent = self.rows.values().any(|(_, id)| *id == logout.id);
        !is_sent && !self.is_full() && self.to(&logout.client_id) < PER_CLIENT
    }
}

/// Runs until stopped; what is being sent then is finished, or taken over when its lease has run out.
pub(super) async fn run(op: Op, node: String, stop: CancellationToken) {
    let mut sending = Sending::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = op.signals.logouts.notified() => {}
            () = tokio::time::sleep(SWEEP) => {}
            Some(done) = sending.tasks.join_next_with_id(), if !sending.tasks.is_empty() => {
                let id = done.map_or_else(|panicked| panicked.id(), |(id, ())| id);
                sending.rows.remove(&id);
            }
        }
        if let Err(error) = send_due(&op, &node, &mut sending).await {
            tracing::warn!(%error, "the queue of logout tokens cannot be read; it is read again");
        }
    }
    while sending.tasks.join_next().await.is_some() {}
}

/// Starts what may be sent. Reads again without the clients that are busy by then: one client's long queue hides no other's.
async fn send_due(op: &Op, node: &str, sending: &mut Sending) -> Result<(), StoreError> {
    while !sending.is_full() {
        let due = backchannel_logouts::list_due(op.store.read(), &sending.busy(), op.env.now(), BATCH).await?;
        let mut started = false;
        for logout in due {
            if sending.may_send(&logout) {
                start(op, node, sending, logout);
                started = true;
            }
        }
        if !started {
            break;
        }
    }
    Ok(())
}

fn start(op: &Op, node: &str, sending: &mut Sending, logout: BackchannelLogout) {
    let (op, node) = (op.clone(), node.to_owned());
    let row = (logout.client_id.clone(), logout.id.clone());
    let task = sending.tasks.spawn(async move {
        if let Err(error) = deliver(&op, &logout, &node).await {
            tracing::warn!(client = %logout.client_id, %error, "an attempt to tell of a logout could not be written down");
            // The row may still be due: what fails here is not tried again at once.
            tokio::time::sleep(SWEEP).await;
        }
    });
    sending.rows.insert(task.id(), row);
}

#[cfg(test)]
mod tests;
