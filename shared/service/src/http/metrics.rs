//! What the listeners count.

use prometheus::Registry;

use crate::metrics::{IntCounter, IntCounterVec, IntGauge, Maker};

/// One set for all listeners of a process.
#[derive(Debug, Clone)]
pub struct HttpMetrics {
    pub(crate) open: IntGauge,
    pub(crate) parked: IntGauge,
    pub(crate) accepted: IntCounter,
    pub(crate) ended: IntCounterVec,
}

pub(crate) const REFUSED: &str = "refused";
pub(crate) const TLS_FAILED: &str = "tls-failed";
pub(crate) const WRITE_TIMEOUT: &str = "write-timeout";
pub(crate) const HEAD_TIMEOUT: &str = "head-timeout";
pub(crate) const BROKEN: &str = "broken";
pub(crate) const CLOSED: &str = "closed";

impl HttpMetrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Self {
        let make = Maker(registry);
        let outcomes = [CLOSED, BROKEN, HEAD_TIMEOUT, WRITE_TIMEOUT, TLS_FAILED, REFUSED];
        Self {
            open: make.gauge("polysocket_http_connections", "Open HTTP connections."),
            parked: make.gauge("polysocket_http_parked_connections", "Connections that wait with a parked request."),
            accepted: make.counter("polysocket_http_accepted_total", "HTTP connections accepted."),
            ended: make.counters(
                "polysocket_http_ended_total",
                "HTTP connections that ended: closed, broken by the peer or by bad HTTP, out of time, or refused at connections_max.",
                "outcome",
                &outcomes,
            ),
        }
    }
}
