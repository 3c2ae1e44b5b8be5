//! A node with the bridge on a port of its own, and clients of it.

use std::net::SocketAddr;

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use polysocket_config::Span;
use polysocket_postgres::{Parts, Postgres, PostgresConfig, PostgresMetrics, Wire};
use polysocket_service::Lifecycle;
use polysocket_service::http::{HttpConfig, HttpMetrics, Routes, Server as HttpServer, bind};
use polysocket_socket::{SocketLimits, SocketMetrics};
use polysocket_tests::metrics::metric;
use polysocket_tests::postgres_server::PostgresServer;
use prometheus::Registry;
use serde_json::{Value, json};

pub use polysocket_tests::patience::{PATIENCE, eventually};
pub use polysocket_tests::socket::Socket as Client;

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
        metric(&self.metrics, &format!("polysocket_postgres_{name}"), label)
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

/// What a test of the bridge takes again and again.
pub trait Envelopes {
    /// The `payload` of the next envelope.
    async fn payload(&mut self) -> String;
}

impl Envelopes for Client {
    async fn payload(&mut self) -> String {
        self.json().await["payload"].as_str().expect("a payload").to_owned()
    }
}
