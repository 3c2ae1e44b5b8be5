//! How a client behaves: what a real shim has as constants, a test varies.

use std::time::Duration;

/// How units come down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `/j` without a callback: XHR and fetch.
    Poll,
    /// `/j` with a callback, and `/s` by GET.
    Jsonp,
    /// `/x`.
    Stream,
    /// `/e`.
    Sse,
    /// `/w`, both ways.
    WebSocket,
}

impl Transport {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Poll, Self::Jsonp, Self::Stream, Self::Sse, Self::WebSocket];
}

/// What becomes of the receiver that is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    /// It stays until the relay ends it, so that both receive for a while.
    Overlap,
    /// It is cut before the new one starts.
    Cut,
}

/// How a unit goes up by POST.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The payload as the body.
    Raw,
    /// The payload in base64 as the body.
    Base64,
    /// Everything in a form.
    Fields,
    /// Several units in frames.
    Frames,
    /// Several units in frames, in base64.
    Frames64,
}

/// All that can be varied.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The first receiver.
    pub transport: Transport,
    /// The forms of POST, used in turn; not empty.
    pub forms: Vec<Form>,
    /// Sends that may be under way at the same time; more than 1 uses the relay's window.
    pub in_flight: usize,
    /// Units in one request of frames.
    pub batch_units: usize,
    /// Payload bytes in one request of frames.
    pub batch_bytes: usize,
    /// Payload bytes in one unit by POST or WebSocket.
    pub unit_bytes: usize,
    /// Bytes in a URL by JSONP; IE stops at 2,083.
    pub url_bytes: usize,
    /// What a poll asks for; for streams the time between heartbeats.
    pub ttl: Duration,
    /// `dial=1` on receivers, for a session made with `hold`.
    pub dial: bool,
    /// The `pause` of polls.
    pub pause: Option<Duration>,
    /// The `max` of polls, in bytes.
    pub poll_bytes: Option<usize>,
    /// The first and the longest wait before a retry.
    pub backoff: (Duration, Duration),
    /// Failing so long, the client asks the router whether the node is alive.
    pub ask_alive_after: Duration,
    /// Failing so long, the client ends with 1006.
    pub give_up_after: Duration,
    /// For jitter.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            transport: Transport::Poll,
            forms: vec![Form::Frames],
            in_flight: 1,
            batch_units: 64,
            batch_bytes: 64 * 1024,
            unit_bytes: 16 * 1024,
            url_bytes: 1900,
            ttl: Duration::from_secs(10),
            dial: false,
            pause: None,
            poll_bytes: None,
            backoff: (Duration::from_millis(10), Duration::from_secs(1)),
            ask_alive_after: Duration::from_secs(4),
            give_up_after: Duration::from_secs(20),
            seed: 0,
        }
    }
}

impl Settings {
    /// The defaults on this transport.
    pub fn on(transport: Transport) -> Self {
        Self { transport, ..Self::default() }
    }
}
