//! What the test programs of this crate share.
#![allow(clippy::unwrap_used, dead_code, reason = "each test program uses some of it")]

pub mod ask;
pub mod recorder;
pub mod redis_cluster;
pub mod redis_sentinel;
pub mod rig;
pub mod tls;
pub mod way;

use bytes::Bytes;
use polysocket_broker::{Broker, BrokerConfig, BrokerMetrics, Kind, Published, Topic};
use polysocket_config::Span;
use polysocket_service::metrics::Registry;

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
    open_counted(config).await.0
}

/// With its metrics.
pub async fn open_counted(config: &BrokerConfig) -> (Broker, Registry) {
    let registry = Registry::new();
    (Broker::open(config, BrokerMetrics::new(&registry)).await.unwrap(), registry)
}

/// The value of a gauge of the broker.
pub fn gauge(registry: &Registry, name: &str) -> u64 {
    let name = format!("polysocket_broker_{name}");
    let families = registry.gather();
    let family = families.iter().find(|family| family.name() == name).unwrap_or_else(|| panic!("{name}"));
    let value = family.get_metric()[0].get_gauge().get_value();
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts, and small ones")]
    let value = value as u64;
    value
}

pub fn topic(name: &str) -> Topic {
    Topic::new("test:/", name)
}

pub async fn publish(broker: &Broker, topic: &Topic, text: &str) -> Published {
    broker.publish(topic, Kind::Text, Bytes::copy_from_slice(text.as_bytes())).await.unwrap()
}
