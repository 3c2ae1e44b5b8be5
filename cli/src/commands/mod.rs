//! The subcommands.

pub mod check_config;
pub mod dev;
pub mod relayd;
pub mod router;
pub mod token;
