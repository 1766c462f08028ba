//! The queue of events for the operator's webhook: what is due is told, one after another, by whichever node takes the row's lease.
//! One that is not heard has the others wait until the next sweep.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::settings::WebhookSettings;
use crate::flow::Op;
use crate::flow::error::Internal;
use crate::flow::webhook::{deliver, make_room};
use crate::store::webhook_events;

const SWEEP: Duration = Duration::from_secs(1);
/// How often it is looked whether too many wait.
const COUNTED: Duration = Duration::from_secs(60);
const BATCH: u64 = 32;

/// Runs until stopped; what is being told then is finished, or taken over when its lease has run out.
pub(super) async fn run(op: Op, hook: WebhookSettings, node: String, stop: CancellationToken) {
    let mut counts = tokio::time::interval(COUNTED);
    loop {
        let done = tokio::select! {
            () = stop.cancelled() => break,
            _tick = counts.tick() => make_room(&op).await,
            () = tokio::time::sleep(SWEEP) => tell_due(&op, &hook, &node, &stop).await,
        };
        if let Err(error) = done {
            tracing::warn!(%error, "the queue of the webhook cannot be used; it is read again");
        }
    }
}

async fn tell_due(op: &Op, hook: &WebhookSettings, node: &str, stop: &CancellationToken) -> Result<(), Internal> {
    for event in webhook_events::list_due(op.store.read(), op.env.now(), BATCH).await? {
        if stop.is_cancelled() || !deliver(op, hook, &event, node).await? {
            break;
        }
    }
    Ok(())
}
