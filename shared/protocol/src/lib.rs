//! The relay's wire protocol as pure code: no I/O, no clock, no randomness. `docs/PROTOCOL.md` is its definition.
//!
//! # Layout
//! - [`ids`]: socket ids, which name their node and carry a MAC.
//! - [`unit`]: units, what is numbered and acked; cutting messages into fragments.
//! - [`close`]: close codes and the payload of `close`.
//! - [`frame`]: the binary frames of streams, WebSockets and batches.
//! - [`json`]: messages and answers in JSON.
//! - [`jsonp`]: callbacks and script-safe text. **All text from outside reaches a script through it.**
//! - [`binary`]: base64 as the protocol has it.
//! - [`word`]: every refusal: its word, its status, its sentence.
//! - [`limits`]: the protocol's own limits.

pub mod binary;
pub mod close;
pub mod frame;
pub mod ids;
pub mod json;
pub mod jsonp;
pub mod limits;
pub mod unit;
pub mod word;

pub use bytes::Bytes;
pub use close::{CloseDown, CloseUp};
pub use ids::SocketId;
pub use unit::{Kind, Unit};
pub use word::Word;
