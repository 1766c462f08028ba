//! HTTP/1.1 by hand, for the driver only: one connection, one request at a time. A real client costs as much as the servers
//! that are measured, and would be the thing measured.

use std::io::{Error, ErrorKind};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) struct Answer {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// Every value of a header, by its name in any case.
    pub(crate) fn headers<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let lines = self.head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.filter(move |(known, _value)| known.eq_ignore_ascii_case(name)).map(|(_known, value)| value.trim())
    }

    /// The first value of a header.
    pub(crate) fn header<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.headers(name).next()
    }
}

/// A connection that is kept, and opened again when the server closed it.
pub(crate) struct Connection {
    address: String,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

impl Connection {
    /// A connection to `host:port`, opened when it is used.
    pub(crate) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), stream: None, buffer: Vec::with_capacity(16 * 1024) }
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn exchange(&mut self, request: &str) -> Result<Answer, Error> {
        let answer = self.try_exchange(request).await;
        if answer.as_ref().is_ok_and(|answer| answer.header("connection") != Some("close")) {
            return answer;
        }
        self.stream = None;
        answer
    }

    /// Connects anew: a server may have closed what was idle while the other one had its turn.
    pub(crate) async fn reopen(&mut self) -> Result<(), Error> {
        self.stream = None;
        self.stream().await.map(drop)
    }

    /// Sends a request and hands the connection to whoever reads a stream.
    pub(crate) async fn open(mut self, request: &str) -> Result<TcpStream, Error> {
        self.stream().await?.write_all(request.as_bytes()).await?;
        self.stream.ok_or_else(|| Error::from(ErrorKind::NotConnected))
    }

    async fn stream(&mut self) -> Result<&mut TcpStream, Error> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
            self.buffer.clear();
        }
        self.stream.as_mut().ok_or_else(|| Error::from(ErrorKind::NotConnected))
    }

    async fn read_more(&mut self) -> Result<(), Error> {
        let Some(stream) = self.stream.as_mut() else { return Err(ErrorKind::NotConnected.into()) };
        match stream.read_buf(&mut self.buffer).await? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            _some => Ok(()),
        }
    }

    async fn try_exchange(&mut self, request: &str) -> Result<Answer, Error> {
        self.stream().await?.write_all(request.as_bytes()).await?;
        let head_end = loop {
            if let Some(at) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            self.read_more().await?;
        };
        let head: Vec<u8> = self.buffer.drain(..head_end + 4).collect();
        let head = String::from_utf8(head).map_err(|_not_text| Error::from(ErrorKind::InvalidData))?;
        let status = head.get(9..12).and_then(|digits| digits.parse().ok()).ok_or(ErrorKind::InvalidData)?;
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.header("content-length").and_then(|length| length.parse().ok());
        if answer.header("transfer-encoding").is_some() {
            while let Some(chunk) = self.chunk().await? {
                answer.body.extend(chunk);
            }
        } else if let Some(length) = length {
            answer.body = self.take(length).await?;
        }
        Ok(answer)
    }

    async fn take(&mut self, length: usize) -> Result<Vec<u8>, Error> {
        while self.buffer.len() < length {
            self.read_more().await?;
        }
        Ok(self.buffer.drain(..length).collect())
    }

    /// The next chunk (RFC 9112 §7.1); `None` at the end.
    async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let line_end = loop {
            if let Some(at) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                break at;
            }
            self.read_more().await?;
        };
        let line = self.take(line_end + 2).await?;
        let size = std::str::from_utf8(&line).ok().and_then(|line| line.trim().split(';').next());
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok()).ok_or(ErrorKind::InvalidData)?;
        let chunk = self.take(size).await?;
        self.take(2).await?;
        Ok((size > 0).then_some(chunk))
    }
}
