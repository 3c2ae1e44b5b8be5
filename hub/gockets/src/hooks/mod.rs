//! Hooks: what happens in a channel, posted to its owner.
//!
//! # Layout
//! - [`queue`] (pure): what waits, in which order, and when it is tried again. [`dead`] (pure): what could not be
//!   delivered.
//! - `delivery`: one thing that is told, and its request. `signature`: Standard Webhooks. `client`: posting, over the
//!   dialer that vets every address. `driver`: the task that makes attempts. `report`: what operators see of all this.
//!
//! # Invariants
//! - In order per channel, one attempt at a time; at least once, as long as this process lives.
//! - Count and bytes of what waits are bounded, for each channel and for all; what finds no room is a dead letter.
//! - The id of a delivery is the same in every attempt.

mod client;
pub mod dead;
mod delivery;
mod driver;
pub mod queue;
mod report;
mod signature;

pub use client::{Answer, Client, Outcome};
pub use delivery::{Delivery, Event, From};
pub use driver::{Hooks, Parts};
pub use report::{Overview, Standing};
pub use signature::{NotASecret, Secret};

pub(crate) use delivery::iso;
