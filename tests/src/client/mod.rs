//! A client of docs/PROTOCOL.md, written from that page alone: it shares no code with the product, so that it does not
//! share its mistakes. It is also the model of what a page's shim does.
//!
//! - Pure: [`frames`], [`base64`], [`url`], [`jsonp`], and the numbering of both directions (`outbox`, `inbox`).
//! - Shells: [`HttpClient`], one receiver per transport (`receive`), one sender (`send`).
//! - What tests use: [`create`](create()), [`Session`], and [`Legacy`] for the documented API alone.

mod answer;
pub mod base64;
mod create;
pub mod frames;
pub mod http;
mod inbox;
pub mod jsonp;
mod legacy;
mod outbox;
mod receive;
mod send;
mod session;
mod settings;
mod shared;
mod unit;
pub mod url;

pub use create::{Create, CreateError, Created, alive, create, status_of as create_status};
pub use http::{Dialer, HttpClient};
pub use inbox::Event;
pub use legacy::{Documented, Legacy};
pub use session::{Session, Statistics};
pub use settings::{Form, Handover, Settings, Transport};
pub use unit::{Close, Kind, Message, Unit};
