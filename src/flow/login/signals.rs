//! How the parts of one node tell one another: a begun login needs a poller, a changed one has a page to wake, and a logout has
//! clients to tell.
//! A convenience only: other nodes and restarts are served by re-reading the rows.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};

use super::watch::Watches;
use crate::domain::id::LoginId;

/// How many changes a slow listener may fall behind before it re-reads its row anyway.
const BACKLOG: usize = 1024;

/// The signals of one node.
#[derive(Clone, Debug)]
pub struct Signals {
    begun: Arc<Notify>,
    changed: broadcast::Sender<LoginId>,
    logouts: Arc<Notify>,
    /// The pages that are open here.
    pub(super) watches: Watches,
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
    pub fn login_begun(&self) {
        self.begun.notify_one();
    }

    /// Waits until a login was begun since the last call.
    pub async fn wait_for_begun(&self) {
        self.begun.notified().await;
    }

    /// A session was ended, and clients may have to hear of it.
    pub fn session_ended(&self) {
        self.logouts.notify_one();
    }

    /// Waits until a session was ended since the last call.
    pub async fn wait_for_logouts(&self) {
        self.logouts.notified().await;
    }

    /// This login's row changed.
    pub fn login_changed(&self, id: &LoginId) {
        self.watches.changed(id);
        // Nobody listening is fine: who waits re-reads the row.
        drop(self.changed.send(id.clone()));
    }

    /// Everything that changes from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<LoginId> {
        self.changed.subscribe()
    }
}
