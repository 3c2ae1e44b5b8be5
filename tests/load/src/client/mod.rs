//! The load side: one browser page is one [`Session`] over one or two keep-alive connections.

mod answer;
mod connection;
pub mod request;
mod session;

pub use answer::Answer;
pub use connection::Connection;
pub use session::{Place, Session, TRIP_DEADLINE};
