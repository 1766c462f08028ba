//! Below TLS, [`Counted`] reports what comes and goes. Above it, [`Strict`] has a bare line feed in a head refused.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connections::{Connection, MayRead, Stage};

pub(super) struct Counted {
    pub(super) tcp: TcpStream,
    pub(super) connection: Arc<Connection>,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.connection.may_read() {
            MayRead::Now => {}
            // Whoever ends it wakes it.
            MayRead::Never => return Poll::Pending,
            MayRead::Later => {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.tcp).poll_read(context, buffer))?;
        let count = buffer.filled().len() - before;
        if count > 0 {
            self.connection.received(count);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.tcp).poll_write(context, bytes);
        match &written {
            // A client that takes a little now and then is one that does not take it.
            Poll::Ready(Ok(count)) if *count == bytes.len() => self.connection.written(true),
            Poll::Pending => self.connection.written(false),
            Poll::Ready(_part_or_error) => {}
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

/// A stream of requests whose heads must end their lines in CR LF (RFC 9112 §2.2). The parser behind takes a line feed alone as
/// well, which proxies do not all do; so it gets a NUL instead, which it refuses wherever it stands in a head.
pub(super) struct Strict<S> {
    stream: S,
    pub(super) connection: Arc<Connection>,
    /// The number of the request whose head is being read.
    request: u64,
    head: Head,
    /// More came together with the end of the head.
    more: bool,
    /// Requests come before the one before was answered: where their heads begin is not known here.
    pipelined: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Head {
    #[default]
    Before,
    /// The beginning of a line that is not the first.
    LineStart,
    Within,
    /// A carriage return: on an otherwise empty line, or at the end of another.
    Return {
        ends: bool,
        empty: bool,
    },
    Over,
}

impl<S> Strict<S> {
    pub(super) fn new(stream: S, connection: Arc<Connection>) -> Self {
        Self { stream, connection, request: 0, head: Head::default(), more: false, pipelined: false }
    }

    fn check(&mut self, bytes: &mut [u8]) {
        let now = *self.connection.state.lock();
        if now.answered != self.request {
            self.pipelined |= self.more && !now.body;
            (self.request, self.head, self.more) = (now.answered, Head::Before, false);
        }
        self.pipelined |= now.stage == Stage::Answering;
        if !self.pipelined && now.stage != Stage::Body {
            let rest;
            (self.head, rest) = strict(self.head, bytes);
            self.more |= rest;
        }
    }
}

/// Follows the lines of a head, and spoils a line feed that stands alone. Whether there is more than the head.
fn strict(mut head: Head, bytes: &mut [u8]) -> (Head, bool) {
    for byte in bytes {
        head = match (head, *byte) {
            (Head::Over, _) => return (Head::Over, true),
            (Head::Return { ends: true, .. }, b'\n') => Head::Over,
            (Head::Return { empty: true, .. }, b'\n') => Head::Before,
            (Head::Return { .. }, b'\n') => Head::LineStart,
            (_other, b'\n') => {
                *byte = 0;
                return (Head::Over, true);
            }
            (before, b'\r') => Head::Return { ends: before == Head::LineStart, empty: before == Head::Before },
            (_other, _byte) => Head::Within,
        };
    }
    (head, false)
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if let Some(fresh) = buffer.filled_mut().get_mut(before..) {
            self.check(fresh);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads in pieces of this size.
    fn read(text: &str, size: usize) -> Vec<u8> {
        let mut bytes = text.as_bytes().to_vec();
        let mut head = Head::default();
        bytes.chunks_mut(size).for_each(|piece| head = strict(head, piece).0);
        bytes
    }

    proptest! {
        /// However it is cut: what is well-formed stays, and its body is nobody's business.
        #[test]
        fn a_good_head_passes(lines in prop::collection::vec("[a-z:\r]{1,9}[a-z]", 1..5), body in "[\na\r]{0,9}", size in 1_usize..9) {
            let text = format!("\r\n{}\r\n\r\n{body}", lines.join("\r\n"));
            prop_assert_eq!(read(&text, size), text.as_bytes());
        }

        #[test]
        fn the_first_bare_line_feed_of_a_head_is_spoiled(before in "[a-z]{0,4}", lines in prop::collection::vec("[a-z]{1,9}\r\n", 0..4), size in 1_usize..9) {
            let start = format!("{}{before}", lines.concat());
            let read = read(&format!("{start}\nrest\n"), size);
            prop_assert_eq!(read, format!("{start}\0rest\n").into_bytes());
        }
    }
}
