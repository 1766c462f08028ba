//! How the parts of one node tell one another about logins: a begun login needs a poller, a changed one has a page to wake.
//! A convenience only: other nodes and restarts are served by re-reading the rows.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};

use crate::domain::id::LoginId;

/// How many changes a slow listener may fall behind before it re-reads its row anyway.
const BACKLOG: usize = 1024;

/// The signals of one node.
#[derive(Clone, Debug)]
pub struct Signals {
    begun: Arc<Notify>,
    changed: broadcast::Sender<LoginId>,
}

impl Default for Signals {
    fn default() -> Self {
        Self { begun: Arc::new(Notify::new()), changed: broadcast::channel(BACKLOG).0 }
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

    /// This login's row changed.
    pub fn login_changed(&self, id: &LoginId) {
        // Nobody listening is fine: the page re-reads its row.
        drop(self.changed.send(id.clone()));
    }

    /// Everything that changes from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<LoginId> {
        self.changed.subscribe()
    }
}
