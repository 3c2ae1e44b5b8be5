//! What the test programs of this crate share.
#![allow(clippy::unwrap_used, dead_code, reason = "each test program uses some of it")]

pub mod recorder;
pub mod redis_cluster;
pub mod redis_sentinel;
pub mod redis_server;
pub mod rig;
pub mod way;

use std::time::Duration;

use bytes::Bytes;
use polysocket_broker::{Broker, BrokerConfig, BrokerMetrics, Kind, Published, Topic};
use polysocket_config::Span;
use polysocket_service::metrics::Registry;
use tokio::time::{Instant, sleep};

/// Longer than anything takes that is going to happen at all.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Looks again and again until it is so.
pub async fn eventually(what: &str, mut look: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !look().await {
        assert!(Instant::now() < deadline, "not in {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(10)).await;
    }
}

/// Times so short that a test may wait for their end.
pub fn config(url: &str) -> BrokerConfig {
    BrokerConfig {
        url: url.to_owned(),
        lease_time: Span::seconds(2),
        topic_linger: Span::millis(200),
        ..BrokerConfig::default()
    }
}

pub async fn open(config: &BrokerConfig) -> Broker {
    Broker::open(config, BrokerMetrics::new(&Registry::new())).await.unwrap()
}

pub fn topic(name: &str) -> Topic {
    Topic::new("test:/", name)
}

pub async fn publish(broker: &Broker, topic: &Topic, text: &str) -> Published {
    broker.publish(topic, Kind::Text, Bytes::copy_from_slice(text.as_bytes())).await.unwrap()
}
