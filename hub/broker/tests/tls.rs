//! Redis behind TLS, with a certificate that an operator made.
#![allow(clippy::unwrap_used)]

mod common;

use common::recorder::listen;
use common::redis_cluster::Cluster;
use common::redis_sentinel::Sentinel;
use common::tls::Tls;
use common::{config, open, publish, topic};
use polysocket_broker::{Broker, BrokerConfig, BrokerError, BrokerMetrics, Kind};
use polysocket_config::Span;
use polysocket_service::metrics::Registry;
use polysocket_tests::patience::eventually;
use polysocket_tests::ports::free_port;
use polysocket_tests::redis_server::RedisServer;

fn believing(url: &str, tls: &Tls) -> BrokerConfig {
    BrokerConfig { redis_ca: Some(tls.ca()), ..config(url) }
}

async fn messages_pass(config: &BrokerConfig) {
    let (a, b) = (open(config).await, open(config).await);
    let t = topic("tls");
    let (listener, _held) = listen(&b, &t).await;
    publish(&a, &t, "1").await;
    listener.until_text("1").await;
}

/// What is said when it has been tried to connect.
async fn refused(config: &BrokerConfig, why: &str) -> String {
    let broker = open(&BrokerConfig { command_timeout: Span::millis(300), ..config.clone() }).await;
    let mut said = String::new();
    eventually(why, async || {
        said = broker.publish(&topic("tls"), Kind::Text, "1".into()).await.unwrap_err().to_string();
        said.contains(why)
    })
    .await;
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_checked() {
    let (tls, other, port) = (Tls::new(), Tls::new(), free_port().unwrap());
    let _server = RedisServer::with(&tls.options(port)).await.unwrap();
    let url = format!("rediss://localhost:{port}");
    messages_pass(&believing(&url, &tls)).await;
    let said = refused(&believing(&url, &other), "ertificate").await;
    assert!(said.contains(&url), "{said}");
    // The system does not believe it.
    refused(&config(&url), "ertificate").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_of_a_sentinel_and_its_servers_are_checked() {
    let (tls, other) = (Tls::new(), Tls::new());
    let servers = Sentinel::start_with(Some(&tls)).await;
    messages_pass(&believing(&servers.url(), &tls)).await;
    let said = refused(&believing(&servers.url(), &other), "ertificate").await;
    assert!(said.contains("Sentinel rediss://127.0.0.1"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_of_a_cluster_are_checked() {
    let (tls, other) = (Tls::new(), Tls::new());
    let servers = Cluster::start_with(Some(&tls)).await;
    messages_pass(&believing(&servers.url(), &tls)).await;
    refused(&believing(&servers.url(), &other), "ertificate").await;
}

#[tokio::test]
async fn authorities_that_cannot_be_read_are_told_at_the_start() {
    let config = BrokerConfig { redis_ca: Some("/no/such.pem".into()), ..config("rediss://localhost:1") };
    let opened = Broker::open(&config, BrokerMetrics::new(&Registry::new())).await;
    let Err(BrokerError::Invalid(why)) = opened else { panic!("it was opened") };
    assert!(why.starts_with("broker.redis_ca: /no/such.pem: cannot be read"), "{why}");
}
