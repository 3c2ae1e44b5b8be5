//! A node with the bridge on a port of its own, and clients of it.

use std::net::SocketAddr;
use std::time::Duration;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use polysocket_config::Span;
use polysocket_postgres::{Parts, Postgres, PostgresConfig, PostgresMetrics, Wire};
use polysocket_service::Lifecycle;
use polysocket_service::http::{HttpConfig, HttpMetrics, Routes, Server as HttpServer, bind};
use polysocket_socket::{SocketLimits, SocketMetrics};
use polysocket_tests::http1::{Framing, Head, Reader};
use polysocket_tests::websocket::{self, Frame, FrameReader, opcode};
use prometheus::Registry;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, sleep, timeout};

use polysocket_tests::postgres_server::PostgresServer;

/// Longer than anything takes that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// That of the original's own tests.
pub const SECRET: &str = "reallyreallyreallyreallyverysafe";

pub struct Bed {
    pub address: SocketAddr,
    pub postgres: Postgres,
    pub life: Lifecycle,
    pub metrics: Registry,
}

/// Times that no test has to wait for.
pub fn config(server: &PostgresServer, wire: Wire) -> PostgresConfig {
    PostgresConfig {
        url: server.url(),
        wire,
        jwt_secret: Some(SECRET.into()),
        connect_timeout: Span::millis(1000),
        statement_timeout: Span::millis(1000),
        retry_first: Span::millis(20),
        retry_longest: Span::millis(100),
        heartbeat_every: Span::millis(100),
        heartbeat_within: Span::millis(1000),
        unlisten_after: Span::millis(100),
        publish_within: Span::seconds(60),
        outbox_poll_every: Span::millis(10),
        ..PostgresConfig::default()
    }
}

impl Bed {
    pub async fn new(server: &PostgresServer) -> Self {
        Self::with(server, Wire::Seed, |_| ()).await
    }

    pub async fn current(server: &PostgresServer) -> Self {
        Self::with(server, Wire::Current, |_| ()).await
    }

    pub async fn with(server: &PostgresServer, wire: Wire, change: impl FnOnce(&mut PostgresConfig)) -> Self {
        let bed = Self::unready(server, wire, change);
        bed.ready().await;
        bed
    }

    pub fn unready(server: &PostgresServer, wire: Wire, change: impl FnOnce(&mut PostgresConfig)) -> Self {
        let mut config = config(server, wire);
        change(&mut config);
        Self::limited(config, SocketLimits { messages_per_second: 0, ..SocketLimits::default() })
    }

    pub fn limited(config: PostgresConfig, socket_limits: SocketLimits) -> Self {
        let (life, metrics) = (Lifecycle::new(), Registry::new());
        let postgres = Postgres::new(Parts {
            config,
            contends: true,
            socket_limits,
            socket_metrics: SocketMetrics::new(&metrics),
            life: life.clone(),
            metrics: PostgresMetrics::new(&metrics),
        })
        .unwrap();
        let bound = bind("127.0.0.1:0", None).unwrap();
        let address = bound.address().unwrap();
        let http = HttpMetrics::new(&metrics);
        let routes = postgres.routes().nest("/postgres", postgres.routes());
        HttpServer::new(Routes::new(routes), HttpConfig::default(), life.clone(), http).serve(bound);
        Self { address, postgres, life, metrics }
    }

    pub async fn ready(&self) {
        eventually("ready", async || self.postgres.ready().is_ok()).await;
    }

    pub async fn unready_now(&self) {
        eventually("not ready", async || self.postgres.ready().is_err()).await;
    }

    /// A WebSocket with these claims.
    pub async fn open(&self, claims: Value) -> Client {
        Client::open(self.address, &format!("/{}", token(&claims))).await
    }

    /// One that reads and writes one channel.
    pub async fn chat(&self, channel: &str) -> Client {
        self.open(json!({"mode": "rw", "channel": channel})).await
    }

    pub fn metric(&self, name: &str, label: &str) -> i64 {
        let families = self.metrics.gather();
        let name = format!("polysocket_postgres_{name}");
        let family = families.iter().find(|family| family.name() == name).unwrap_or_else(|| panic!("{name}"));
        let metric = family
            .get_metric()
            .iter()
            .find(|metric| label.is_empty() || metric.get_label().iter().any(|pair| pair.value() == label));
        let metric = metric.unwrap_or_else(|| panic!("{name} {label}"));
        #[allow(clippy::cast_possible_truncation, reason = "they are whole and small")]
        let value = (metric.get_counter().get_value() + metric.get_gauge().get_value()) as i64;
        value
    }
}

/// Looks again and again until it is so.
pub async fn eventually(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !look().await {
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(5)).await;
    }
}

pub fn token(claims: &Value) -> String {
    token_by(claims, SECRET)
}

pub fn token_by(claims: &Value, secret: &str) -> String {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

/// Seconds since the epoch.
pub fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: Head,
    pub body: String,
}

pub async fn get(address: SocketAddr, path: &str) -> Answer {
    let mut stream = TcpStream::connect(address).await.unwrap();
    write_request(&mut stream, address, path, &[]).await;
    let mut reader = Reader::new(stream);
    let head = timeout(PATIENCE, reader.head()).await.expect("an answer").unwrap().unwrap();
    answer(head, &mut reader).await
}

async fn answer(head: Head, reader: &mut Reader<TcpStream>) -> Answer {
    let body = reader.body(Framing::of_answer(&head).unwrap()).await.unwrap();
    Answer { status: head.status(), head, body: String::from_utf8(body.to_vec()).unwrap() }
}

async fn write_request(stream: &mut TcpStream, address: SocketAddr, path: &str, headers: &[(&str, &str)]) {
    let mut lines = vec![("Host".to_owned(), address.to_string())];
    lines.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let head = Head { start: format!("GET {path} HTTP/1.1"), headers: lines };
    stream.write_all(&head.encode()).await.unwrap();
}

/// A WebSocket, frame by frame.
pub struct Client {
    pub head: Head,
    pub reader: FrameReader<OwnedReadHalf>,
    pub writer: OwnedWriteHalf,
}

impl Client {
    pub async fn open(address: SocketAddr, path: &str) -> Self {
        Self::try_open(address, path, &[]).await.unwrap_or_else(|answer| panic!("{answer:?}"))
    }

    pub async fn try_open(address: SocketAddr, path: &str, more: &[(&str, &str)]) -> Result<Self, Answer> {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let (headers, key) = websocket::client_headers("");
        let mut lines: Vec<(&str, &str)> = headers
            .iter()
            .filter(|(name, _)| !more.iter().any(|(other, _)| other == name))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        lines.extend(more);
        write_request(&mut stream, address, path, &lines).await;
        let mut reader = Reader::new(stream);
        let head = timeout(PATIENCE, reader.head()).await.expect("an answer").unwrap().unwrap();
        if head.status() != 101 {
            return Err(answer(head, &mut reader).await);
        }
        assert!(websocket::is_accepted(&head, &key), "{head:?}");
        let (stream, rest) = reader.into_parts();
        let (read, writer) = stream.into_split();
        Ok(Self { head, reader: FrameReader::new(read, &rest), writer })
    }

    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            let frame = timeout(PATIENCE, self.reader.next()).await.expect("a frame");
            let frame = frame.unwrap_or(None);
            if frame.as_ref().is_none_or(|frame| frame.opcode != opcode::PING) {
                return frame;
            }
        }
    }

    pub async fn text(&mut self) -> String {
        let frame = self.next().await.expect("a message");
        assert_eq!(frame.opcode, opcode::TEXT, "{frame:?}");
        String::from_utf8(frame.payload.to_vec()).unwrap()
    }

    pub async fn json(&mut self) -> Value {
        let text = self.text().await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// The `payload` of the next envelope.
    pub async fn payload(&mut self) -> String {
        self.json().await["payload"].as_str().expect("a payload").to_owned()
    }

    pub async fn say(&mut self, text: &str) {
        self.send(Frame::new(opcode::TEXT, text.to_owned())).await;
    }

    pub async fn send(&mut self, frame: Frame) {
        websocket::send(&mut self.writer, &frame.masked()).await.unwrap();
    }

    /// Nothing has come that was not asked for: a ping is answered next.
    pub async fn silent(&mut self) {
        self.send(Frame::new(opcode::PING, "there?")).await;
        let frame = self.next().await.expect("a pong");
        assert_eq!((frame.opcode, &frame.payload[..]), (opcode::PONG, &b"there?"[..]), "{frame:?}");
    }

    /// The close frame that comes next, and the end of the connection.
    pub async fn closed(mut self) -> (u16, String) {
        let frame = self.next().await.expect("a close frame");
        assert_eq!(frame.opcode, opcode::CLOSE, "{frame:?}");
        let (code, reason) = frame.close_code();
        self.send(Frame::close(code, "")).await;
        assert_eq!(self.next().await, None);
        (code.unwrap(), reason)
    }
}
