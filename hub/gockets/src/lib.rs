//! Gockets: channels that any program with an HTTP client can publish to, and hooks that tell it what listeners say.
//!
//! A channel is prepared by a request and has two keys: who has the publisher key publishes, who has the subscriber
//! key listens. The routes and their answers are those of the original, both generations; what it did wrong is not
//! done here (`docs/GOCKETS.md`).
//!
//! # Layout
//! - [`Gockets`] (`gockets`): what requests share. `routes`: which path is what. `admin`, `subscribe`: what they do.
//!   `answer`: every answer and its status. `lock`: who may administer.
//! - [`Key`], [`channel`], `options`: what a channel is, and how a request says it.
//! - [`store`]: where channels are kept; in memory or in Redis, by one contract.
//! - `listen`: listeners by WebSocket, server-sent events and long polls, and what hooks are told of them.
//! - [`hooks`]: the queue (pure), the driver, signatures, dead letters.
//! - [`GocketsConfig`], [`HooksConfig`], [`GocketsMetrics`], [`flags`]: what operators say and see.
//!
//! # Invariants
//! 1. A key is 128 bits of randomness; no key says anything of another, and no log shows one.
//! 2. A request that may not administer learns nothing of channels, not even whether one exists.
//! 3. A message is handed to every listener of its channel once, and to nobody else; no listener waits for another.
//! 4. What listeners say reaches the hook in order for each of them and each channel's hook one at a time, at least
//!    once while the process lives; what cannot be delivered is a dead letter that can be looked at and sent again.
//! 5. A hook's address is judged when it is set and again when it is dialled, by the policy of relay targets.

mod admin;
mod answer;
pub mod channel;
mod config;
mod error;
pub mod flags;
mod gockets;
pub mod hooks;
mod key;
mod listen;
mod lock;
mod metrics;
mod options;
mod query;
mod routes;
pub mod store;
mod subscribe;

pub use config::{GocketsConfig, HooksConfig};
pub use error::StoreError;
pub use gockets::{Gockets, Parts};
pub use key::{Key, NotAKey};
pub use metrics::GocketsMetrics;
