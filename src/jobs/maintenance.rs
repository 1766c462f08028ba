//! Small recurring work: follow the signing keys that another node or a command changed, delete what is long dead.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::flow::Op;

/// How soon a rotated key is known on every node: commands are in force within a second (design 3).
const KEYS: Duration = Duration::from_millis(500);
/// How often dead rows are deleted. Nothing depends on it: every deadline is compared where it matters.
const CLEAN_UP: Duration = Duration::from_secs(60);
const FIRST_CLEAN_UP: Duration = Duration::from_secs(5);

/// Keeps the key ring of this node equal to the database's.
pub(super) async fn follow_keys(op: Op, stop: CancellationToken) {
    while pause(&stop, KEYS).await {
        if let Err(error) = op.keys.refresh().await {
            tracing::warn!(%error, "the signing keys could not be read; the known ones stay in use");
        }
    }
}

/// Deletes what is dead: soon after the start, so that a node that never runs for long does it too, and then again and again.
pub(super) async fn clean_up(op: Op, stop: CancellationToken) {
    let mut wait = FIRST_CLEAN_UP;
    while pause(&stop, wait).await {
        wait = CLEAN_UP;
        let now = op.env.now();
        if let Err(error) = crate::store::cleanup::delete_dead(&op.store, now, op.settings.audit_keep).await {
            tracing::warn!(%error, "clean-up failed; it is tried again");
        }
        if let Err(error) = op.store.give_back_space().await {
            tracing::warn!(%error, "free space could not be given back; it is tried again");
        }
        if let Err(error) = op.keys.ring().tidy().await {
            tracing::warn!(%error, "retired keys could not be deleted; it is tried again");
        }
    }
}

/// Waits; `false` when it is time to stop.
async fn pause(stop: &CancellationToken, time: Duration) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(time) => true,
    }
}
