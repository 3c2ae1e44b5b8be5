//! Hubs by path, handshakes, and one conversation for each connection.
//!
//! # Layout
//! `rocket`: the door; `mux`: which path is which hub; `hub`: what the connections of a hub share; `client`: one
//! connection's conversation, with its `subscriptions` and its `inbox`; `feed`: what a subscription gets; `link`: the
//! order of answers and messages; `journal`: a hub's own log; `metrics`.

mod client;
mod expiry;
mod feed;
mod hub;
mod inbox;
mod journal;
mod link;
mod metrics;
mod mux;
mod rocket;
mod subscriptions;

pub use hub::{broadcast_payload, topic};
pub(crate) use journal::append_to;
pub use metrics::RocketMetrics;
pub(crate) use mux::clean;
pub use rocket::{Parts, Rocket};
