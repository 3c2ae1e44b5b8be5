//! Connections to Redis, as those parts of Polysocket need them that must go on when a server does not.
//!
//! [`Redis`] is one server, the primary that Sentinels name, or a cluster: all look the same from outside. Every
//! command ends within its deadline, the wait for a connection included; connections and subscriptions come back by
//! themselves; and who subscribes is told when messages may have been missed ([`Listener::renewed`]).
//!
//! # Layout
//! - `target`: URLs; `authorities`: TLS. `sentinel`, `cluster`, `slot`: who has what.
//! - `link`: connections to one server. `place`: keeps them. `subscriptions`: what is subscribed there.
//! - `shared`: all servers, and the way from a key to its server. `call`: scripts. `client`: the handle.
//!
//! # Invariants
//! - A command goes to a primary. What a server reports of itself is read with every connection and once a second, so
//!   that one that was demoted, replaced or restarted is not taken for the one before: its identity differs.
//! - A subscription that is wanted is made again until it stands, wherever its slot goes.

mod authorities;
mod call;
mod client;
mod cluster;
mod error;
mod link;
mod place;
mod sentinel;
mod shared;
mod slot;
mod subscriptions;
mod target;

use bytes::Bytes;

pub use authorities::{Authorities, AuthoritiesError};
pub use call::{Call, Script};
pub use client::{Options, Redis, Stats, check_url};
pub use error::Error;
/// The client underneath, for commands and values.
pub use redis;

/// Who hears what comes in on subscribed channels. Called on the connection's reader, so nothing here may wait.
pub trait Listener: Send + Sync + 'static {
    /// A message.
    fn message(&self, channel: &str, payload: Bytes);

    /// A subscription was lost and stands again: what was published in between has not been heard.
    fn renewed(&self, channel: &str);
}

/// For who does not subscribe.
impl Listener for () {
    fn message(&self, _channel: &str, _payload: Bytes) {}
    fn renewed(&self, _channel: &str) {}
}
