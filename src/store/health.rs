//! Whether writing works: what the latest writes came to, and a write for nothing where nobody wrote lately. A node whose writes
//! fail (a full disk, a file or a server that only reads) is not ready, and becomes it again by itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Store, StoreError, instance};
use crate::domain::clock::Timestamp;

/// A success or a failure so recent says how it is.
const RECENT: Duration = Duration::from_secs(5);

/// The latest outcomes.
#[derive(Default)]
pub(super) struct Writes {
    latest: Mutex<Latest>,
    /// Whether somebody writes for nothing: one does at a time.
    probing: AtomicBool,
}

#[derive(Clone, Default)]
struct Latest {
    success: Option<Timestamp>,
    failure: Option<(Timestamp, StoreError)>,
}

impl Writes {
    /// Notes what a write came to. A job that failed by itself says nothing about the database.
    pub(super) fn note<T>(&self, outcome: &Result<T, StoreError>, now: Timestamp) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(_) => latest.success = Some(now),
            Err(error) if error.is_unavailable() => latest.failure = Some((now, error.clone())),
            Err(_own) => {}
        }
    }

    fn latest(&self) -> Latest {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Store {
    /// Whether writing works. Costs nothing where a write succeeded in the last seconds; else one row that is written over, which
    /// many who ask at once share.
    ///
    /// # Errors
    /// The failure, from its moment until a write succeeds, and for some seconds in any case: on a disk that is nearly full
    /// small writes may succeed between large ones that do not.
    pub async fn writes(&self) -> Result<(), StoreError> {
        let now = self.env().now();
        let Latest { success, failure } = self.inner.writes.latest();
        if let Some((at, error)) = &failure
            && now.since(*at) < RECENT
        {
            return Err(error.clone());
        }
        if success.is_some_and(|at| now.since(at) < RECENT) {
            return Ok(());
        }
        if self.inner.writes.probing.swap(true, Ordering::AcqRel) {
            let failed = failure.filter(|(at, _)| success.is_none_or(|success| success < *at));
            return failed.map_or(Ok(()), |(_, error)| Err(error));
        }
        // Ends with the write, not with whoever asked and went away.
        let store = self.clone();
        let probe = tokio::spawn(async move {
            let written = store.write(now, |tx, now| Box::pin(async move { instance::touch(tx, *now).await })).await;
            store.inner.writes.probing.store(false, Ordering::Release);
            written
        });
        probe.await.unwrap_or_else(|_panicked| Err(StoreError::Statement("a write for nothing panicked".into())))
    }
}
