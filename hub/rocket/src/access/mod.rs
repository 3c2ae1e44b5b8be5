//! Who may do what: users, their secrets, tokens, permissions and channels.

mod creations;
mod pattern;
mod permission;
mod secret;
mod session;
mod token;
mod users;

pub(crate) use creations::Creations;
pub(crate) use pattern::ChannelPattern;
pub(crate) use permission::Permission;
pub(crate) use secret::{HashChecks, Secret, check_hash};
pub(crate) use session::Session;
pub(crate) use token::{Bearer, bearer};
pub(crate) use users::{User, Users};

pub use secret::hash_secret;
