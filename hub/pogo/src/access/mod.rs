//! Who may ask, as whom, and how often.

mod authority;
mod block;
mod credential;
mod limiter;

pub(crate) use authority::{Authority, Session, hash};
pub(crate) use block::Blocked;
pub(crate) use credential::{Credential, Scope};
pub(crate) use limiter::Limiter;
