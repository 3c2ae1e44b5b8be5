//! Connections for hyper-util's pooled HTTP client, by way of the dialer: what is dialled is an address that was vetted,
//! never a name.

use std::error::Error;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;

use crate::{DialError, Dialer, Target, UpstreamStream};

/// Opens the connections of a `hyper_util::client::legacy::Client`, over TLS for `https:`. HTTP/1.1 only, as
/// the dialer offers nothing else.
///
/// The client's error has what went wrong here among its causes; [`DialError::among`] finds it.
#[derive(Clone)]
pub struct Connector(Arc<Dialer>);

impl Connector {
    /// One that dials so.
    pub fn new(dialer: Arc<Dialer>) -> Self {
        Self(dialer)
    }
}

impl tower::Service<Uri> for Connector {
    type Response = PooledStream;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<PooledStream, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.0.clone();
        Box::pin(async move {
            let target = Target::parse_http(&uri.to_string())?;
            let connection = dialer.connect(&target).await?;
            Ok(PooledStream(TokioIo::new(connection.stream)))
        })
    }
}

impl DialError {
    /// The failure to connect among the causes of `error`, or else the last of its causes, which may be itself.
    pub fn among<'a>(error: &'a (dyn Error + 'static)) -> Result<&'a Self, &'a (dyn Error + 'static)> {
        let mut cause = error;
        loop {
            if let Some(dial) = cause.downcast_ref::<Self>() {
                return Ok(dial);
            }
            match cause.source() {
                Some(next) => cause = next,
                None => return Err(cause),
            }
        }
    }
}

/// A dialled connection as hyper reads and writes it.
pub struct PooledStream(TokioIo<UpstreamStream>);

impl Connection for PooledStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for PooledStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl Write for PooledStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }
}
