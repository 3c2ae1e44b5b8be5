//! Configuration: declared once, layered, validated once, documented from the same types.
//!
//! Each subsystem declares its own section with [`section!`]; the program composes the sections into one
//! struct with [`configuration!`] and loads it with [`load`]. Layers, later ones win: defaults, TOML file,
//! environment, flags. Every problem of every layer is reported at once.
//!
//! # Layout
//! - [`section!`]: a struct whose keys carry their default and their documentation; [`row!`] the same for
//!   the rows of a list of tables ([`Tables`]).
//! - [`configuration!`]: the program's sections in one struct, a [`Composite`].
//! - [`Span`] and [`Size`]: durations and byte counts as people write them (`"5s"`, `"256KiB"`).
//! - [`layers`]: where a value came from, so that an error can name it.
//! - [`GoFlag`]: flags of commands that stand in for programs written in Go.
//! - [`describe`]: `docs/CONFIG.md` and an example file from the declared keys.
//!
//! Values of keys that [may hold a secret](may_hold_secret) never appear in an error or in `{:?}`.

mod catalog;
mod composite;
pub mod describe;
mod environment;
mod error;
mod file;
mod go_flag;
pub mod layers;
mod nearest;
mod rows;
mod secret;
mod section;
mod units;
mod value;

pub use composite::{Composite, Outline};
pub use environment::Environment;
pub use error::{ConfigError, Problem};
pub use go_flag::GoFlag;
pub use layers::{Layers, load};
pub use rows::{TableRow, Tables};
pub use secret::may_hold_secret;
pub use section::{Key, Kind, Section, ValueType};
pub use units::{Size, Span};

#[doc(hidden)]
pub use composite::same_name;
#[doc(hidden)]
pub use section::plain_name;
#[doc(hidden)]
pub use {serde, toml};

// `section!` names this crate by its own name, also when it is used here.
#[allow(unused_extern_crates, reason = "only the unit tests use the macros inside this crate")]
extern crate self as polysocket_config;
