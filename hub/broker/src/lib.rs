//! Topics: publish, subscribe, bounded history, recovery by position, presence; in memory or over Redis.
//!
//! One contract, [`Broker`], and two engines under it. One suite (`tests/`) runs against each: memory, and Redis alone,
//! with Sentinel and as a cluster. Protocols of the hub know this crate; it knows none of them.
//!
//! # Invariants
//! - Messages of a topic have offsets 1, 2, 3, … within an epoch. Every subscriber on every node gets them in that order,
//!   each once, from the position it was told at [`Subscriber::subscribed`] on; or is told [`Subscriber::gap`].
//! - Messages an engine loses on the way (a lost connection, an overflow) are read from the history. A hole never stays:
//!   it is found by the next message, by a new connection, or by the renewal of leases, whichever comes first.
//! - Nothing a subscriber does delays another: it must not block, and the fan-out neither waits nor allocates for it.
//! - What waits, what is kept and what is remembered is bounded, by [`BrokerConfig`] and [`limits`].
//!
//! # Layout
//! - [`Topic`], [`Publication`], [`Position`], [`Member`], [`Subscriber`]: what protocols deal with.
//! - `cursor`: which message comes next; pure.
//! - `desk`: who subscribes, and what is done with each event; synchronous, one event at a time.
//! - `channel`, `fanout`, `backlog`: events of one topic, of all topics, and how many may wait; `work`: the tasks of them.
//! - [`Tap`]: sees what is published here.
//! - `engine`: what an engine does; `memory`, `redis`: the engines.

mod backlog;
mod broker;
mod channel;
mod config;
mod cursor;
mod desk;
mod engine;
mod error;
mod event;
mod fanout;
pub mod limits;
mod memory;
mod metrics;
mod position;
mod presence;
mod publication;
mod redis;
mod subscriber;
mod subscription;
mod tap;
mod topic;
mod work;

pub use broker::Broker;
pub use config::BrokerConfig;
pub use error::BrokerError;
pub use metrics::BrokerMetrics;
pub use position::{Epoch, Position};
pub use presence::{Member, PresenceChange};
pub use publication::{FRAME_VARIANTS, Kind, Publication};
pub use subscriber::{History, Published, SubscribeOptions, Subscribed, Subscriber};
pub use subscription::Subscription;
pub use tap::Tap;
pub use topic::Topic;
