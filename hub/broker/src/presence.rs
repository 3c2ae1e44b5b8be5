//! Who is there.

use std::sync::Arc;

/// Somebody who is present in a topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Member {
    /// One per connection, unguessable where that matters; a second subscription of the same id replaces the first.
    pub id: Arc<str>,
    /// What others are told; the protocol's own text, usually JSON.
    pub info: Arc<str>,
}

/// What has changed among the members of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresenceChange {
    /// One has come, or has other `info` than before.
    Joined(Member),
    /// One has gone: unsubscribed, disconnected, or its node is gone.
    Left(Member),
    /// Changes may have been missed: what [`Broker::members`](crate::Broker::members) says now is right.
    Unknown,
}
