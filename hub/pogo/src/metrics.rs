//! What Pogo counts.

use polysocket_service::metrics::{Histogram, IntCounter, IntCounterVec, IntGauge, Maker, Registry};

use crate::wire::Code;

/// One set for all mounts of a process. Connections are counted by `polysocket_socket`.
#[derive(Debug, Clone)]
pub struct PogoMetrics {
    pub(crate) requests: IntCounterVec,
    pub(crate) binds: IntGauge,
    pub(crate) feeds: IntGauge,
    pub(crate) streams: IntGauge,
    pub(crate) upstream: IntCounterVec,
    pub(crate) upstream_failures: IntCounterVec,
    pub(crate) upstream_seconds: Histogram,
    pub(crate) readings: IntCounterVec,
    pub(crate) updates: IntCounter,
    pub(crate) pushes: IntCounterVec,
    pub(crate) channel_events: IntCounter,
}

/// The API may take up to `pogo.upstream_timeout`.
const SECONDS: [f64; 9] = [0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0];

impl PogoMetrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Self {
        let make = Maker(registry);
        let codes = Code::ALL.map(Code::word);
        let outcomes: Vec<&str> = ["ok"].into_iter().chain(codes).collect();
        Self {
            requests: make.counters(
                "polysocket_pogo_requests_total",
                "Requests of clients that were answered, by WebSocket or HTTP: ok, or the code of the error.",
                "outcome",
                &outcomes,
            ),
            binds: make.gauge("polysocket_pogo_binds", "Binds of all clients, event streams included."),
            feeds: make.gauge(
                "polysocket_pogo_feeds",
                "Resources that are watched, each scope of a credential counted; at pogo.feeds_max new ones are refused.",
            ),
            streams: make.gauge("polysocket_pogo_event_streams", "Clients by server-sent events."),
            upstream: make.counters(
                "polysocket_pogo_upstream_requests_total",
                "Requests to the API: reads (polls among them), writes, and streams of events.",
                "kind",
                &["read", "write", "events"],
            ),
            upstream_failures: make.counters(
                "polysocket_pogo_upstream_failures_total",
                "Requests to the API that failed, by the code of the error.",
                "code",
                &codes,
            ),
            upstream_seconds: make.histogram(
                "polysocket_pogo_upstream_seconds",
                "From a request to the API to the end of its answer.",
                &SECONDS,
            ),
            readings: make.counters(
                "polysocket_pogo_readings_total",
                "What reading a watched resource found: changed; unchanged; not-modified, told by 304; stale, overtaken by a write; failed.",
                "outcome",
                &["changed", "unchanged", "not-modified", "stale", "failed"],
            ),
            updates: make.counter("polysocket_pogo_updates_total", "Changes sent to binders, each binder counted."),
            pushes: make.counters(
                "polysocket_pogo_pushes_total",
                "Pushes of backends: with the new state, of a deletion, or just that something has changed; and those refused.",
                "kind",
                &["value", "deleted", "changed", "refused"],
            ),
            channel_events: make.counter("polysocket_pogo_channel_events_total", "Events sent to channels."),
        }
    }
}
