//! One keep-alive HTTP/1.1 connection, one request at a time.
//!
//! Written by hand because the generator shares its core with the upstream:
//! a request is one `write`, an answer usually one `read`, and nothing is
//! allocated once the buffers have grown.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::answer::{Answer, Body, Parsed, parse};
use crate::error::{Error, Result, doing};

/// Room for one read: over most answers, so that a partial read tells the
/// runtime that the socket is drained and no second `read` is needed.
const READ_BYTES: usize = 4096;

pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    parsed: Option<Parsed>,
}

impl Connection {
    /// Connects from `source`: with several source addresses a long run does
    /// not exhaust the ephemeral ports of one (28,000 on Linux, each held for
    /// 60 s after its connection closed).
    pub async fn open(to: SocketAddr, source: Ipv4Addr) -> Result<Self> {
        let socket = TcpSocket::new_v4().map_err(doing("open a socket"))?;
        socket.bind((source, 0).into()).map_err(doing("bind a source address"))?;
        let stream = socket.connect(to).await.map_err(doing("connect to the subject"))?;
        stream.set_nodelay(true).map_err(doing("set TCP_NODELAY"))?;
        Ok(Self { stream, buffer: Vec::new(), parsed: None })
    }

    /// Writes one whole request. The answer to the one before is gone then.
    pub async fn write(&mut self, request: &[u8]) -> Result<()> {
        if let Some(parsed) = self.parsed.take() {
            if self.buffer.len() > parsed.length {
                return Err(Error::Answer("bytes after the end of an answer".into()));
            }
            self.buffer.clear();
        }
        self.stream.write_all(request).await.map_err(doing("write a request"))
    }

    /// Reads the answer. No deadline of its own: a parked poll may take long,
    /// so each caller has one.
    pub async fn read(&mut self) -> Result<Answer<'_>> {
        loop {
            self.buffer.reserve(READ_BYTES);
            let bytes = self.stream.read_buf(&mut self.buffer).await.map_err(doing("read an answer"))?;
            if bytes == 0 {
                return Err(Error::Answer("the connection was closed before the answer was complete".into()));
            }
            if let Some(parsed) = parse(&self.buffer)? {
                let parsed = self.parsed.insert(parsed);
                let body = match &parsed.body {
                    Body::Plain(range) => &self.buffer[range.clone()],
                    Body::Joined(bytes) => bytes,
                };
                return Ok(Answer { status: parsed.status, body });
            }
        }
    }
}
