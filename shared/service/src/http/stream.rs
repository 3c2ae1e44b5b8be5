//! A connection's socket, plain or TLS, with bytes that were read ahead.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::places::Place;

/// The socket.
#[derive(Debug)]
enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A socket that gives `ahead` before what comes from the peer, and knows whether all that was written has left.
#[derive(Debug)]
pub struct Stream {
    socket: Socket,
    ahead: Bytes,
    flushed: Arc<AtomicBool>,
    _place: Place,
}

impl Stream {
    pub(crate) fn plain(socket: TcpStream, place: Place) -> Self {
        Self::new(Socket::Plain(socket), place)
    }

    pub(crate) fn tls(socket: TlsStream<TcpStream>, place: Place) -> Self {
        Self::new(Socket::Tls(Box::new(socket)), place)
    }

    fn new(socket: Socket, place: Place) -> Self {
        Self { socket, ahead: Bytes::new(), flushed: Arc::new(AtomicBool::new(true)), _place: place }
    }

    /// Puts bytes back that were read but belong to what comes next. They are copied: even none of them would keep
    /// the whole buffer alive that they were read into.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.ahead = [bytes, &self.ahead].concat().into();
        }
    }

    /// True when nothing written since the last flush is left. Stays valid while hyper owns the stream.
    pub(crate) fn flushed(&self) -> Arc<AtomicBool> {
        self.flushed.clone()
    }

    /// Waits until the peer says something, which is kept, or has gone: false.
    pub(crate) async fn hear(&mut self) -> bool {
        if self.ahead.is_empty() { self.hear_more().await } else { true }
    }

    /// Waits until the peer says something behind what is kept already, or has gone: false.
    pub(crate) async fn hear_more(&mut self) -> bool {
        let mut bytes = [0u8; 64];
        let mut buffer = ReadBuf::new(&mut bytes);
        let read = std::future::poll_fn(|cx| self.poll_socket_read(cx, &mut buffer)).await;
        if read.is_err() || buffer.filled().is_empty() {
            return false;
        }
        self.ahead = [&self.ahead, buffer.filled()].concat().into();
        true
    }

    fn poll_socket_read(&mut self, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Plain(socket) => Pin::new(socket).poll_read(cx, buffer),
            Socket::Tls(socket) => Pin::new(socket).poll_read(cx, buffer),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ahead.is_empty() {
            return this.poll_socket_read(cx, buffer);
        }
        let some = this.ahead.len().min(buffer.remaining());
        buffer.put_slice(&this.ahead[..some]);
        this.ahead.advance(some);
        if this.ahead.is_empty() {
            this.ahead = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.flushed.store(false, Ordering::Relaxed);
        match &mut this.socket {
            Socket::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Socket::Tls(socket) => Pin::new(socket).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.flushed.store(false, Ordering::Relaxed);
        match &mut this.socket {
            Socket::Plain(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
            Socket::Tls(socket) => Pin::new(socket).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.socket {
            Socket::Plain(socket) => socket.is_write_vectored(),
            Socket::Tls(socket) => socket.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = match &mut this.socket {
            Socket::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Socket::Tls(socket) => Pin::new(socket).poll_flush(cx),
        };
        if flushed.is_ready() {
            this.flushed.store(true, Ordering::Relaxed);
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().socket {
            Socket::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Socket::Tls(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}
