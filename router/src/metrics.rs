//! What a router counts.

use polysocket_protocol::Word;
use polysocket_service::metrics::{Histogram, IntCounter, IntCounterVec, IntGauge, Maker, Registry};

/// One set for a router.
#[derive(Debug, Clone)]
pub struct RouterMetrics {
    pub(crate) creates: IntCounterVec,
    pub(crate) in_flight: IntGauge,
    pub(crate) seconds: Histogram,
    pub(crate) retried: IntCounter,
    pub(crate) nodes: IntGauge,
    pub(crate) directory_age_ms: IntGauge,
    pub(crate) directory_errors: IntCounter,
    pub(crate) alive: IntCounterVec,
}

/// A create that gave a socket.
pub(crate) const OPENED: &str = "opened";
/// A create whose client hung up before there was an answer.
pub(crate) const HUNG_UP: &str = "hung-up";
/// Answers of `/alive`, beside refusals.
pub(crate) const ALIVE: &str = "alive";
pub(crate) const DEAD: &str = "dead";

/// The words a create may be refused with (`docs/PROTOCOL.md` §2).
pub(crate) const CREATE_WORDS: [Word; 13] = [
    Word::BadRequest,
    Word::BadTarget,
    Word::BadToken,
    Word::TokenExpired,
    Word::WrongAudience,
    Word::WrongAlgorithm,
    Word::WrongOrigin,
    Word::Forbidden,
    Word::Limit,
    Word::NoCapacity,
    Word::Unavailable,
    Word::UpstreamRefused,
    Word::Timeout,
];

/// A create that needs no waiting takes milliseconds; the slowest end at `router.create_timeout`.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

impl RouterMetrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Self {
        let make = Maker(registry);
        let mut outcomes = vec![OPENED, HUNG_UP];
        outcomes.extend(CREATE_WORDS.map(Word::as_str));
        let alive = [ALIVE, DEAD, Word::BadRequest.as_str(), Word::Gone.as_str(), Word::Unavailable.as_str()];
        Self {
            creates: make.counters(
                "polysocket_router_creates_total",
                "Creates that ended: opened, refused with a word, or the client hung up.",
                "outcome",
                &outcomes,
            ),
            in_flight: make.gauge("polysocket_router_creates_in_flight", "Creates under way."),
            seconds: make.histogram(
                "polysocket_router_create_seconds",
                "From a create to its answer, the target's handshake included.",
                &SECONDS,
            ),
            retried: make.counter(
                "polysocket_router_placements_retried_total",
                "Creates that were tried on a second relay, as the first was gone or full.",
            ),
            nodes: make.gauge("polysocket_router_nodes", "Relays in the table, draining ones included."),
            directory_age_ms: make.gauge(
                "polysocket_router_directory_age_milliseconds",
                "Age of the table of relays when it was last to be read; grows while the registry cannot be reached.",
            ),
            directory_errors: make.counter(
                "polysocket_router_directory_errors_total",
                "Reads of the table of relays that failed.",
            ),
            alive: make.counters(
                "polysocket_router_alive_total",
                "Questions whether a socket's relay is alive.",
                "outcome",
                &alive,
            ),
        }
    }
}
