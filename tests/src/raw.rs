//! A connection on which a test says exactly what it wants, also what is no HTTP.

use std::fmt::Display;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::http::Answer;
use crate::http1::{Framing, Reader};
use crate::websocket::FrameReader;

/// The connection; over TCP, or over whatever a test has opened.
#[derive(Debug)]
pub struct Raw<S = TcpStream> {
    reader: Reader<ReadHalf<S>>,
    writer: WriteHalf<S>,
}

impl Raw {
    /// Connects to `host:port`.
    pub async fn connect(address: impl Display) -> io::Result<Self> {
        let stream = TcpStream::connect(address.to_string()).await?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    /// Goes on over a stream that is open.
    pub fn over(stream: S) -> Self {
        let (read, writer) = split(stream);
        Self { reader: Reader::new(read), writer }
    }

    /// Writes bytes as they are.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.writer.write_all(bytes.as_ref()).await?;
        self.writer.flush().await
    }

    /// The next answer; `None` when the connection ends before its first byte.
    pub async fn answer(&mut self, limit: Duration) -> io::Result<Option<Answer>> {
        let read = async {
            let Some(head) = self.reader.head().await? else { return Ok(None) };
            let body = self.reader.body(Framing::of_answer(&head)?).await?;
            Ok(Some(Answer { head, body }))
        };
        timeout(limit, read).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// The next answer that has no body, whatever its headers say: one to HEAD, or the start of a stream.
    pub async fn head(&mut self, limit: Duration) -> io::Result<Option<crate::http1::Head>> {
        timeout(limit, self.reader.head()).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// The next piece of a chunked body.
    pub async fn chunk(&mut self, limit: Duration) -> io::Result<Option<bytes::Bytes>> {
        let mut framing = Framing::Chunked;
        timeout(limit, self.reader.piece(&mut framing)).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    /// After a handshake: frames both ways.
    pub fn upgraded(self) -> (FrameReader<ReadHalf<S>>, WriteHalf<S>) {
        let (io, rest) = self.reader.into_parts();
        (FrameReader::new(io, &rest), self.writer)
    }

    /// Reads until the other side ends the connection; false when it does not in time. What came is dropped.
    pub async fn ends(self, limit: Duration) -> bool {
        let (mut io, _) = self.reader.into_parts();
        let mut rest = [0; 4096];
        // A reset is an end as well.
        let drained = async { while matches!(io.read(&mut rest).await, Ok(1..)) {} };
        timeout(limit, drained).await.is_ok()
    }
}
