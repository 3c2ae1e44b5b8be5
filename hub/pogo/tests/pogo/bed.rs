//! A node with Pogo on a port of its own, and clients of it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use polysocket_broker::{Broker, BrokerConfig, BrokerMetrics};
use polysocket_config::Span;
use polysocket_outbound::{Dialer, Policy, TargetsConfig};
use polysocket_pogo::{Parts, Pogo, PogoConfig, PogoMetrics};
use polysocket_service::Lifecycle;
use polysocket_service::http::{HttpConfig, HttpMetrics, Routes, Server, bind};
use polysocket_socket::{SocketLimits, SocketMetrics};
use polysocket_tests::http1::{Framing, Head, Reader};
use polysocket_tests::websocket::{self, Frame, FrameReader, opcode};
use polysocket_tokens::{AuthConfig, Keyring};
use prometheus::Registry;
use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, sleep, timeout};

/// Longer than anything takes that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// What backends push with.
pub const PUSH_TOKEN: &str = "push-0123456789abcdef";

/// Before a node is made.
pub struct Setup {
    pub config: PogoConfig,
    pub targets: TargetsConfig,
    pub sockets: SocketLimits,
    pub broker: Option<Broker>,
    pub auth: Option<AuthConfig>,
    /// The API may be on this machine.
    pub loopback: bool,
    /// Served below this path, as `dev` does.
    pub prefix: Option<&'static str>,
}

pub struct Bed {
    pub address: SocketAddr,
    pub pogo: Pogo,
    pub broker: Broker,
    pub life: Lifecycle,
    pub metrics: Registry,
}

impl Bed {
    /// Before this API; it is polled often enough for a test, and only told changes count where a test says so.
    pub async fn new(upstream: &str) -> Self {
        Self::with(upstream, |_| ()).await
    }

    pub async fn with(upstream: &str, change: impl FnOnce(&mut Setup)) -> Self {
        let mut setup = Setup {
            config: PogoConfig {
                upstream: Some(upstream.to_owned()),
                poll_every: Span::millis(20),
                poll_shortest: Span::millis(20),
                push_token: Some(PUSH_TOKEN.to_owned()),
                ..PogoConfig::default()
            },
            targets: TargetsConfig { hosts_file: false, ..TargetsConfig::default() },
            sockets: SocketLimits::default(),
            broker: None,
            auth: None,
            loopback: true,
            prefix: None,
        };
        change(&mut setup);
        let (life, metrics) = (Lifecycle::new(), Registry::new());
        let policy = Policy::new(&setup.targets).unwrap();
        let policy = if setup.loopback { policy.allow_loopback() } else { policy };
        let bound = bind("127.0.0.1:0", None).unwrap();
        let address = bound.address().unwrap();
        let broker = match setup.broker {
            Some(broker) => broker,
            None => Broker::open(&BrokerConfig::default(), BrokerMetrics::new(&metrics)).await.unwrap(),
        };
        let pogo = Pogo::new(Parts {
            config: setup.config,
            space: "pogo".into(),
            keyring: setup.auth.map(|auth| Arc::new(Keyring::new(&auth).unwrap())),
            body_timeout: PATIENCE,
            broker: broker.clone(),
            socket_limits: setup.sockets,
            socket_metrics: SocketMetrics::new(&metrics),
            dialer: Arc::new(Dialer::new(policy, &setup.targets).unwrap()),
            life: life.clone(),
            metrics: PogoMetrics::new(&metrics),
        })
        .unwrap();
        let http = HttpMetrics::new(&metrics);
        let routes = match setup.prefix {
            Some(prefix) => axum::Router::new().nest_service(prefix, pogo.routes()),
            None => pogo.routes(),
        };
        Server::new(Routes::new(routes), HttpConfig::default(), life.clone(), http).serve(bound);
        Self { address, pogo, broker, life, metrics }
    }

    pub async fn client(&self) -> Client {
        Client::open(self.address, "/").await
    }

    /// A client that has said who it is.
    pub async fn user(&self, token: &str) -> Client {
        let mut client = self.client().await;
        client.say(&format!(r#"{{"seqId":0,"event":"auth","data":{{"token":"{token}"}}}}"#)).await;
        let answer = client.json().await;
        assert_eq!(answer["status"], "ok", "{answer}");
        client
    }

    /// One request.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        timeout(PATIENCE, send(self.address, method, path, headers, body)).await.expect("an answer").unwrap()
    }

    /// A backend says something of a path.
    pub async fn push(&self, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> u16 {
        let bearer = format!("Bearer {PUSH_TOKEN}");
        let headers: Vec<_> = more.iter().copied().chain([("Authorization", bearer.as_str())]).collect();
        self.send(method, path, &headers, body.as_bytes()).await.status
    }

    /// Server-sent events of a path, or the answer that there are none.
    pub async fn events(&self, path: &str, headers: &[(&str, &str)]) -> Result<Events, Answer> {
        let accept = [("Accept", "text/event-stream")];
        let headers: Vec<_> = headers.iter().copied().chain(accept).collect();
        Events::open(self.address, path, &headers).await
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

/// Looks again and again until it is so.
pub async fn eventually(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !look().await {
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(5)).await;
    }
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
    let mut lines: Vec<(String, String)> = vec![("Host".into(), format!("localhost:{}", address.port()))];
    lines.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    if !body.is_empty() || method != "GET" {
        lines.push(("Content-Length".into(), body.len().to_string()));
    }
    let head = Head { start: format!("{method} {path} HTTP/1.1"), headers: lines };
    let mut bytes = head.encode();
    bytes.extend_from_slice(body);
    // A server that refuses a body may close before all of it was written; its answer counts.
    let _ = stream.write_all(&bytes).await;
    Ok(())
}

/// A stream of events, as text.
pub struct Events {
    reader: Reader<TcpStream>,
    framing: Framing,
    text: String,
}

impl Events {
    async fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Result<Self, Answer> {
        let mut stream = TcpStream::connect(address).await.unwrap();
        write_request(&mut stream, address, "GET", path, headers, b"").await.unwrap();
        let mut reader = Reader::new(stream);
        let head = timeout(PATIENCE, reader.head()).await.expect("an answer").unwrap().unwrap();
        if head.status() != 200 {
            let body = reader.body(Framing::of_answer(&head).unwrap()).await.unwrap().to_vec();
            return Err(Answer { status: head.status(), head, body });
        }
        assert_eq!(head.header("content-type"), Some("text/event-stream"));
        let framing = Framing::of_answer(&head).unwrap();
        Ok(Self { reader, framing, text: String::new() })
    }

    /// The next event, without the empty line after it; none when the stream has ended.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if event != ":" {
                    return Some(event);
                }
                continue;
            }
            let chunk =
                timeout(PATIENCE, self.reader.piece(&mut self.framing)).await.expect("an event").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

/// A WebSocket, frame by frame.
pub struct Client {
    pub reader: FrameReader<OwnedReadHalf>,
    pub writer: OwnedWriteHalf,
    pub head: Head,
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
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
            .collect();
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
        Ok(Self { reader: FrameReader::new(read, &rest), writer, head })
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

    pub async fn say(&mut self, text: &str) {
        self.send(Frame::new(opcode::TEXT, text.to_owned())).await;
    }

    pub async fn send(&mut self, frame: Frame) {
        websocket::send(&mut self.writer, &frame.masked()).await.unwrap();
    }

    /// Says something and takes the one answer.
    pub async fn ask(&mut self, text: &str) -> String {
        self.say(text).await;
        self.text().await
    }

    /// Binds, and takes the ack and the first state.
    pub async fn bind(&mut self, path: &str) -> Value {
        let ack = self.ask(&format!(r#"{{"seqId":77,"event":"bind","path":"{path}"}}"#)).await;
        assert_eq!(ack, r#"{"seqId":77,"status":"ok"}"#);
        let frame = self.json().await;
        assert_eq!((&frame["event"], &frame["path"]), (&"response".into(), &path.into()), "{frame}");
        frame["data"].clone()
    }

    /// Nothing has come, and nothing was on its way: what was asked now is answered next.
    pub async fn quiet(&mut self) {
        let answer = self.ask(r#"{"seqId":"quiet","event":"unbind","path":"/nothing-bound-here"}"#).await;
        assert_eq!(answer, r#"{"seqId":"quiet","status":"ok"}"#);
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
}
