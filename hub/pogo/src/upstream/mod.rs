//! The REST API behind: which addresses may be asked for, asking, and what an answer says of itself.

mod client;
mod events;
mod freshness;
mod resource;
mod spelling;

pub(crate) use client::{Answer, Ask, Reading, Upstream};
pub(crate) use events::EventSource;
pub(crate) use freshness::Freshness;
pub(crate) use resource::{Base, Resource, is_below, parent};
