//! One client on a WebSocket.
//!
//! Reads (`bind`, `get`) of a client run at the same time, up to `pogo.reads_at_once_max`, and may overtake each other.
//! Whatever changes something waits for all reads before it and holds up all after it, so that a client reads what it
//! has written.

mod bind;
mod channels;
mod client;
mod identity;
mod replay;
mod session;
mod verbs;

pub(crate) use channels::publish;
pub(crate) use client::Opening;
pub(crate) use session::Talk;
