//! Who receives, and what it is told.

use std::sync::Arc;

use crate::{Member, Position, PresenceChange, Publication, Topic};

/// One who receives the messages of topics, usually a connection.
///
/// Nothing here may block or wait, nor call the broker and wait for it: queue, or give the connection up. Calls for
/// one topic come one after the other; calls for different topics may come at the same time. A call may still come
/// just after the [`Subscription`](crate::Subscription) has been dropped.
pub trait Subscriber: Send + Sync + 'static {
    /// It begins; once for each subscription, before anything else of it.
    fn subscribed(&self, topic: &Topic, at: &Subscribed);

    /// A message. In order of offsets: first what was missed, if that was asked for and can be had, then live.
    fn deliver(&self, publication: &Arc<Publication>);

    /// Messages were lost that cannot be had any more; what comes next is after `from`.
    fn gap(&self, topic: &Topic, from: &Position);

    /// Members came or went.
    fn presence(&self, _topic: &Topic, _change: &PresenceChange) {}

    /// The topic was [forgotten](crate::Broker::forget): this subscription has ended.
    fn removed(&self, _topic: &Topic) {}
}

/// What a subscription is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubscribeOptions {
    /// Where the subscriber was before, to be given what it has missed since.
    pub since: Option<Position>,
    /// Whom others in the topic shall see as long as the subscription lasts.
    pub member: Option<Member>,
}

/// How a subscription began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// Where live messages begin: the first of them has the next offset. What is recovered comes before it.
    pub position: Position,
    /// Whether everything since the position asked for is given; `None` when none was asked for. With `Some(false)`
    /// nothing of the past is.
    pub recovered: Option<bool>,
}

/// Where a message went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Its own position.
    pub position: Position,
    /// Subscribers of the topic at that time, in the whole cluster; of other nodes as far as known here.
    pub subscribers: u64,
}

/// A part of a topic's history.
#[derive(Debug, Clone)]
pub struct History {
    /// Where the topic is now.
    pub position: Position,
    /// In order of offsets.
    pub publications: Vec<Arc<Publication>>,
    /// Whether nothing is missing between the position asked for and the first of them, or where the topic is now.
    /// True when no position was asked for.
    pub complete: bool,
}
