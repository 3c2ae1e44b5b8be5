//! The one request through which units come down.

use polysocket_protocol::Unit;

use crate::Time;

/// Names one attachment; never reused within a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverId(pub(crate) u32);

/// How a receiver ends and what it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Answers once.
    Poll,
    /// Goes on; the page sends by other requests, whose answers carry the acks.
    Stream,
    /// Goes on, both ways: acks are due as soon as something is accepted.
    Socket,
}

/// A request to receive.
#[derive(Debug, Clone)]
pub struct Attach {
    /// How it ends.
    pub style: Style,
    /// What has arrived at the page. None: what is handed over is gone (at most once).
    pub ack: Option<u64>,
    /// The client knows numbers, fragments, `open` and `close`.
    pub told: bool,
    /// Number of the poll: a repeat of the parked one shares it instead of replacing it.
    pub poll: Option<u64>,
    /// Until the heartbeat, ms.
    pub ttl_ms: u64,
    /// How long the session may be without a request afterwards, ms; the session's idle time if none.
    pub pause_ms: Option<u64>,
    /// Dial a held target.
    pub dial: bool,
}

/// What is handed to a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The number of the first unit, or of the next to come.
    pub seq: u64,
    /// In order, without gaps; may be empty.
    pub units: Vec<Unit>,
    /// What was accepted from the page.
    pub ack: u64,
}

/// What a receiver finds when it asks.
#[derive(Debug, PartialEq, Eq)]
pub enum Take {
    /// Nothing yet; it is woken.
    Pending,
    /// Units, or for [`Style::Socket`] only a new ack. A poll is over with it.
    Units(Batch),
    /// Its time is over without any. A poll is over with it.
    Heartbeat(Batch),
    /// It is over: a newer one took its place, or the relay wants it back.
    Over(Batch),
    /// The session is gone.
    Gone,
}

/// The attached receiver.
#[derive(Debug)]
pub(crate) struct Receiver {
    pub(crate) id: ReceiverId,
    pub(crate) style: Style,
    pub(crate) consumes: bool,
    pub(crate) told: bool,
    pub(crate) poll: Option<u64>,
    /// Requests that share it: one, more for repeats of a parked poll.
    pub(crate) holders: u8,
    /// The next unit it gets.
    pub(crate) cursor: u64,
    pub(crate) ttl_ms: u64,
    pub(crate) beat_at: Time,
    pub(crate) beat_due: bool,
    pub(crate) told_ack: u64,
    /// The relay wants it back.
    pub(crate) released: bool,
}
