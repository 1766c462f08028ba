//! The records that wait to be written, the thread that writes them, and how it writes: to a descriptor that may be slow, shared
//! and gone, as standard output and standard error are.
//!
//! What finds the queue full, or cannot be written, is dropped and counted; as soon as a record gets through again and nothing
//! waits, one record says how many were lost. Why not `tracing-appender`: `docs/decisions/0007-written-by-hand.md`.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::metrics;

/// How many bytes may wait: a few thousand records.
const MOST: usize = 1024 * 1024;
const OVERHEAD: usize = 64;
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(160);

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
    pub(super) fn push(&self, line: Vec<u8>) {
        let size = line.len() + OVERHEAD;
        let mut state = self.state.lock();
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
        let mut state = self.state.lock();
        self.changed.wait_while_for(&mut state, busy, patience);
        !busy(&mut state)
    }

    /// Writes what comes, for ever. `lost` makes the record that says how many were.
    pub(super) fn write_to<W: Write>(&self, mut sink: Sink<W>, lost: impl Fn(u64) -> Vec<u8>) {
        loop {
            let line = self.next();
            self.write_one(&mut sink, &line, &lost);
        }
    }

    fn next(&self) -> Vec<u8> {
        let mut state = self.state.lock();
        self.changed.wait_while(&mut state, |state| state.waiting.is_empty());
        let line = state.waiting.pop_front().unwrap_or_default();
        state.bytes = state.bytes.saturating_sub(line.len() + OVERHEAD);
        state.writing = true;
        line
    }

    fn write_one<W: Write>(&self, sink: &mut Sink<W>, line: &[u8], lost: &impl Fn(u64) -> Vec<u8>) {
        if sink.write(line).is_err() {
            self.state.lock().lost += 1;
            metrics::LOG_RECORDS_DROPPED.add([]);
        } else if let Some(count) = self.untold()
            && sink.write(&lost(count)).is_ok()
        {
            self.state.lock().lost -= count;
        }
        self.state.lock().writing = false;
        self.changed.notify_all();
    }

    fn untold(&self) -> Option<u64> {
        let state = self.state.lock();
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
            write_patiently(&mut self.to, b"\n").1?;
            self.torn = false;
        }
        let (written, outcome) = write_patiently(&mut self.to, line);
        self.torn = outcome.is_err() && written > 0;
        outcome
    }
}

/// Writes all of it, however long the other end takes, and says how much was written before an error. Whoever shares the open
/// file may have set it non-blocking: then a pipe that is full answers EAGAIN, which is no failure.
fn write_patiently(to: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    let mut wait = FIRST_PAUSE;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match to.write(rest) {
            Ok(0) => return (written, Err(ErrorKind::WriteZero.into())),
            Ok(count) => {
                written += count;
                wait = FIRST_PAUSE;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                std::thread::sleep(wait);
                wait = (wait * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

/// A descriptor of its own for what `stream` writes to: nobody waits for a lock that a stalled writer holds.
pub(super) fn own(stream: &impl AsFd) -> io::Result<File> {
    Ok(File::from(stream.as_fd().try_clone_to_owned()?))
}

/// Writes what a command promises to standard output. Blocks for as long as the reader does.
pub(crate) fn print(text: &str) -> io::Result<()> {
    write_patiently(&mut own(&io::stdout())?, text.as_bytes()).1
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
                return Err(ErrorKind::StorageFull.into());
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
        assert_eq!((sink.to.holds.as_slice(), queue.state.lock().lost), (b"one\ntwo ".as_slice(), 2));
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
        assert_eq!(queue.state.lock().lost, 1);
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
        let kept = queue.state.lock().waiting.len();
        let lost = queue.state.lock().lost;
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

    /// Takes two bytes at a time, and every other time nothing.
    struct Shy(Vec<u8>, bool);

    impl Write for Shy {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::WouldBlock.into());
            }
            let taken = bytes.len().min(2);
            self.0.extend_from_slice(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_was_not_taken_at_once_is_offered_again_from_where_it_stopped() {
        let mut shy = Shy(Vec::new(), false);
        assert!(matches!(write_patiently(&mut shy, b"abcde"), (5, Ok(()))));
        assert_eq!(shy.0, b"abcde");
    }

    #[test]
    fn an_error_says_how_far_it_came() {
        let mut room = [0_u8; 3];
        let (written, outcome) = write_patiently(&mut room.as_mut_slice(), b"abcde");
        assert_eq!((written, outcome.unwrap_err().kind()), (3, ErrorKind::WriteZero));
    }
}
