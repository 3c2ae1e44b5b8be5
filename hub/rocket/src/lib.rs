//! Rocket: channels in JSON over WebSockets. `docs/ROCKET.md` is what it speaks.
//!
//! # Layout
//! - `wire`: the protocol as text: messages read, answers written, names of errors. Pure.
//! - `access`: users, secrets, tokens, permissions, patterns for channels, and how many of those a user may create.
//! - `settings`: the section `[rocket]`, the original's configuration file and its flags.
//! - `service`: hubs by path, handshakes, one conversation for each connection. [`Rocket`] is its door.
//! - [`command`]: the drop-in for the original's command line.
//!
//! # Invariants
//! 1. `wire` and `settings` know no connection; what they say is tested without one.
//! 2. An answer is sent before anything that its request caused: a subscriber who broadcasts has the ack first, and
//!    then its copy (`service::link`).
//! 3. A subscription that was ended delivers nothing any more, not even what was under way.
//! 4. What is not in the original's documentation is asked for by the client, or is an error that the original had no
//!    name for. A client that asks for nothing gets exactly the documented bytes.
//! 5. Names of errors are known in one place (`wire::reason`), and secrets in one (`access::secret`).

mod access;
pub mod command;
mod service;
mod settings;
mod wire;

pub use access::hash_secret;
pub use service::{Parts, Rocket, RocketMetrics, broadcast_payload, topic};
pub use settings::{HubConfig, RocketConfig, UserConfig, from_original};
pub use wire::Dialect;
