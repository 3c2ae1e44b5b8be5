//! Transports: HTTP to session and back. Each translates; none decides, buffers, orders or retries.

pub(crate) mod event_stream;
pub(crate) mod poll;
pub(crate) mod send;
pub(crate) mod stream;
pub(crate) mod websocket;

use polysocket_protocol::limits::{STREAM_TTL_MS_DEFAULT, clamp_ttl};
use polysocket_session::{Attach, Style};

use crate::query::Params;

/// Bytes of units taken at once by receivers that go on.
const STREAM_CHUNK_BYTES: usize = 64 * 1024;

/// A receiver that goes on, as its parameters ask for it.
fn attach_stream(params: &Params, style: Style, ack: Option<u64>) -> Attach {
    Attach {
        style,
        ack,
        told: true,
        poll: None,
        ttl_ms: clamp_ttl(params.ttl, STREAM_TTL_MS_DEFAULT),
        pause_ms: params.pause,
        dial: params.dial,
    }
}
