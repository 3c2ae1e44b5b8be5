//! What a relay says about itself.

use serde::{Deserialize, Serialize};

/// The lease of one node.
///
/// Routers place by it, so the numbers are those at the moment of the renewal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeLease {
    /// Its name, `^[a-z0-9-]{1,32}$`.
    pub node: String,
    /// Its incarnation, greater for each later one: milliseconds since 1970 when it started will do.
    pub boot: u64,
    /// What clients are told, `host[:port][/prefix]`, without the label of a socket.
    pub address: String,
    /// Whether a fresh label goes before `address` for each socket.
    pub label_hosts: bool,
    /// Where other nodes send what belongs here, `http://ip:port`.
    pub internal_url: String,
    /// Sockets it holds.
    pub sessions: u32,
    /// Sockets it would hold.
    pub capacity: u32,
    /// CPU used, thousandths of what the process may use.
    pub cpu_permille: u16,
    /// Bytes in all its buffers.
    pub buffered_bytes: u64,
    /// Whether it takes no new sockets.
    pub draining: bool,
    /// Its release.
    pub version: String,
    /// How often it has renewed; tells a router that the numbers are new.
    pub renewals: u64,
    /// How many sockets this incarnation has opened; tells a router which of those it placed are in `sessions`.
    #[serde(default)]
    pub opened: u64,
}
