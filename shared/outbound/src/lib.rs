//! Which targets may be dialled, and dialling them at the vetted address.
//!
//! A relay that connects wherever a page asks is a way into the network it stands in. Here a target is parsed
//! once, its name is looked up once, every address of the answer is judged, and the connection goes to one of
//! those addresses, never to a name. What is not public is refused unless the operator allows it by name or
//! by address.
//!
//! ```
//! use polysocket_outbound::{Policy, Refused, Target, TargetPattern, TargetsConfig};
//!
//! let policy = Policy::new(&TargetsConfig::default())?;
//! assert!(policy.check(&Target::parse("wss://chat.example.com/rooms")?).is_ok());
//! // Another spelling of 127.0.0.1.
//! let refused = policy.check(&Target::parse("ws://0x7f.1:8080/")?).unwrap_err();
//! assert!(matches!(refused, Refused::Address { .. }));
//!
//! let pattern: TargetPattern = "*.example.com/rooms".parse()?;
//! assert!(pattern.matches(&Target::parse("wss://chat.example.com/rooms/7")?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Layout
//! - [`Target`]: a URL that may be dialled, parsed once.
//! - [`TargetPattern`]: what operators and tokens write to say which targets they mean.
//! - [`classify`]: what kind of address an address is. Pure.
//! - [`Policy`]: what the operator allows. Pure; the router asks it too.
//! - [`Dialer`]: looks up, vets, connects, and does TLS under the target's name.
//! - [`Connector`]: the dialer for hyper-util's pooled HTTP client.
//! - [`TargetsConfig`]: the section `targets` of the configuration.
//! - [`DialError`], [`Refused`], [`TargetError`]: what went wrong, whose fault it is, and its word on the wire.

mod address;
mod config;
mod dialer;
mod error;
mod name;
mod pattern;
mod policy;
mod pooled;
mod race;
mod resolve;
mod stream;
mod target;
mod tls;

pub use address::{AddressClass, classify};
pub use config::TargetsConfig;
pub use dialer::{Connection, Dialer, Vetted};
pub use error::{DialError, Fault, Phase, SetupError};
pub use pattern::{PatternError, TargetPattern};
pub use policy::{Policy, Refused};
pub use pooled::{Connector, PooledStream};
pub use stream::UpstreamStream;
pub use target::{TARGET_BYTES_MAX, Target, TargetError};
