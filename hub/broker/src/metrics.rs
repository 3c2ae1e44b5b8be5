//! What the broker counts.

use polysocket_service::metrics::{Histogram, IntCounter, IntGauge, Maker, Registry};

/// From the call of publish until the message has its place, seconds. In memory most are below the first.
const PUBLISH_SECONDS: &[f64] = &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.0];

/// One set for a process.
#[derive(Debug, Clone)]
pub struct BrokerMetrics {
    pub(crate) topics: IntGauge,
    pub(crate) subscriptions: IntGauge,
    pub(crate) published: IntCounter,
    pub(crate) publish_errors: IntCounter,
    pub(crate) publish_seconds: Histogram,
    pub(crate) delivered: IntCounter,
    pub(crate) recovered: IntCounter,
    pub(crate) not_recovered: IntCounter,
    pub(crate) catch_ups: IntCounter,
    pub(crate) gaps: IntCounter,
    pub(crate) overflows: IntCounter,
    pub(crate) history_bytes: IntGauge,
    pub(crate) histories_dropped: IntCounter,
    pub(crate) topics_forgotten: IntCounter,
    pub(crate) redis_up: IntGauge,
    pub(crate) redis_connects: IntCounter,
    pub(crate) redis_ignored: IntCounter,
}

impl BrokerMetrics {
    /// Made and registered.
    pub fn new(registry: &Registry) -> Self {
        let make = Maker(registry);
        let counter = |name: &str, help| make.counter(&format!("polysocket_broker_{name}_total"), help);
        let gauge = |name: &str, help| make.gauge(&format!("polysocket_broker_{name}"), help);
        Self {
            topics: gauge(
                "topics",
                "Channels that have subscribers in this process, or had some moments ago.",
            ),
            subscriptions: gauge("subscriptions", "Subscriptions of connections of this process."),
            published: counter("published", "Messages published by this process."),
            publish_errors: counter(
                "publish_errors",
                "Messages that could not be published, or may not have been.",
            ),
            publish_seconds: make.histogram(
                "polysocket_broker_publish_seconds",
                "From the call until the message has its place in the channel.",
                PUBLISH_SECONDS,
            ),
            delivered: counter("delivered", "Messages handed to connections of this process, one by one."),
            recovered: counter("recovered", "Subscriptions that got all they had missed."),
            not_recovered: counter(
                "not_recovered",
                "Subscriptions that asked for what they had missed, in vain.",
            ),
            catch_ups: counter(
                "catch_ups",
                "Times a channel was read from its history, after a hole or a lost connection.",
            ),
            gaps: counter(
                "gaps",
                "Times the subscribers of a channel were told that messages are lost for good.",
            ),
            overflows: counter(
                "overflows",
                "Times a channel fell behind more than broker.backlog_bytes_max, and was caught up.",
            ),
            history_bytes: gauge("history_bytes", "Messages kept in memory for those who were away."),
            histories_dropped: counter(
                "histories_dropped",
                "Histories dropped because of broker.history_bytes_max.",
            ),
            topics_forgotten: counter(
                "topics_forgotten",
                "Channels without subscribers forgotten because of broker.topics_max.",
            ),
            redis_up: gauge("redis_up", "Redis servers connected now."),
            redis_connects: counter(
                "redis_connects",
                "Connections made to Redis servers; after the first ones, reconnects.",
            ),
            redis_ignored: counter("redis_messages_ignored", "Messages from Redis that could not be read."),
        }
    }
}
