//! The session state machine: what one carried WebSocket is, between a page that comes and goes and an upstream
//! that stays.
//!
//! Pure: no I/O, no clock, no randomness, no locks. Time is passed in ([`Time`], milliseconds since the relay
//! began); all deadlines are one ([`Session::deadline`]). It depends on the protocol crate and on nothing else.
//!
//! # How it is driven
//! - Requests of the page: [`attach`](Session::attach), [`take`](Session::take), [`detach`](Session::detach),
//!   [`send`](Session::send), [`ack`](Session::ack).
//! - Events of the upstream: [`upstream_open`](Session::upstream_open),
//!   [`upstream_message`](Session::upstream_message), [`upstream_closed`](Session::upstream_closed),
//!   [`upstream_written`](Session::upstream_written); what goes there is pulled with
//!   [`next_up`](Session::next_up).
//! - Time: [`timeout`](Session::timeout) once [`deadline`](Session::deadline) has come.
//! - After any of them [`take_signals`](Session::take_signals) says whom to wake. A woken party asks again; nothing
//!   is lost by waking too often.
//!
//! # Invariants
//! 1. Only an ack removes a unit from the outbox, except for a receiver that does not ack at all.
//! 2. Units are handed out in the order of their numbers, without gaps, and `close` is the last.
//! 3. A unit from the page is forwarded once, in the order of the numbers, however often it comes.
//! 4. At most one receiver. A newer one wins.
//! 5. Nothing grows without a limit, and reaching a limit has a named outcome.
//!
//! # Layout
//! [`session`](Session): the phases. `outbox`: down units until acked. `inbox`: numbers, fragments and the queue
//! going up. `receiver`: the one request through which units come down.

mod inbox;
mod limits;
mod outbox;
mod receiver;
mod session;
mod time;

pub use inbox::{ToUpstream, Wait};
pub use limits::Limits;
pub use receiver::{Attach, Batch, ReceiverId, Style, Take};
pub use session::{Attached, Sent, Session, Signals};
pub use time::Time;
