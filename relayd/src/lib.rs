//! The relay node: it holds the upstream WebSockets and serves every transport to the pages.
//!
//! # Layout
//! - [`Relay`] (`relay`): what a node is made of, how it starts and stops; `node`: what all its parts share.
//! - `establish`: opening sessions that routers ask for; `requests`: each once.
//! - `sessions`: the table, the cell around each session's state machine, and the driver, one task per session.
//! - `upstream`: the WebSocket handshake with a target.
//! - `transports`: HTTP to session and back. They translate and never decide.
//! - `http`: which path is which transport; `forward`: what belongs to another node; `directory`: where that is.
//! - `lease`: saying that the node is there; `drain`: leaving.
//! - `query`, `answer`: requests read, answers written. `budget`: bytes per second of a token. `why`, `clock`, `metrics`,
//!   `config`: what they say.

mod answer;
mod budget;
mod clock;
mod config;
mod directory;
mod drain;
mod establish;
mod forward;
mod http;
mod lease;
mod metrics;
mod node;
mod query;
mod relay;
mod requests;
mod sessions;
mod transports;
mod upstream;
mod why;

pub use config::{LimitsConfig, RelaydConfig};
pub use http::Front;
pub use metrics::RelayMetrics;
pub use relay::{Parts, Relay};
