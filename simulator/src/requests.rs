//! The log of upstream calls: what tests count.

use std::collections::VecDeque;

use serde::Serialize;

use crate::call::Call;
use crate::clock;

const KEPT: usize = 100_000;

#[derive(Clone, Serialize)]
pub(crate) struct Entry {
    /// Counts all calls since the start; never restarts.
    seq: u64,
    /// When it arrived, in milliseconds since the Unix epoch on the wall clock.
    at: i64,
    #[serde(flatten)]
    call: Call,
    /// HTTP status of the answer; null while there is none, and for good where the connection was cut instead.
    status: Option<u16>,
}

#[derive(Default)]
pub(crate) struct RequestLog {
    last: u64,
    entries: VecDeque<Entry>,
}

impl RequestLog {
    pub(crate) fn begin(&mut self, call: &Call) -> u64 {
        self.last += 1;
        if self.entries.len() >= KEPT {
            self.entries.pop_front();
        }
        self.entries.push_back(Entry { seq: self.last, at: clock::wall_ms(), call: call.clone(), status: None });
        self.last
    }

    pub(crate) fn finish(&mut self, seq: u64, status: u16) {
        let index = self.entries.binary_search_by_key(&seq, |entry| entry.seq);
        if let Some(entry) = index.ok().and_then(|index| self.entries.get_mut(index)) {
            entry.status = Some(status);
        }
    }

    /// The calls after the one with number `seq`, in order.
    pub(crate) fn after(&self, seq: u64) -> Vec<&Entry> {
        self.entries.range(self.entries.partition_point(|entry| entry.seq <= seq)..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Provider;

    fn call() -> Call {
        Call::new(Provider::SecSign, "state", "POST /".to_owned())
    }

    #[test]
    fn entries_after_a_number_are_the_newer_ones() {
        let mut log = RequestLog::default();
        for _ in 0..5 {
            log.begin(&call());
        }
        assert_eq!(log.after(3).iter().map(|entry| entry.seq).collect::<Vec<_>>(), [4, 5]);
        assert_eq!(log.after(0).len(), 5);
        assert!(log.after(9).is_empty());
    }

    #[test]
    fn the_status_goes_to_the_right_entry_even_after_old_ones_were_dropped() {
        let mut log = RequestLog::default();
        for _ in 0..KEPT + 10 {
            log.begin(&call());
        }
        let last = log.last;
        log.finish(last - 1, 200);
        log.finish(1, 500);
        assert_eq!(log.after(last - 3).iter().map(|entry| entry.status).collect::<Vec<_>>(), [None, Some(200), None]);
        assert_eq!(log.entries.iter().filter(|entry| entry.status.is_some()).count(), 1);
    }
}
