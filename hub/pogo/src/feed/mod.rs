//! Watching resources: one feed for a path and a scope, however many are bound to it.
//!
//! A feed lives as long as it has members. One task reads it (`poller`), and whatever else learns of a change (a write,
//! a push, another node, an event of the API) tells the feed, which then reads at once; what clients do again and again it
//! reads once in the shortest pause.
//!
//! Locks, in this order: the map of feeds, a feed's state, a member. None is held while anything is awaited, and a
//! broadcast holds none but the member's it is sending to.

mod cause;
mod feeds;
mod member;
mod news;
mod poller;
mod settling;
mod speakers;
mod state;
#[cfg(test)]
mod tests;
mod update;

pub(crate) use cause::Cause;
pub(crate) use feeds::{Audience, Feeds, FeedsParts};
pub(crate) use member::{Member, Out, Slot};
pub(crate) use state::Pauses;
pub(crate) use update::{Form, Style};
