//! Pogo: any REST API, made live. Clients bind to paths over a WebSocket and are told when what is there changes; the API
//! behind is not changed for it.
//!
//! # Layout
//! - [`Pogo`] (`pogo`): what all of it shares; made from [`PogoConfig`], counts in [`PogoMetrics`].
//! - `wire`: messages, in both dialects and all encodings. Pure.
//! - `document`: JSON documents: when two are the same, and what differs. Pure.
//! - `upstream`: the API: which addresses, asking, what its answers say of themselves.
//! - `feed`: watching a resource, once for however many are bound to it.
//! - `access`: tokens, limits, block lists.
//! - `talk`: one client on a WebSocket.
//! - `gateway`: the HTTP side: event streams, reads, pushes of backends.
//! - `nodes`: what the nodes of a cluster tell each other.
//! - [`demo`]: a small REST API to try it with.
//!
//! # Invariants
//! 1. What an answer to one credential says is never shown to another, unless the answer itself says that it is for
//!    everybody; and when it says so no longer, each is asked for again.
//! 2. There is one poll for a path, query and scope on a node, and none where nobody is bound.
//! 3. A binder is told each state once, in order, and nothing when nothing has changed. It may skip states that were
//!    over before it could be told.
//! 4. A reading that was overtaken by a write is not shown.
//! 5. Requests go to the API's own origin only, at addresses that the operator's policy lets pass; redirects elsewhere are
//!    errors. Each has a deadline and a bound.

mod access;
mod config;
pub mod demo;
mod document;
mod feed;
mod gateway;
mod metrics;
mod nodes;
mod pogo;
mod talk;
mod upstream;
mod wire;

pub use config::{AuthMode, PogoConfig};
pub use metrics::PogoMetrics;
pub use pogo::{Parts, Pogo};
