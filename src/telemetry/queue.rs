//! The records that wait to be written, and the thread that writes them.
//!
//! What finds the queue full, or cannot be written, is dropped and counted; as soon as a record gets through again and nothing
//! waits, one record says how many were lost. Why not `tracing-appender`: `docs/decisions/0007-written-by-hand.md`.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::patient;
use crate::metrics;

/// How many bytes may wait: a few thousand records.
const MOST: usize = 1024 * 1024;
const OVERHEAD: usize = 64;

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    lost: u64,
    writing: bool,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, line: Vec<u8>) {
        let size = line.len() + OVERHEAD;
        let mut state = self.state();
        if state.bytes + size > MOST {
            state.lost += 1;
            drop(state);
            metrics::LOG_RECORDS_DROPPED.add([]);
            return;
        }
        state.bytes += size;
        state.waiting.push_back(line);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits until everything is written or dropped, but not longer than this. Returns whether it is.
    pub(super) fn flush(&self, patience: Duration) -> bool {
        let busy = |state: &mut State| state.writing || !state.waiting.is_empty();
        let waited = self.changed.wait_timeout_while(self.state(), patience, busy);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Writes what comes, for ever. `lost` makes the record that says how many were.
    pub(super) fn write_to<W: Write>(&self, mut sink: Sink<W>, lost: impl Fn(u64) -> Vec<u8>) {
        loop {
            let line = self.next();
            self.write_one(&mut sink, &line, &lost);
        }
    }

    fn next(&self) -> Vec<u8> {
        let mut state = self.state();
        loop {
            if let Some(line) = state.waiting.pop_front() {
                state.bytes = state.bytes.saturating_sub(line.len() + OVERHEAD);
                state.writing = true;
                return line;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn write_one<W: Write>(&self, sink: &mut Sink<W>, line: &[u8], lost: &impl Fn(u64) -> Vec<u8>) {
        if sink.write(line).is_err() {
            self.state().lost += 1;
            metrics::LOG_RECORDS_DROPPED.add([]);
        } else if let Some(count) = self.untold()
            && sink.write(&lost(count)).is_ok()
        {
            self.state().lost -= count;
        }
        self.state().writing = false;
        self.changed.notify_all();
    }

    fn untold(&self) -> Option<u64> {
        let state = self.state();
        Some(state.lost).filter(|lost| *lost > 0 && state.waiting.is_empty())
    }
}

pub(super) struct Sink<W> {
    to: W,
    torn: bool,
}

impl<W: Write> Sink<W> {
    pub(super) const fn new(to: W) -> Self {
        Self { to, torn: false }
    }

    /// Writes a line; one that broke off before is ended first, so that this one stands alone.
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        if self.torn {
            patient::write(&mut self.to, b"\n").1?;
            self.torn = false;
        }
        let (written, outcome) = patient::write(&mut self.to, line);
        self.torn = outcome.is_err() && written > 0;
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// A file on a disk with so much room.
    struct Disk {
        room: usize,
        holds: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.room -= taken;
            self.holds.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(count: u64) -> Vec<u8> {
        format!("lost {count}\n").into_bytes()
    }

    fn disk(room: usize) -> Sink<Disk> {
        Sink::new(Disk { room, holds: Vec::new() })
    }

    #[test]
    fn what_the_disk_did_not_take_is_counted_and_told_when_it_does_again() {
        let queue = Queue::default();
        let mut sink = disk(8);
        for line in ["one\n", "two two\n", "three\n"] {
            queue.write_one(&mut sink, line.as_bytes(), &told);
        }
        assert_eq!((sink.to.holds.as_slice(), queue.state().lost), (b"one\ntwo ".as_slice(), 2));
        sink.to.room = 100;
        queue.write_one(&mut sink, b"four\n", &told);
        queue.write_one(&mut sink, b"five\n", &told);
        assert_eq!(String::from_utf8_lossy(&sink.to.holds), "one\ntwo \nfour\nlost 2\nfive\n");
    }

    #[test]
    fn the_number_is_told_later_when_it_does_not_get_through_itself() {
        let queue = Queue::default();
        let mut sink = disk(0);
        queue.write_one(&mut sink, b"one\n", &told);
        sink.to.room = 4;
        queue.write_one(&mut sink, b"two\n", &told);
        assert_eq!(queue.state().lost, 1);
        sink.to.room = 100;
        queue.write_one(&mut sink, b"three\n", &told);
        assert_eq!(String::from_utf8_lossy(&sink.to.holds), "two\nthree\nlost 1\n");
    }

    #[test]
    fn what_finds_the_queue_full_is_dropped_and_nobody_waits() {
        let queue = Queue::default();
        let line = vec![b'x'; 1000];
        for _each in 0..2000 {
            queue.push(line.clone());
        }
        let kept = queue.state().waiting.len();
        let lost = queue.state().lost;
        assert_eq!(kept as u64 + lost, 2000);
        assert_eq!(kept, MOST / (line.len() + OVERHEAD));
        assert!(!queue.flush(Duration::from_millis(1)), "nobody writes");
    }

    #[test]
    fn a_flush_waits_until_the_last_record_is_written() {
        let queue = Arc::new(Queue::default());
        let (reader, writer) = io::pipe().unwrap();
        let writing = Arc::clone(&queue);
        std::thread::spawn(move || writing.write_to(Sink::new(writer), told));
        queue.push(b"last words\n".to_vec());
        assert!(queue.flush(Duration::from_secs(60)));
        let mut line = String::new();
        io::BufRead::read_line(&mut io::BufReader::new(reader), &mut line).unwrap();
        assert_eq!(line, "last words\n");
    }
}
