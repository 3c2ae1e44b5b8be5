//! Listening, handshakes, and the record of every connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::behave;
use super::script::{Script, protocol};
use super::seen::{Register, Seen};
use crate::http1::{Head, Reader};
use crate::websocket::{self, FrameReader};

/// A scripted WebSocket server; its connections end when it is dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    register: Arc<Register>,
    stop: CancellationToken,
}

impl Upstream {
    /// Starts on a free port of the loopback.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let upstream = Self {
            address: listener.local_addr()?,
            register: Arc::default(),
            stop: CancellationToken::new(),
        };
        let (register, stop) = (upstream.register.clone(), upstream.stop.clone());
        tokio::spawn(upstream.stop.clone().run_until_cancelled_owned(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let register = register.clone();
                tokio::spawn(stop.clone().run_until_cancelled_owned(async move {
                    // A client that breaks its connection is the client's own affair.
                    let _ = serve(&register, stream).await;
                }));
            }
        }));
        Ok(upstream)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path with query; the scripts are described in this module's source.
    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// Every connection so far whose handshake came, in order.
    pub fn seen(&self) -> Vec<Seen> {
        self.register.all()
    }

    /// Waits for a connection of which this is true.
    ///
    /// # Panics
    ///
    /// When there is none in time, with what there was.
    pub async fn expect(&self, what: &str, limit: Duration, is_it: impl Fn(&Seen) -> bool) -> Seen {
        match self.register.wait_for(limit, is_it).await {
            Some(seen) => seen,
            None => panic!("the target did not see {what} within {limit:?}: {:#?}", self.seen()),
        }
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(register: &Register, stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, mut writer) = stream.into_split();
    let mut reader = Reader::new(read);
    let Some(head) = reader.head().await? else { return Ok(()) };
    let number = register.add(Seen::new(head.clone()));
    let script = Script::parse(head.target());
    match &script {
        Script::Hang => reader.closed().await,
        Script::Half => {
            writer.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso").await?;
            reader.closed().await;
        }
        Script::Refuse { status, to } => {
            let mut headers = vec![("Content-Length".to_owned(), "0".to_owned())];
            headers.extend(to.iter().map(|to| ("Location".to_owned(), to.clone())));
            writer.write_all(&Head { start: format!("HTTP/1.1 {status} Refused"), headers }.encode()).await?;
        }
        _ => {
            let protocol = protocol(head.target(), head.header("sec-websocket-protocol"));
            writer.write_all(&websocket::accept(&head, protocol.as_deref()).encode()).await?;
            let (read, rest) = reader.into_parts();
            let frames = FrameReader::new(read, &rest);
            // How it ended is in the record; a broken connection is one of the ways.
            let _ = behave::run(&script, register, number, frames, writer).await;
        }
    }
    register.update(number, |seen| seen.ended = true);
    Ok(())
}

/// A server that takes connections and never says or reads anything: a hang before the handshake.
#[derive(Debug)]
pub struct Silent {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stop: CancellationToken,
}

impl Silent {
    /// Starts on a free port of the loopback.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let silent = Self {
            address: listener.local_addr()?,
            connections: Arc::default(),
            stop: CancellationToken::new(),
        };
        let connections = silent.connections.clone();
        tokio::spawn(silent.stop.clone().run_until_cancelled_owned(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                held.push(stream);
            }
        }));
        Ok(silent)
    }

    /// The WebSocket URL.
    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
