//! What the test programs of this crate share.
#![allow(clippy::unwrap_used, dead_code, reason = "each test program uses some of it")]

use std::time::Duration;

use polysocket_config::Span;
use polysocket_registry::{
    Asks, Establish, Message, NodeLease, Outcome, RegistryConfig, Replier, SocketLease,
};
use polysocket_tests::redis_server::RedisServer;
use tokio::time::timeout;

/// Longer than any message takes that is going to come at all.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Leases so short that a test may wait for their end.
pub fn short_times() -> RegistryConfig {
    RegistryConfig {
        lease_time: Span::millis(800),
        renew_every: Span::millis(100),
        socket_lease_time: Span::seconds(1),
        ..RegistryConfig::default()
    }
}

/// The same on this server.
pub fn config(server: &RedisServer) -> RegistryConfig {
    RegistryConfig { url: format!("{}/0", server.url()), ..short_times() }
}

/// A server that wants this password, and who gives it.
pub async fn with_password(password: &str) -> (RedisServer, RegistryConfig) {
    let server = RedisServer::with(&["--requirepass", password]).await.unwrap();
    let config = config(&server);
    let url = config.url.replace("redis://", &format!("redis://:{password}@"));
    (server, RegistryConfig { url, ..config })
}

pub fn lease(node: &str, boot: u64) -> NodeLease {
    NodeLease {
        node: node.to_owned(),
        boot,
        address: "tom.example.com:8443/relay".to_owned(),
        label_hosts: true,
        internal_url: "http://10.0.0.7:8081".to_owned(),
        sessions: 17,
        capacity: 50_000,
        cpu_permille: 250,
        buffered_bytes: 1 << 40,
        draining: false,
        version: "0.1.0".to_owned(),
        renewals: 3,
        opened: 40,
    }
}

pub fn request(id: &str) -> Establish {
    Establish {
        request_id: id.to_owned(),
        target: "wss://chat.example.com/room?name=\"ü\u{1f}\u{2028}".to_owned(),
        protocols: vec!["chat.v2".to_owned(), "chat".to_owned()],
        origin: Some("https://page.example.com".to_owned()),
        page_origin: None,
        hold: false,
        socket_lease: Some(socket_lease("acme", id)),
        bytes_per_second_max: Some(1 << 20),
        holder: "anna".to_owned(),
        budget_ms: 4500,
    }
}

pub fn socket_lease(holder: &str, id: &str) -> SocketLease {
    SocketLease { holder: holder.to_owned(), id: id.to_owned() }
}

pub fn opened(socket: &str) -> Outcome {
    Outcome::Opened {
        socket: socket.to_owned(),
        label: "x7".to_owned(),
        protocol: "chat".to_owned(),
        extensions: String::new(),
        serial: 7,
    }
}

pub async fn next(asks: &mut Asks) -> Message {
    timeout(PATIENCE, asks.next()).await.expect("a message").expect("the registry is there")
}

pub async fn next_establish(asks: &mut Asks) -> (Establish, Replier) {
    match next(asks).await {
        Message::Establish(establish, replier) => (*establish, replier),
        Message::Cancel(id) => panic!("a cancel of {id}"),
    }
}

pub async fn next_cancel(asks: &mut Asks) -> String {
    match next(asks).await {
        Message::Cancel(id) => id,
        Message::Establish(establish, _) => panic!("{establish:?}"),
    }
}
