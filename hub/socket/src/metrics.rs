//! What the hub's connections count.

use polysocket_service::metrics::{IntCounter, IntCounterVec, IntGauge, Maker, Registry};

use crate::Cause;

/// One set for all connections of a process.
#[derive(Debug, Clone)]
pub struct SocketMetrics {
    pub(crate) open: IntGauge,
    pub(crate) opened: IntCounter,
    pub(crate) refused: IntCounter,
    pub(crate) ended: IntCounterVec,
    pub(crate) queued_bytes: IntGauge,
    pub(crate) frames_out: IntCounter,
    pub(crate) bytes_out: IntCounter,
    pub(crate) frames_in: IntCounter,
    pub(crate) bytes_in: IntCounter,
}

impl SocketMetrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Self {
        let make = Maker(registry);
        Self {
            open: make.gauge("polysocket_socket_connections", "Open WebSocket connections of the hub's clients."),
            opened: make.counter("polysocket_socket_opened_total", "WebSocket connections of the hub's clients that were opened."),
            refused: make.counter(
                "polysocket_socket_refused_total",
                "Handshakes that were refused: at connections_max, or while the process drains.",
            ),
            ended: make.counters(
                "polysocket_socket_ended_total",
                "WebSocket connections of the hub's clients that ended, by cause.",
                "cause",
                &Cause::ALL.map(Cause::word),
            ),
            queued_bytes: make.gauge(
                "polysocket_socket_queued_bytes",
                "Bytes that wait for clients which take less than they are sent. Bytes that several wait for count for each.",
            ),
            frames_out: make.counter("polysocket_socket_frames_sent_total", "Messages, pings and pongs sent to the hub's clients, or queued for them."),
            bytes_out: make.counter("polysocket_socket_bytes_sent_total", "Bytes of these frames."),
            frames_in: make.counter("polysocket_socket_frames_received_total", "Messages and control frames received from the hub's clients."),
            bytes_in: make.counter("polysocket_socket_bytes_received_total", "Bytes received from the hub's clients."),
        }
    }
}
