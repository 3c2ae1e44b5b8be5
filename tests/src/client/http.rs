//! A small HTTP client with the habits of a browser: keep-alive, several connections to a host, `*.localhost` is
//! this machine. Unlike a browser it never repeats a request by itself, so that a test decides about every retry.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

pub use crate::answer::Answer;
use crate::http1::{Framing, Head, Reader};

/// How long a connection may take to open.
const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Where connections really go: straight to the name, or through a fault proxy.
#[derive(Clone, Debug, Default)]
pub struct Dialer {
    by_port: HashMap<u16, SocketAddr>,
    all: Option<SocketAddr>,
}

impl Dialer {
    /// Straight to the address that a name stands for.
    pub fn direct() -> Self {
        Self::default()
    }

    /// Every connection goes to this proxy, whatever the name.
    pub fn through(proxy: SocketAddr) -> Self {
        Self { all: Some(proxy), ..Self::default() }
    }

    /// Connections to this port, under any name, go to this proxy.
    #[must_use]
    pub fn route(mut self, port: u16, proxy: SocketAddr) -> Self {
        self.by_port.insert(port, proxy);
        self
    }

    /// Opens a connection to `host:port`; the port is 80 where it is missing.
    pub async fn dial(&self, authority: &str) -> io::Result<TcpStream> {
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => {
                (host, port.parse().map_err(|_| io::Error::other(format!("{authority} has no port")))?)
            }
            None => (authority, 80),
        };
        let connect = async {
            if let Some(proxy) = self.all.or_else(|| self.by_port.get(&port).copied()) {
                TcpStream::connect(proxy).await
            } else if host == "localhost" || host.ends_with(".localhost") {
                // RFC 6761 section 6.3: every name under localhost is the loopback, without asking anybody.
                TcpStream::connect(("127.0.0.1", port)).await
            } else {
                TcpStream::connect((host, port)).await
            }
        };
        let stream = timeout(CONNECT_MAX, connect).await.map_err(|_| io::ErrorKind::TimedOut)??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Why there is no whole answer.
#[derive(Debug)]
pub enum HttpError {
    /// Nobody listens: the request was not delivered.
    Refused(io::Error),
    /// The connection broke; whether the request was delivered is not known.
    Broken(io::Error),
    /// The deadline passed.
    Late(Duration),
}

impl std::fmt::Display for HttpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "no connection: {error}"),
            Self::Broken(error) => write!(f, "no whole answer: {error}"),
            Self::Late(limit) => write!(f, "no answer within {limit:?}"),
        }
    }
}

impl std::error::Error for HttpError {}

/// A request; the body goes with POST.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// `host[:port]`.
    pub authority: String,
    /// Path and query.
    pub path: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// A GET of a URL without its scheme, such as `127.0.0.1:80/path`.
    pub fn get(url: &str) -> Self {
        Self::new("GET", url, Bytes::new())
    }

    /// A POST to a URL without its scheme, with a content type that needs no preflight.
    pub fn post(url: &str, body: impl Into<Bytes>) -> Self {
        Self::new("POST", url, body.into()).header("Content-Type", "text/plain")
    }

    /// Any method.
    pub fn new(method: &'static str, url: &str, body: Bytes) -> Self {
        let url = url.trim_start_matches("http://");
        let (authority, path) = match url.find('/') {
            Some(at) => url.split_at(at),
            None => (url, "/"),
        };
        Self { method, authority: authority.into(), path: path.into(), headers: Vec::new(), body }
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    fn encode(&self) -> Vec<u8> {
        let mut headers = vec![("Host".to_owned(), self.authority.clone())];
        headers.extend_from_slice(&self.headers);
        if self.method == "POST" || !self.body.is_empty() {
            headers.push(("Content-Length".into(), self.body.len().to_string()));
        }
        let mut out = Head { start: format!("{} {} HTTP/1.1", self.method, self.path), headers }.encode();
        out.extend_from_slice(&self.body);
        out
    }
}

#[derive(Debug)]
struct Connection {
    reader: Reader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

/// An answer whose body is still coming.
#[derive(Debug)]
pub struct Streaming {
    /// Status and headers.
    pub head: Head,
    connection: Connection,
    framing: Framing,
}

impl Streaming {
    /// The next piece of the body; `None` at its proper end, an error where it was truncated.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, HttpError> {
        self.connection.reader.piece(&mut self.framing).await.map_err(HttpError::Broken)
    }

    /// The two directions of the connection, for what follows a 101, with what has arrived of it.
    pub fn upgrade(self) -> (OwnedReadHalf, Bytes, OwnedWriteHalf) {
        let (io, rest) = self.connection.reader.into_parts();
        (io, rest.freeze(), self.connection.writer)
    }
}

/// The client; clones share connections.
#[derive(Clone, Debug)]
pub struct HttpClient {
    dialer: Arc<Dialer>,
    idle: Arc<Mutex<HashMap<String, Vec<Connection>>>>,
}

impl HttpClient {
    /// A client without connections.
    pub fn new(dialer: Dialer) -> Self {
        Self { dialer: Arc::new(dialer), idle: Arc::default() }
    }

    /// Sends a request and reads the whole answer.
    pub async fn request(&self, request: &Request, limit: Duration) -> Result<Answer, HttpError> {
        let exchange = async {
            let mut streaming = self.open(request, limit).await?;
            let body =
                streaming.connection.reader.body(streaming.framing).await.map_err(HttpError::Broken)?;
            let Streaming { head, connection, framing } = streaming;
            if head.keeps_alive() && framing != Framing::UntilClose && !connection.reader.is_dirty() {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.entry(request.authority.clone()).or_default().push(connection);
            }
            Ok(Answer { head, body })
        };
        timeout(limit, exchange).await.map_err(|_| HttpError::Late(limit))?
    }

    /// Sends a request and reads the head of the answer. The connection is not used again.
    pub async fn open(&self, request: &Request, limit: Duration) -> Result<Streaming, HttpError> {
        let exchange = async {
            let pooled = {
                let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
                idle.get_mut(&request.authority).and_then(Vec::pop)
            };
            let mut connection = if let Some(connection) = pooled {
                connection
            } else {
                let stream = self.dialer.dial(&request.authority).await.map_err(HttpError::Refused)?;
                let (read, writer) = stream.into_split();
                Connection { reader: Reader::new(read), writer }
            };
            connection.writer.write_all(&request.encode()).await.map_err(HttpError::Broken)?;
            let head = loop {
                let head = connection.reader.head().await.map_err(HttpError::Broken)?;
                let gone = || HttpError::Broken(io::ErrorKind::UnexpectedEof.into());
                let head = head.ok_or_else(gone)?;
                // RFC 9110 section 15.2: other informational answers come before the final one.
                if head.status() == 101 || head.status() >= 200 {
                    break head;
                }
            };
            let framing = Framing::of_answer(&head).map_err(HttpError::Broken)?;
            Ok(Streaming { head, connection, framing })
        };
        timeout(limit, exchange).await.map_err(|_| HttpError::Late(limit))?
    }
}
