//! What an operator may say: our section, the original's file, and the original's flags. Pure, but for reading files.

mod address;
mod flags;
mod go_json;
mod listening;
mod original;
mod section;

pub use flags::{Flags, USAGE, VERSION};
pub use original::from_original;
pub(crate) use original::merged;
pub(crate) use section::USER_NAME_BYTES_MAX;
pub use section::{HubConfig, RocketConfig, UserConfig};
