//! The protocol as text: what a client's message says, and the bytes of every answer. Pure.
//!
//! A message is judged in this order, and the first thing that is wrong is the answer:
//! 1. it is JSON: one object with one key, the action, whose value is an object or a boolean ([`Request::read`]);
//! 2. the action is known, and its value is an object where it needs fields;
//! 3. the session may do it (the caller's part);
//! 4. its fields have their types ([`Fields`]);
//! 5. what they name exists (the caller's part).

mod fields;
mod frame;
mod id;
mod reason;
mod reply;
mod request;
mod text;

pub(crate) use fields::{Appearance, Broadcast, Direct, Fields, Login, Resume, Since, Subscribe};
pub(crate) use frame::{COPY, NUMBERED, broadcast_payload, direct_payload, member, numbered, plain};
pub(crate) use id::Id;
pub(crate) use reason::{Limit, NAMES, Reason};
pub(crate) use reply::{Joined, Reply, gap, presence};
pub(crate) use request::{Request, VERBS, Verb};

pub use reason::Dialect;
