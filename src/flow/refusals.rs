//! Refused requests of clients, remembered for whoever set the client up (`signbridge client check`, `doctor`). Anybody can have a
//! client's requests refused: a request only notes it here, few different ones of each client, and a job writes down once a second
//! what there is, so that no refused request costs a commit.

use std::collections::HashMap;

use parking_lot::Mutex;

use super::prelude::*;
use crate::domain::id::ClientId;
use crate::domain::refusal::{Refusal, RefusalTally};
use crate::protocol::endpoint::Endpoint;
use crate::store::refusals;

/// Different ones of a client, and of all clients, between two writes. What goes beyond stands in the log alone.
const OF_CLIENT: usize = 40;
const OF_ALL: usize = 200;

/// By which words of its reason the wrong parameter of a request to `/token` and its neighbours is known, the first that stands there.
const FIELDS: [(&str, &str); 8] = [
    ("redirect_uri", "redirect_uri"),
    ("code_verifier", "code_verifier"),
    ("secret", "client_secret"),
    ("grant_type", "grant_type"),
    ("scope", "scope"),
    ("refresh", "refresh_token"),
    ("token family", "refresh_token"),
    ("code", "code"),
];

#[derive(Clone, Default)]
pub(crate) struct Refusals(Arc<Mutex<HashMap<Refusal, RefusalTally>>>);

impl Refusals {
    /// Notes a refusal of a client that is registered.
    pub(crate) fn note(&self, refusal: &Refusal, now: Timestamp) {
        let mut pending = self.0.lock();
        if let Some(tally) = pending.get_mut(refusal) {
            (tally.count, tally.last_at) = (tally.count.saturating_add(1), now);
            return;
        }
        if has_room(&pending, &refusal.client) {
            let tally = RefusalTally { refusal: refusal.clone(), count: 1, first_at: now, last_at: now };
            pending.insert(refusal.clone(), tally);
        }
    }

    /// The same of an endpoint that answers programs, whose errors have their reason in the hint.
    pub(crate) fn note_error(&self, client: &ClientId, endpoint: Endpoint, error: &OAuthError, now: Timestamp) {
        let OAuthError::Refused { code, description, hint } = error else { return };
        let reason = hint.as_deref().unwrap_or(description);
        let reason = reason.strip_prefix(&format!("{client}: ")).unwrap_or(reason);
        self.note(&Refusal::new(client, endpoint, *code, field_of(reason), reason), now);
    }

    /// What could not be written down is noted still, within the same room.
    fn put_back(&self, tallies: &[RefusalTally]) {
        let mut pending = self.0.lock();
        for tally in tallies {
            if let Some(later) = pending.get_mut(&tally.refusal) {
                (later.count, later.first_at) = (later.count.saturating_add(tally.count), tally.first_at);
            } else if has_room(&pending, &tally.refusal.client) {
                pending.insert(tally.refusal.clone(), tally.clone());
            }
        }
    }

    /// What was noted since the last time, in one order on every node.
    fn take(&self) -> Vec<RefusalTally> {
        let mut taken: Vec<RefusalTally> = std::mem::take(&mut *self.0.lock()).into_values().collect();
        taken.sort_by(|one, other| one.refusal.cmp(&other.refusal));
        taken
    }
}

fn has_room(pending: &HashMap<Refusal, RefusalTally>, client: &ClientId) -> bool {
    let of_client = pending.keys().filter(|known| known.client == *client).count();
    pending.len() < OF_ALL && of_client < OF_CLIENT
}

/// The record of an authorization request that was refused, by a page or by an error that the browser takes to the app.
pub(crate) fn log(refusal: &Refusal) {
    let Refusal { client, error, field, reason, .. } = refusal;
    let hint = refusal.hint();
    tracing::info!(client = client.as_str(), description = reason, error, field, hint = hint.as_deref(), "refused");
}

fn field_of(reason: &str) -> &'static str {
    FIELDS.iter().find(|(words, _field)| reason.contains(*words)).map_or("", |(_words, field)| *field)
}

/// One commit for each client of which there is something: one that cannot be written costs the others nothing, and is written later.
/// Returns the last error.
pub(crate) async fn write_down(op: &Op) -> Result<(), StoreError> {
    let mut outcome = Ok(());
    for of_client in op.refusals.take().chunk_by(|one, other| one.refusal.client == other.refusal.client) {
        let written = op.store.write(of_client.to_vec(), |tx, tallies| Box::pin(refusals::record(tx, tallies))).await;
        if written.is_err() {
            op.refusals.put_back(of_client);
            outcome = written;
        }
    }
    outcome
}

#[cfg(test)]
mod tests;
