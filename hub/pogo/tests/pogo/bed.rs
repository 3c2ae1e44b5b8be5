//! A node with Pogo on a port of its own, and clients of it.

use std::net::SocketAddr;
use std::sync::Arc;

use polysocket_broker::{Broker, BrokerConfig, BrokerMetrics};
use polysocket_config::Span;
use polysocket_outbound::{Dialer, Policy, TargetsConfig};
use polysocket_pogo::{Parts, Pogo, PogoConfig, PogoMetrics};
use polysocket_service::Lifecycle;
use polysocket_service::http::{HttpConfig, HttpMetrics, Routes, Server, bind};
use polysocket_socket::{SocketLimits, SocketMetrics};
use polysocket_tests::ask::ask;
use polysocket_tests::metrics::metric;
use polysocket_tokens::{AuthConfig, Keyring};
use prometheus::Registry;
use serde_json::Value;

pub use polysocket_tests::answer::Answer;
pub use polysocket_tests::event_stream::EventStream;
pub use polysocket_tests::patience::{PATIENCE, eventually};
pub use polysocket_tests::socket::Socket as Client;

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

    /// Two nodes over one broker, which read by themselves too seldom for a test.
    pub async fn two(upstream: &str) -> (Self, Self) {
        let one = Self::with(upstream, |setup| setup.config.poll_every = Span::seconds(60)).await;
        let broker = one.broker.clone();
        let other = Self::with(upstream, |setup| {
            setup.config.poll_every = Span::seconds(60);
            setup.broker = Some(broker);
        })
        .await;
        (one, other)
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
        ask(self.address, method, path, headers, body).await
    }

    /// A backend says something of a path.
    pub async fn push(&self, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> u16 {
        let bearer = format!("Bearer {PUSH_TOKEN}");
        let headers: Vec<_> = more.iter().copied().chain([("Authorization", bearer.as_str())]).collect();
        self.send(method, path, &headers, body.as_bytes()).await.status()
    }

    /// Server-sent events of a path, or the answer that there are none.
    pub async fn events(&self, path: &str, headers: &[(&str, &str)]) -> Result<EventStream, Answer> {
        EventStream::open(self.address, path, headers).await
    }

    pub fn metric(&self, name: &str, label: &str) -> i64 {
        metric(&self.metrics, name, label)
    }
}

/// What a test of Pogo says again and again.
pub trait Talks {
    /// Binds, and takes the ack and the first state.
    async fn bind(&mut self, path: &str) -> Value;
    /// Nothing has come, and nothing was on its way: what was asked now is answered next.
    async fn quiet(&mut self);
}

impl Talks for Client {
    async fn bind(&mut self, path: &str) -> Value {
        let ack = self.ask(&format!(r#"{{"seqId":77,"event":"bind","path":"{path}"}}"#)).await;
        assert_eq!(ack, r#"{"seqId":77,"status":"ok"}"#);
        let frame = self.json().await;
        assert_eq!((&frame["event"], &frame["path"]), (&"response".into(), &path.into()), "{frame}");
        frame["data"].clone()
    }

    async fn quiet(&mut self) {
        let answer = self.ask(r#"{"seqId":"quiet","event":"unbind","path":"/nothing-bound-here"}"#).await;
        assert_eq!(answer, r#"{"seqId":"quiet","status":"ok"}"#);
    }
}
