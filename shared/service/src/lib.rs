//! What routers, relays and the hub share around their own work.
//!
//! # Layout
//! - [`http`]: listeners (plain and TLS, HTTP/1.1 and h2) and connections that can be **parked**: a request that
//!   waits long keeps its socket and nothing else.
//! - [`tls`]: certificates, reloaded without dropping anybody.
//! - [`lifecycle`]: the phases of a process that stops, and every task tracked.
//! - [`admin`]: `/healthz`, `/readyz`, `/metrics`.
//! - [`cluster`]: the key that all nodes share, and what is signed with it.
//! - [`logs`]: text or JSON.
//! - [`files!`]: files that are part of the program, for [`http::file_routes`].
//! - [`metrics`]: how a metric is made, and `docs/METRICS.md` from what is made.

pub mod admin;
pub mod cluster;
pub mod http;
pub mod lifecycle;
pub mod logs;
pub mod metrics;
pub mod tls;

pub use lifecycle::Lifecycle;
