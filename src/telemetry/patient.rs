//! Writing to a descriptor that may be slow, shared and gone: standard output and standard error as others left them.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(160);

/// Writes all of it, however long the other end takes, and says how much was written before an error. Whoever shares the open
/// file may have set it non-blocking: then a pipe that is full answers EAGAIN, which is no failure.
pub(super) fn write(to: &mut impl Write, bytes: &[u8]) -> (usize, io::Result<()>) {
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
    write(&mut own(&io::stdout())?, text.as_bytes()).1
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(matches!(write(&mut shy, b"abcde"), (5, Ok(()))));
        assert_eq!(shy.0, b"abcde");
    }

    #[test]
    fn an_error_says_how_far_it_came() {
        let mut room = [0_u8; 3];
        let (written, outcome) = write(&mut room.as_mut_slice(), b"abcde");
        assert_eq!((written, outcome.unwrap_err().kind()), (3, ErrorKind::WriteZero));
    }
}
