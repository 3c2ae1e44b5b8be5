//! What Gockets count.

use polysocket_service::metrics::{Histogram, IntCounter, IntCounterVec, IntGauge, Maker, Registry};

/// One set for all mounts of a process. Connections are counted by `polysocket_socket`.
#[derive(Debug, Clone)]
pub struct GocketsMetrics {
    pub(crate) requests: IntCounterVec,
    pub(crate) published: IntCounter,
    pub(crate) published_bytes: IntCounter,
    pub(crate) streams: IntGauge,
    pub(crate) polls: IntGauge,
    pub(crate) messages: IntCounterVec,
    pub(crate) gaps: IntCounter,
    pub(crate) hook_events: IntCounterVec,
    pub(crate) hook_ends: IntCounterVec,
    pub(crate) hook_seconds: Histogram,
    pub(crate) hook_queued: IntGauge,
    pub(crate) hook_queued_bytes: IntGauge,
    pub(crate) dead_letters: IntGauge,
    pub(crate) dead_dropped: IntCounter,
}

/// Answers of routes.
pub(crate) const OUTCOMES: [&str; 5] = ["ok", "refused", "unauthorized", "unavailable", "error"];
/// A hook may take up to `gockets_hooks.timeout`.
const SECONDS: [f64; 9] = [0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0];

impl GocketsMetrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Self {
        let make = Maker(registry);
        Self {
            requests: make.counters(
                "polysocket_gockets_requests_total",
                "Requests answered: ok; refused to the client; unauthorized, by the admin lock; unavailable, without the broker; error.",
                "outcome",
                &OUTCOMES,
            ),
            published: make.counter("polysocket_gockets_published_total", "Messages published."),
            published_bytes: make.counter("polysocket_gockets_published_bytes_total", "Their bytes."),
            streams: make.gauge("polysocket_gockets_event_streams", "Listeners by server-sent events."),
            polls: make.gauge("polysocket_gockets_polls", "Long polls that wait."),
            messages: make.counters(
                "polysocket_gockets_client_messages_total",
                "Messages of listeners: handed to the queue of hooks, or in a channel without a hook.",
                "outcome",
                &["queued", "no-hook"],
            ),
            gaps: make.counter(
                "polysocket_gockets_gaps_total",
                "Listeners that were told, or closed, because messages for them were lost.",
            ),
            hook_events: make.counters(
                "polysocket_gockets_hook_events_total",
                "Deliveries handed to the queue of hooks.",
                "event",
                &["message", "connect", "disconnect", "empty"],
            ),
            hook_ends: make.counters(
                "polysocket_gockets_hook_attempts_total",
                "Attempts that ended, and deliveries that found no room: delivered, to be made again, or a dead letter because it was refused, given up or had no room.",
                "outcome",
                &["delivered", "again", "refused", "given-up", "no-room"],
            ),
            hook_seconds: make.histogram(
                "polysocket_gockets_hook_seconds",
                "From a request to a hook to its answer.",
                &SECONDS,
            ),
            hook_queued: make.gauge(
                "polysocket_gockets_hook_queue",
                "Deliveries that wait or are under way; at gockets_hooks.count_max new ones are dead letters.",
            ),
            hook_queued_bytes: make.gauge("polysocket_gockets_hook_queue_bytes", "Their bytes."),
            dead_letters: make.gauge("polysocket_gockets_dead_letters", "Dead letters that are kept."),
            dead_dropped: make.counter(
                "polysocket_gockets_dead_letters_dropped_total",
                "Dead letters that had to make way for newer ones.",
            ),
        }
    }
}
