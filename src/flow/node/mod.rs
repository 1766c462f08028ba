//! What one node knows for itself. Other nodes and restarts are served by re-reading the rows.

pub(crate) mod health;
pub(crate) mod latency;
pub(crate) mod watches;

use std::sync::Arc;

use tokio::sync::Notify;

use crate::domain::id::LoginId;
use watches::Watches;

/// A begun login needs a poller, a changed one has a page to wake, and a logout has clients to tell. A [`Notify`] keeps one
/// wake-up, for a single waiter: the poller, the queue of logout tokens.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    /// Some login was begun and nobody polls it yet.
    pub(crate) begun: Arc<Notify>,
    /// Some login changed: whoever waits for one re-reads its row.
    pub(in crate::flow) changed: Arc<Notify>,
    /// A session was ended, and clients may have to hear of it.
    pub(crate) logouts: Arc<Notify>,
    pub(in crate::flow) watches: Watches,
}

impl Signals {
    pub(crate) fn login_changed(&self, id: &LoginId) {
        self.watches.changed(id);
        self.changed.notify_waiters();
    }
}
