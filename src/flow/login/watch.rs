//! Re-reading the logins whose pages are open on this node: one task for each, however many streams tell of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::domain::clock::Timestamp;
use crate::domain::id::LoginId;
use crate::domain::login::Login;
use crate::flow::Op;
use crate::flow::node::watches::{Full, Seen, Stream};
use crate::store::logins;

/// How soon another node's change is seen (decision 2.8).
const REREAD: Duration = Duration::from_millis(500);

pub(crate) fn watch(op: &Op, login: &Login) -> Result<Stream, Full> {
    let read = Seen::of(login, op.env.now());
    let (stream, first) = op.signals.watches.join(&login.id, read, &op.settings.limits)?;
    if let Some(changed) = first {
        tokio::spawn(follow(op.clone(), login.id.clone(), login.deadline, changed));
    }
    Ok(stream)
}

/// The deadline is met to the moment, whenever the stream began and whoever the login is for (check 139).
fn until_next_look(deadline: Timestamp, now: Timestamp) -> Duration {
    let left = deadline.since(now);
    if left.is_zero() { REREAD } else { left.min(REREAD) }
}

/// Until the login is over, nobody watches it any more, or it cannot be read.
async fn follow(op: Op, id: LoginId, mut deadline: Timestamp, changed: Arc<Notify>) {
    loop {
        drop(tokio::time::timeout(until_next_look(deadline, op.env.now()), changed.notified()).await);
        let found = logins::find(op.store.read(), &id).await.ok().flatten();
        let seen = found.as_ref().map(|login| Seen::of(login, op.env.now()));
        deadline = found.map_or(deadline, |login| login.deadline);
        if !op.signals.watches.tell(&id, seen) {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
