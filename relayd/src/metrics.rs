//! What a relay counts.

use polysocket_protocol::word;
use polysocket_service::metrics::{IntCounter, IntCounterVec, IntGauge, Maker, Registry};

use crate::why;

/// One set for a node.
#[derive(Debug, Clone)]
pub struct RelayMetrics {
    pub(crate) sessions: IntGauge,
    pub(crate) buffered_bytes: IntGauge,
    pub(crate) opened: IntCounter,
    pub(crate) not_opened: IntCounterVec,
    pub(crate) ended: IntCounterVec,
    pub(crate) receivers: Receivers,
    pub(crate) reasons: IntCounterVec,
    pub(crate) up: Carried,
    pub(crate) down: Carried,
    pub(crate) refusals: IntCounterVec,
    pub(crate) forwarded: IntCounterVec,
    pub(crate) registry_errors: IntCounter,
}

/// Requests to receive, by transport. Looked up once: these are counted with every request.
#[derive(Debug, Clone)]
pub(crate) struct Receivers {
    pub(crate) relay: IntCounter,
    pub(crate) stream: IntCounter,
    pub(crate) sse: IntCounter,
    pub(crate) poll: IntCounter,
    pub(crate) jsonp: IntCounter,
}

/// What was carried in one direction.
#[derive(Debug, Clone)]
pub(crate) struct Carried {
    messages: IntCounter,
    bytes: IntCounter,
}

impl Carried {
    /// Counts a message.
    pub(crate) fn count(&self, bytes: usize) {
        self.messages.inc();
        self.bytes.inc_by(bytes as u64);
    }
}

/// How sessions end: by the code the page is told, in classes.
pub(crate) fn end_class(code: u16) -> &'static str {
    match code {
        1000 => "1000",
        1001 => "1001",
        1002 => "1002",
        1005 => "1005",
        1006 => "1006",
        1007 => "1007",
        1008 => "1008",
        1009 => "1009",
        3000..=4999 => "application",
        _ => "other",
    }
}

pub(crate) const FORGOTTEN: &str = "forgotten";
const END_CLASSES: [&str; 11] =
    ["1000", "1001", "1002", "1005", "1006", "1007", "1008", "1009", "application", "other", FORGOTTEN];

const TRANSPORTS: [&str; 5] = ["relay", "stream", "sse", "poll", "jsonp"];
/// From page to target, and back.
const DIRECTIONS: [&str; 2] = ["up", "down"];

impl RelayMetrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Self {
        let make = Maker(registry);
        let receivers = make.counters(
            "polysocket_relay_receivers_total",
            "Requests to receive.",
            "transport",
            &TRANSPORTS,
        );
        let receivers = TRANSPORTS.map(|name| receivers.with_label_values(&[name]));
        let [relay, stream, sse, poll, jsonp] = receivers;
        let messages =
            make.counters("polysocket_relay_messages_total", "Messages carried.", "direction", &DIRECTIONS);
        let bytes =
            make.counters("polysocket_relay_bytes_total", "Payload bytes carried.", "direction", &DIRECTIONS);
        let [up, down] = DIRECTIONS.map(|name| Carried {
            messages: messages.with_label_values(&[name]),
            bytes: bytes.with_label_values(&[name]),
        });
        let words = word::ALL.map(polysocket_protocol::Word::as_str);
        Self {
            sessions: make.gauge("polysocket_relay_sessions", "Sessions this node holds."),
            buffered_bytes: make.gauge(
                "polysocket_relay_buffered_bytes",
                "Bytes of units and messages in all sessions, as of the last renewal of the lease.",
            ),
            opened: make.counter("polysocket_relay_opened_total", "Sessions opened or held."),
            not_opened: make.counters(
                "polysocket_relay_not_opened_total",
                "Sessions that routers asked for and that could not be opened.",
                "word",
                &words,
            ),
            ended: make.counters(
                "polysocket_relay_ended_total",
                "Sessions that ended, by the close code the page was told; `forgotten`: the page was gone.",
                "code",
                &END_CLASSES,
            ),
            reasons: make.counters(
                "polysocket_relay_reasons_total",
                "Why pages did not use a native WebSocket, or changed transport, as their clients say.",
                "reason",
                &why::WORDS,
            ),
            receivers: Receivers { relay, stream, sse, poll, jsonp },
            up,
            down,
            refusals: make.counters("polysocket_relay_refusals_total", "Requests refused.", "word", &words),
            forwarded: make.counters(
                "polysocket_relay_forwarded_total",
                "Requests of other nodes' sockets: forwarded, or not because that node is gone or failed.",
                "outcome",
                &["ok", "gone", "failed"],
            ),
            registry_errors: make.counter(
                "polysocket_relay_registry_errors_total",
                "Calls to the registry that failed. Running sessions do not need it.",
            ),
        }
    }
}
