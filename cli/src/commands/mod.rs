//! The subcommands.

pub mod check_config;
pub mod dev;
pub mod gockets;
pub mod hub;
pub mod pogo;
pub mod postgres;
pub mod relayd;
pub mod rocket;
pub mod router;
pub mod token;
