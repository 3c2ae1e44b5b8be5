//! What the bridge counts.

use polysocket_service::metrics::{Histogram, IntCounter, IntCounterVec, IntGauge, Maker, Registry};

use crate::error::Rejection;

/// One set for all mounts of a process. Connections of clients are counted by `polysocket_socket`.
#[derive(Debug, Clone)]
pub struct PostgresMetrics {
    pub(crate) listening: IntGauge,
    pub(crate) publishing: IntGauge,
    pub(crate) lost: IntCounterVec,
    pub(crate) channels: IntGauge,
    pub(crate) rejected: IntCounterVec,
    pub(crate) expired: IntCounter,
    pub(crate) notifications: IntCounterVec,
    pub(crate) deliveries: IntCounter,
    pub(crate) gaps: IntCounter,
    pub(crate) messages: IntCounterVec,
    pub(crate) batch: Histogram,
    pub(crate) waiting: IntGauge,
    pub(crate) waiting_bytes: IntGauge,
    pub(crate) heartbeat: Histogram,
    pub(crate) queue_usage: IntGauge,
    pub(crate) replayed: IntCounter,
}

const BATCH: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];
const SECONDS: [f64; 10] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

impl PostgresMetrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Self {
        let make = Maker(registry);
        Self {
            listening: make.gauge(
                "polysocket_postgres_listening",
                "1 while the connection that listens is up and hears itself, 0 while messages may be lost.",
            ),
            publishing: make.gauge(
                "polysocket_postgres_publishing",
                "1 while the connection that notifies is up, 0 while messages wait.",
            ),
            lost: make.counters(
                "polysocket_postgres_connections_lost_total",
                "Connections to the database that ended or were given up, and failed attempts to make one.",
                "role",
                &["listener", "publisher", "outbox"],
            ),
            channels: make.gauge("polysocket_postgres_channels", "Channels with subscribers on this node, or such that had some a moment ago."),
            rejected: make.counters(
                "polysocket_postgres_rejected_total",
                "Requests for a WebSocket that were refused, by reason.",
                "reason",
                &Rejection::WORDS,
            ),
            expired: make.counter("polysocket_postgres_expired_total", "Connections closed because their token expired."),
            notifications: make.counters(
                "polysocket_postgres_notifications_total",
                "Notifications of the database: delivered to somebody, or without a subscriber.",
                "outcome",
                &["delivered", "nobody"],
            ),
            deliveries: make.counter("polysocket_postgres_deliveries_total", "Messages handed to subscribers."),
            gaps: make.counter("polysocket_postgres_gaps_total", "Subscribers told that messages may have been lost."),
            messages: make.counters(
                "polysocket_postgres_messages_total",
                "Messages of clients: notified; too long; refused by the database; given up because the database was away; not allowed by the token's mode or for the meta channel.",
                "outcome",
                &["notified", "too-long", "refused", "late", "not-allowed"],
            ),
            batch: make.histogram("polysocket_postgres_batch_messages", "Messages notified in one transaction.", &BATCH),
            waiting: make.gauge("polysocket_postgres_waiting", "Messages that wait for the database."),
            waiting_bytes: make.gauge("polysocket_postgres_waiting_bytes", "Their bytes; at postgres.queue_bytes_max no more are read from clients."),
            heartbeat: make.histogram(
                "polysocket_postgres_heartbeat_seconds",
                "From a notification to ourselves to its arrival.",
                &SECONDS,
            ),
            queue_usage: make.gauge(
                "polysocket_postgres_queue_usage_percent",
                "How full PostgreSQL's notification queue is; at 100 no NOTIFY can be committed.",
            ),
            replayed: make.counter("polysocket_postgres_replayed_total", "Messages of the outbox that were replayed."),
        }
    }
}
