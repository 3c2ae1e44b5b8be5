//! One WebSocket connection of a hub's client, the server's side of it (RFC 6455).
//!
//! A protocol gives [`Sockets::accept`] a request and a [`Conversation`]; it gets a [`Sender`], which anybody may
//! clone and use from anywhere, and the peer's messages one after the other.
//!
//! # Layout
//! - [`reader`]: frames from bytes, pure: no socket, no clock.
//! - [`text_frame`], [`binary_frame`]: frames for any number of connections, encoded once.
//! - `queue`: frames that wait for their peer, counted in bytes. Pure.
//! - `flood`: how many messages a peer may send. Pure.
//! - `connection`: what a [`Sender`] and the connection's task share: the socket and the queue, under one lock.
//! - `pump`: the task's view of a connection: reads, keeps deadlines, closes.
//! - [`Sockets`]: all connections of one mount: their limits, their count, and how they end when the process does.
//! - [`SocketLimits`], [`SocketMetrics`], [`Cause`].
//!
//! # Invariants
//! 1. [`Sender::send`] never waits. It writes straight to the socket while nothing is queued, so that a fan-out costs
//!    one system call for a delivery and wakes no task.
//! 2. A connection that takes nothing costs its queue, of at most `queue_bytes_max` and one frame, and then ends by
//!    name. Nobody else is slowed.
//! 3. A connection that is idle owns no buffer: reads go to one that the thread's connections share.
//! 4. The next message is read when the last one has been dealt with: a peer cannot have more than one in work.
//! 5. Every end has a [`Cause`], counted once. Every wait on the peer has a deadline.

mod close;
mod connection;
mod conversation;
mod encode;
mod flood;
mod id;
mod incoming;
mod limits;
mod metrics;
mod pump;
mod queue;
pub mod reader;
mod sender;
mod sockets;
mod terms;

pub use close::{Cause, CloseSummary};
pub use conversation::Conversation;
pub use encode::{binary_frame, text_frame};
pub use id::ConnectionId;
pub use incoming::{Incoming, Utf8};
pub use limits::SocketLimits;
pub use metrics::SocketMetrics;
pub use sender::Sender;
pub use sockets::{Refusal, Sockets};
