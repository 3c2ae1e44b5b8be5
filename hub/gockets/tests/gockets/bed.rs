//! A node with Gockets on a port of its own, and clients of it.

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
use polysocket_tests::ask::ask;
use polysocket_tests::metrics::metric;
use prometheus::Registry;
use serde_json::Value;

pub use polysocket_tests::answer::Answer;
pub use polysocket_tests::patience::{PATIENCE, eventually};
pub use polysocket_tests::socket::Socket as Client;

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
        ask(self.address, method, path, headers, body).await
    }

    pub async fn prepare(&self, options: &str) -> Keys {
        let answer = self.post("/channel/prepare", options).await;
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let json = answer.json();
        let key = |name: &str| json[name].as_str().unwrap().to_owned();
        Keys { publisher: key("publisher_token"), subscriber: key("subscriber_token") }
    }

    pub async fn prepare_with_hook(&self, url: &str, more: &str) -> Keys {
        self.prepare(&format!("{{\"subscriber_message_hook_url\":\"{url}\"{more}}}")).await
    }

    pub async fn publish(&self, keys: &Keys, body: impl AsRef<[u8]>) {
        let answer = self.post(&format!("/channel/publish/{}", keys.publisher), body).await;
        assert_eq!(
            (answer.status(), answer.json()["type"].as_str()),
            (200, Some("INF")),
            "{}",
            answer.text()
        );
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
        metric(&self.metrics, name, label)
    }
}

#[derive(Debug, Clone)]
pub struct Keys {
    pub publisher: String,
    pub subscriber: String,
}
