//! What one node knows for itself. Other nodes and restarts are served by re-reading the rows.

pub(crate) mod latency;
pub(crate) mod watches;

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};

use crate::domain::id::LoginId;
use watches::Watches;

/// How many changes a slow listener may fall behind before it re-reads its row anyway.
const BACKLOG: usize = 1024;

/// A begun login needs a poller, a changed one has a page to wake, and a logout has clients to tell. A [`Notify`] keeps one
/// wake-up, for a single waiter: the poller, the queue of logout tokens.
#[derive(Clone)]
pub(crate) struct Signals {
    /// Some login was begun and nobody polls it yet.
    pub(crate) begun: Arc<Notify>,
    pub(in crate::flow) changed: broadcast::Sender<LoginId>,
    /// A session was ended, and clients may have to hear of it.
    pub(crate) logouts: Arc<Notify>,
    pub(in crate::flow) watches: Watches,
}

impl Default for Signals {
    fn default() -> Self {
        let (begun, logouts, watches) = (Arc::default(), Arc::default(), Watches::default());
        Self { begun, changed: broadcast::channel(BACKLOG).0, logouts, watches }
    }
}

impl Signals {
    pub(crate) fn login_changed(&self, id: &LoginId) {
        self.watches.changed(id);
        // Nobody listening is fine: who waits re-reads the row.
        drop(self.changed.send(id.clone()));
    }
}
