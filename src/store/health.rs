//! Whether writing works: what the latest writes came to, and a probe where there was no write lately. A node whose writes
//! fail (a full disk, a file or a server that only reads) is not ready, and becomes it again by itself.

use std::time::Duration;

use parking_lot::Mutex;

use super::{Store, StoreError, instance};
use crate::domain::clock::Timestamp;

const RECENT: Duration = Duration::from_secs(5);
const LONG: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Writes(Mutex<Latest>);

#[derive(Default)]
struct Latest {
    success: Option<Timestamp>,
    failure: Option<(Timestamp, StoreError)>,
    /// Since when a probe runs: there is one at a time.
    probing: Option<Timestamp>,
}

impl Writes {
    /// Notes what a write came to. A job that failed by itself says nothing about the database.
    pub(super) fn note<T>(&self, outcome: Result<&T, Option<&StoreError>>, now: Timestamp) {
        let mut latest = self.0.lock();
        match outcome {
            Ok(_) => latest.success = Some(now),
            Err(Some(StoreError::Conflict { .. })) => {}
            Err(Some(error)) if error.is_unavailable() => latest.failure = Some((now, error.clone())),
            Err(_own) => {}
        }
    }

    /// What is known at `now`; `None`: nothing, and the caller is to probe.
    fn judge(&self, now: Timestamp) -> Option<Result<(), StoreError>> {
        let mut latest = self.0.lock();
        let is_recent = |at: Timestamp| now.since(at) < RECENT;
        let failed =
            latest.failure.clone().filter(|(at, _)| is_recent(*at) || latest.success.is_none_or(|success| success < *at));
        if let Some((at, error)) = &failed
            && is_recent(*at)
        {
            return Some(Err(error.clone()));
        }
        if latest.success.is_some_and(is_recent) {
            return Some(Ok(()));
        }
        let Some(since) = latest.probing else {
            latest.probing = Some(now);
            return None;
        };
        Some(match failed {
            Some((_, error)) => Err(error),
            None if now.since(since) >= LONG => {
                Err(StoreError::Unavailable { detail: "a write does not get through".into(), transient: false })
            }
            None => Ok(()),
        })
    }
}

impl Store {
    /// Costs nothing where a write succeeded in the last seconds; else one row that is written over, once for all callers that
    /// ask at the same time. Fails from the moment of a failure until a write succeeds, and for some seconds in any case: on a
    /// disk that is nearly full small writes may succeed between large ones that do not.
    pub(crate) async fn writes(&self) -> Result<(), StoreError> {
        let now = self.inner.env.now();
        if let Some(known) = self.inner.writes.judge(now) {
            return known;
        }
        // Ends with the write, even when the caller's future is dropped.
        let store = self.clone();
        let probe = tokio::spawn(async move {
            let written = store
                .write(now.as_millis().to_string(), |tx, now| Box::pin(instance::replace(tx, instance::WRITTEN, now)))
                .await;
            store.inner.writes.0.lock().probing = None;
            written
        });
        probe.await.unwrap_or_else(|_panicked| Err(StoreError::Statement("a write for nothing panicked".into())))
    }
}
