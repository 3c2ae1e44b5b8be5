//! A node with Gockets on a port of its own, and clients of it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use polysocket_broker::{Broker, BrokerConfig, BrokerMetrics};
use polysocket_config::Span;
use polysocket_gockets::{Gockets, GocketsConfig, GocketsMetrics, HooksConfig, Parts, store};
use polysocket_outbound::{Dialer, Policy, TargetsConfig};
use polysocket_service::Lifecycle;
use polysocket_service::http::{HttpConfig, HttpMetrics, Routes, Server, bind};
use polysocket_socket::{SocketLimits, SocketMetrics};
use polysocket_tests::http1::{Framing, Head, Reader};
use polysocket_tests::websocket::{self, Frame, FrameReader, opcode};
use prometheus::Registry;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

pub use polysocket_tests::patience::{PATIENCE, eventually};

/// Before a node is made.
pub struct Setup {
    pub config: GocketsConfig,
    pub hooks: HooksConfig,
    pub targets: TargetsConfig,
    pub sockets: SocketLimits,
    pub broker: BrokerConfig,
    pub body_timeout: Duration,
    /// Hooks may lead to this machine.
    pub loopback: bool,
}

pub struct Bed {
    pub address: SocketAddr,
    pub gockets: Gockets,
    pub life: Lifecycle,
    pub metrics: Registry,
}

impl Bed {
    pub async fn new() -> Self {
        Self::with(|_| ()).await
    }

    pub async fn with(change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup {
            config: GocketsConfig::default(),
            hooks: HooksConfig {
                retry_first: Span::millis(20),
                retry_longest: Span::millis(50),
                empty_after: Span::millis(50),
                ..HooksConfig::default()
            },
            targets: TargetsConfig { hosts_file: false, ..TargetsConfig::default() },
            sockets: SocketLimits::default(),
            broker: BrokerConfig::default(),
            body_timeout: PATIENCE,
            loopback: true,
        };
        change(&mut setup);
        let (life, metrics) = (Lifecycle::new(), Registry::new());
        let policy = Policy::new(&setup.targets).unwrap();
        let policy = if setup.loopback { policy.allow_loopback() } else { policy };
        let bound = bind("127.0.0.1:0", None).unwrap();
        let address = bound.address().unwrap();
        let broker = Broker::open(&setup.broker, BrokerMetrics::new(&metrics)).await.unwrap();
        let gockets = Gockets::new(Parts {
            channels: store::open(&setup.broker, "gockets", setup.config.channels_max).unwrap(),
            config: setup.config,
            hooks: setup.hooks,
            space: "gockets".into(),
            ports: vec![address.port()],
            body_timeout: setup.body_timeout,
            broker,
            socket_limits: setup.sockets,
            socket_metrics: SocketMetrics::new(&metrics),
            dialer: Arc::new(Dialer::new(policy, &setup.targets).unwrap()),
            life: life.clone(),
            metrics: GocketsMetrics::new(&metrics),
        });
        let http = HttpMetrics::new(&metrics);
        Server::new(Routes::new(gockets.service()), HttpConfig::default(), life.clone(), http).serve(bound);
        Self { address, gockets, life, metrics }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], b"").await
    }

    pub async fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.send("POST", path, &[], body.as_ref()).await
    }

    /// One request as curl would send it to `localhost`, unless `headers` say otherwise.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        timeout(PATIENCE, send(self.address, method, path, headers, body)).await.expect("an answer").unwrap()
    }

    pub async fn prepare(&self, options: &str) -> Keys {
        let answer = self.post("/channel/prepare", options).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let json = answer.json();
        let key = |name: &str| json[name].as_str().unwrap().to_owned();
        Keys { publisher: key("publisher_token"), subscriber: key("subscriber_token") }
    }

    pub async fn prepare_with_hook(&self, url: &str, more: &str) -> Keys {
        self.prepare(&format!("{{\"subscriber_message_hook_url\":\"{url}\"{more}}}")).await
    }

    pub async fn publish(&self, keys: &Keys, body: impl AsRef<[u8]>) {
        let answer = self.post(&format!("/channel/publish/{}", keys.publisher), body).await;
        assert_eq!((answer.status, answer.json()["type"].as_str()), (200, Some("INF")), "{}", answer.text());
    }

    pub async fn delete(&self, keys: &Keys) {
        let answer = self.send("DELETE", &format!("/channel/publish/{}", keys.publisher), &[], b"").await;
        assert_eq!(answer.text(), r#"{"type":"OK","message":"Successfully closed connection"}"#);
    }

    pub async fn subscribe(&self, keys: &Keys) -> Client {
        Client::open(self.address, &format!("/channel/subscribe/{}", keys.subscriber)).await
    }

    pub async fn hook_state(&self, keys: &Keys) -> Value {
        self.get(&format!("/channel/hooks/{}", keys.publisher)).await.json()
    }

    pub fn metric(&self, name: &str, label: &str) -> i64 {
        let families = self.metrics.gather();
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

#[derive(Debug, Clone)]
pub struct Keys {
    pub publisher: String,
    pub subscriber: String,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: Head,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.head.header(name).unwrap_or_default()
    }
}

pub async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    write_request(&mut stream, address, method, path, headers, body).await?;
    let mut reader = Reader::new(stream);
    let head = reader.head().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let body = reader.body(Framing::of_answer(&head)?).await?;
    Ok(Answer { status: head.status(), head, body: body.to_vec() })
}

async fn write_request(
    stream: &mut TcpStream,
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<()> {
    let mut lines: Vec<(String, String)> = Vec::new();
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        lines.push(("Host".into(), format!("localhost:{}", address.port())));
    }
    lines.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    if !body.is_empty() || method == "POST" {
        lines.push(("Content-Length".into(), body.len().to_string()));
    }
    let head = Head { start: format!("{method} {path} HTTP/1.1"), headers: lines };
    let mut bytes = head.encode();
    bytes.extend_from_slice(body);
    // A server that refuses a body may close before all of it was written; its answer counts.
    let _ = stream.write_all(&bytes).await;
    Ok(())
}

/// A WebSocket, frame by frame.
pub struct Client {
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
        let mut lines: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        lines.extend(more);
        write_request(&mut stream, address, "GET", path, &lines, b"").await.unwrap();
        let mut reader = Reader::new(stream);
        let head = timeout(PATIENCE, reader.head()).await.expect("an answer").unwrap().unwrap();
        if head.status() != 101 {
            let body = reader.body(Framing::of_answer(&head).unwrap()).await.unwrap().to_vec();
            return Err(Answer { status: head.status(), head, body });
        }
        assert!(websocket::is_accepted(&head, &key), "{head:?}");
        let (stream, rest) = reader.into_parts();
        let (read, writer) = stream.into_split();
        Ok(Self { reader: FrameReader::new(read, &rest), writer })
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

    pub async fn say(&mut self, text: &str) {
        self.send(Frame::new(opcode::TEXT, text.to_owned())).await;
    }

    pub async fn send(&mut self, frame: Frame) {
        websocket::send(&mut self.writer, &frame.masked()).await.unwrap();
    }

    /// The close frame that comes next, and the end of the connection.
    pub async fn closed(mut self) -> (Option<u16>, String) {
        let frame = self.next().await.expect("a close frame");
        assert_eq!(frame.opcode, opcode::CLOSE, "{frame:?}");
        let said = frame.close_code();
        self.send(Frame::close(said.0, "")).await;
        assert_eq!(self.next().await, None);
        said
    }

    pub async fn close(mut self, code: u16) -> Option<Frame> {
        self.send(Frame::close(Some(code), "bye")).await;
        self.next().await
    }
}
