//! The hub: small protocols for backends that have no WebSocket server, over one broker.
//!
//! # Layout
//! - [`Hub`] (`hub`): the broker and the protocols over it, made from configuration.
//! - [`BridgeConfig`] (`bridge`): what crosses from one protocol to another.
//! - [`Listeners`] (`listeners`): where each protocol listens.
//! - [`Mount`] (`mount`): a protocol on listeners of its own.
//! - [`Beside`] (`pages`): pages to try the protocols with.
//! - `protocols`: the protocols that run.
//! - [`HubConfig`], [`Protocol`] (`config`): which protocols run.
//!
//! What the protocols are is in their crates beside this one: `rocket`, `gockets`, `pogo`, `postgres`; what they share: `broker` (topics)
//! and `socket` (one WebSocket connection). Protocols know broker and socket, which know no protocol.

mod bridge;
mod config;
mod hub;
mod listeners;
mod mount;
mod pages;
mod protocols;

pub use bridge::{BridgeConfig, BridgeMetrics, End};
pub use config::{HubConfig, Protocol, Sections};
pub use hub::{Hub, HubError, Parts};
pub use listeners::Listeners;
pub use mount::Mount;
pub use pages::{Beside, page_headers};
