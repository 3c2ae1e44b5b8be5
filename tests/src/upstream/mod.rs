//! Targets: a WebSocket server that does what the path of the URL says, well or badly, and servers written by others.

mod behave;
mod foreign;
mod script;
mod seen;
mod server;

pub use foreign::Foreign;
pub use script::BadFrame;
pub use seen::Seen;
pub use server::{Silent, Upstream};
