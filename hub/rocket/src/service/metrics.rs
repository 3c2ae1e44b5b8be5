//! What Rocket counts, beside what its connections and the broker do.

use polysocket_service::metrics::{IntCounter, IntCounterVec, IntGauge, Maker, Registry};

use crate::wire::{NAMES, VERBS};

/// One set for a mount.
#[derive(Debug, Clone)]
pub struct RocketMetrics {
    pub(super) requests: IntCounterVec,
    pub(super) refusals: IntCounterVec,
    pub(super) subscriptions: IntGauge,
    pub(super) gaps: IntCounter,
    pub(super) wrong_origin: IntCounter,
}

impl RocketMetrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Self {
        let make = Maker(registry);
        Self {
            requests: make.counters(
                "polysocket_rocket_requests_total",
                "Messages of Rocket clients that named an action.",
                "action",
                &VERBS.map(|(name, _)| name),
            ),
            refusals: make.counters(
                "polysocket_rocket_refusals_total",
                "Messages of Rocket clients that were answered with an error.",
                "error",
                &NAMES,
            ),
            subscriptions: make.gauge("polysocket_rocket_subscriptions", "Subscriptions of Rocket clients."),
            gaps: make.counter(
                "polysocket_rocket_gaps_total",
                "Times that messages were lost to a subscription and could not be recovered.",
            ),
            wrong_origin: make.counter(
                "polysocket_rocket_wrong_origin_total",
                "Handshakes that were refused as pages of their origin may not connect.",
            ),
        }
    }
}
