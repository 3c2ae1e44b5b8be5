//! HTTP/1.1 messages (RFC 9112) as the client and the fault proxy read them: what is truncated is seen as such.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// A request line or a status line with its headers.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The head of a request or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Request line or status line, without the end of line.
    pub start: String,
    /// Names as they came, values without surrounding spaces.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The value of the first header with this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The status of an answer; 0 for a request.
    pub fn status(&self) -> u16 {
        let mut words = self.start.split(' ');
        match (words.next(), words.next()) {
            (Some(version), Some(status)) if version.starts_with("HTTP/1.") => status.parse().unwrap_or(0),
            _ => 0,
        }
    }

    /// The target of a request: what stands between method and version.
    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap_or_default()
    }

    /// Whether the connection can carry another message after this one.
    pub fn keeps_alive(&self) -> bool {
        !self.has_token("connection", "close") && !self.start.ends_with("HTTP/1.0")
    }

    /// Whether a header holds this token in its comma separated list.
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.header(name).is_some_and(|value| value.split(',').any(|t| t.trim().eq_ignore_ascii_case(token)))
    }

    /// The head as it goes on the wire.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            out.push_str(name);
            out.push_str(": ");
            out.push_str(value);
            out.push_str("\r\n");
        }
        out.push_str("\r\n");
        out.into_bytes()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.split("\r\n");
        let start = lines.next()?.to_owned();
        let headers = lines
            .map(|line| line.split_once(':').map(|(n, v)| (n.to_owned(), v.trim().to_owned())))
            .collect::<Option<_>>()?;
        Some(Self { start, headers })
    }
}

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// So many bytes are left.
    Exact(u64),
    /// Chunks, until one of no bytes.
    Chunked,
    /// Until the connection ends, so that truncation cannot be told.
    UntilClose,
    /// The end was reached.
    Done,
}

impl Framing {
    /// The framing of a request's body (RFC 9112 section 6.3).
    pub fn of_request(head: &Head) -> io::Result<Self> {
        Ok(match Self::named(head)? {
            Self::UntilClose => Self::Exact(0),
            named => named,
        })
    }

    /// The framing of an answer's body; a 101 has none, what follows is another protocol.
    pub fn of_answer(head: &Head) -> io::Result<Self> {
        if matches!(head.status(), 100..=199 | 204 | 304) { Ok(Self::Done) } else { Self::named(head) }
    }

    fn named(head: &Head) -> io::Result<Self> {
        if head.has_token("transfer-encoding", "chunked") {
            return Ok(Self::Chunked);
        }
        match head.header("content-length") {
            Some(length) => Ok(Self::Exact(length.parse().map_err(|_| malformed("content-length"))?)),
            None => Ok(Self::UntilClose),
        }
    }
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what}"))
}

fn truncated(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("the connection ended within {what}"))
}

/// Reads messages from one direction of a connection. Every method can be cancelled without losing bytes.
#[derive(Debug)]
pub struct Reader<R> {
    io: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Reads from the start of a message.
    pub fn new(io: R) -> Self {
        Self { io, buffer: BytesMut::new() }
    }

    /// The connection and the bytes that were read and not used: for what follows a 101.
    pub fn into_parts(self) -> (R, BytesMut) {
        (self.io, self.buffer)
    }

    /// Whether bytes have arrived that belong to no message yet.
    pub fn is_dirty(&self) -> bool {
        !self.buffer.is_empty()
    }

    async fn fill(&mut self) -> io::Result<usize> {
        self.buffer.reserve(8 * 1024);
        self.io.read_buf(&mut self.buffer).await
    }

    /// The next head; `None` when the connection ends before its first byte.
    pub async fn head(&mut self) -> io::Result<Option<Head>> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                let head = self.buffer.split_to(end);
                self.buffer.advance(4);
                let text = std::str::from_utf8(&head).map_err(|_| malformed("head"))?;
                return Head::parse(text).map(Some).ok_or_else(|| malformed("head"));
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return Err(malformed("head: it does not end"));
            }
            if self.fill().await? == 0 {
                return if self.buffer.is_empty() { Ok(None) } else { Err(truncated("a head")) };
            }
        }
    }

    /// The next piece of a body, decoded; `None` at its end.
    /// An [`io::ErrorKind::UnexpectedEof`] means that the message was truncated.
    pub async fn piece(&mut self, framing: &mut Framing) -> io::Result<Option<Bytes>> {
        loop {
            match framing {
                Framing::Done => return Ok(None),
                Framing::Exact(0) => *framing = Framing::Done,
                Framing::Exact(left) if !self.buffer.is_empty() => {
                    let take = self.buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= take as u64;
                    return Ok(Some(self.buffer.split_to(take).freeze()));
                }
                Framing::UntilClose if !self.buffer.is_empty() => {
                    return Ok(Some(self.buffer.split().freeze()));
                }
                Framing::Chunked => {
                    if let Some(chunk) = self.chunk()? {
                        if chunk.is_empty() {
                            *framing = Framing::Done;
                            return Ok(None);
                        }
                        return Ok(Some(chunk));
                    }
                }
                Framing::Exact(_) | Framing::UntilClose => {}
            }
            if *framing != Framing::Done && self.fill().await? == 0 {
                if *framing == Framing::UntilClose {
                    *framing = Framing::Done;
                } else {
                    return Err(truncated("a body"));
                }
            }
        }
    }

    /// A complete chunk from the buffer; the last one is empty. Trailers are not supported: nobody sends them here.
    fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        let Some(line) = self.buffer.windows(2).position(|w| w == b"\r\n") else { return Ok(None) };
        let size = std::str::from_utf8(&self.buffer[..line]).map_err(|_| malformed("chunk size"))?;
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| malformed("chunk size"))?;
        if self.buffer.len() < line + 2 + size + 2 {
            return Ok(None);
        }
        self.buffer.advance(line + 2);
        let chunk = self.buffer.split_to(size).freeze();
        if &self.buffer[..2] != b"\r\n" {
            return Err(malformed("end of a chunk"));
        }
        self.buffer.advance(2);
        Ok(Some(chunk))
    }

    /// Waits for the end of the connection; what arrives before stays for the next message.
    pub async fn closed(&mut self) {
        while self.buffer.len() < HEAD_BYTES_MAX && matches!(self.fill().await, Ok(1..)) {}
    }

    /// A whole body.
    pub async fn body(&mut self, mut framing: Framing) -> io::Result<Bytes> {
        let mut body = BytesMut::new();
        while let Some(piece) = self.piece(&mut framing).await? {
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    }
}

/// One chunk as it goes on the wire; without bytes it is the last.
pub fn encode_chunk(bytes: &[u8]) -> Vec<u8> {
    let mut out = format!("{:x}\r\n", bytes.len()).into_bytes();
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    async fn read(wire: &[u8]) -> io::Result<(Head, Bytes)> {
        let mut reader = Reader::new(wire);
        let head = reader.head().await?.unwrap();
        let body = reader.body(Framing::of_answer(&head)?).await?;
        Ok((head, body))
    }

    #[tokio::test]
    async fn bodies_of_every_framing() {
        for wire in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nhello",
        ] {
            let (head, body) = read(wire.as_bytes()).await.unwrap();
            assert_eq!((head.status(), body.as_ref()), (200, &b"hello"[..]));
        }
        let (_, none) = read(b"HTTP/1.1 204 No Content\r\n\r\nx").await.unwrap();
        assert!(none.is_empty());
    }

    #[tokio::test]
    async fn truncation_is_seen_wherever_it_happens() {
        for wire in [
            "HTTP/1.1 200 OK\r\nContent-Le",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        ] {
            assert_eq!(
                read(wire.as_bytes()).await.unwrap_err().kind(),
                io::ErrorKind::UnexpectedEof,
                "{wire}"
            );
        }
    }

    #[test]
    fn a_head_is_written_as_it_was_read() {
        let text = "GET /a?b HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade";
        let head = Head::parse(text).unwrap();
        assert_eq!(head.target(), "/a?b");
        assert!(head.has_token("connection", "upgrade") && head.keeps_alive());
        assert_eq!(head.encode(), format!("{text}\r\n\r\n").into_bytes());
    }
}
