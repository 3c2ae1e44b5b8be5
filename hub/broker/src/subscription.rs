//! The guard of a subscription.

use std::sync::Arc;

use crate::channel::Channel;
use crate::engine::Engine;
use crate::event::{Event, SeatId};
use crate::{Subscribed, Topic};

/// A subscription; dropping it ends it, also while it is still on its way.
#[must_use = "dropping it unsubscribes"]
pub struct Subscription {
    pub(crate) held: Held,
    pub(crate) at: Subscribed,
}

impl Subscription {
    /// Of which topic.
    pub fn topic(&self) -> &Topic {
        self.held.channel.topic()
    }

    /// How it began; the subscriber has been told the same.
    pub fn at(&self) -> &Subscribed {
        &self.at
    }
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("topic", self.topic())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// What has to be undone at its end.
pub(crate) struct Held {
    pub channel: Arc<Channel>,
    pub engine: Arc<dyn Engine>,
    pub seat: SeatId,
    /// Whom it made a member.
    pub member: Option<Arc<str>>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.channel.put(Event::Leave(self.seat));
        if let Some(id) = &self.member
            && self.channel.exit(id)
        {
            self.engine.leave(self.channel.topic(), id);
        }
        self.channel.release();
    }
}
