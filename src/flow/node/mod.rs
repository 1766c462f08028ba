//! What one node knows for itself and no other needs: what its parts tell one another, the pages that are open on it, and how long
//! calls took lately. Other nodes and restarts are served by re-reading the rows.

pub(crate) mod latency;
pub(crate) mod watches;

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};

use crate::domain::id::LoginId;
use watches::Watches;

/// How many changes a slow listener may fall behind before it re-reads its row anyway.
const BACKLOG: usize = 1024;

/// A begun login needs a poller, a changed one has a page to wake, and a logout has clients to tell.
#[derive(Clone)]
pub(crate) struct Signals {
    begun: Arc<Notify>,
    changed: broadcast::Sender<LoginId>,
    logouts: Arc<Notify>,
    /// The pages that are open here.
    pub(in crate::flow) watches: Watches,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            begun: Arc::new(Notify::new()),
            changed: broadcast::channel(BACKLOG).0,
            logouts: Arc::new(Notify::new()),
            watches: Watches::default(),
        }
    }
}

impl Signals {
    /// Some login was begun and nobody polls it yet.
    pub(crate) fn login_begun(&self) {
        self.begun.notify_one();
    }

    /// Waits until a login was begun since the last call.
    pub(crate) async fn wait_for_begun(&self) {
        self.begun.notified().await;
    }

    /// A session was ended, and clients may have to hear of it.
    pub(crate) fn session_ended(&self) {
        self.logouts.notify_one();
    }

    /// Waits until a session was ended since the last call.
    pub(crate) async fn wait_for_logouts(&self) {
        self.logouts.notified().await;
    }

    pub(crate) fn login_changed(&self, id: &LoginId) {
        self.watches.changed(id);
        // Nobody listening is fine: who waits re-reads the row.
        drop(self.changed.send(id.clone()));
    }

    /// Everything that changes from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<LoginId> {
        self.changed.subscribe()
    }
}
