//! What an engine does for the broker.

use async_trait::async_trait;
use bytes::Bytes;

use crate::{BrokerError, History, Kind, Member, Position, Topic};

/// Keeps the order and the history of topics, and hands what it hears of to the [`Fanout`](crate::fanout::Fanout).
///
/// Arguments have been checked. All calls are cancel-safe: a dropped one may or may not have taken effect.
#[async_trait]
pub(crate) trait Engine: Send + Sync + 'static {
    /// Begins to hand over what happens in a topic, and says where it is; its history is left out. What happens after
    /// that is handed over, or else suspected. Also marks the topic as known.
    async fn attach(&self, topic: &Topic) -> Result<History, BrokerError>;

    /// Ends that.
    fn detach(&self, topic: &Topic);

    /// Gives a message its place, and the number of subscribers other processes have.
    async fn publish(
        &self,
        topic: &Topic,
        kind: Kind,
        payload: Bytes,
    ) -> Result<(Position, u64), BrokerError>;

    /// The first `count` messages after `since`, or, when there is a hole after it, the first `count` there are.
    /// Without `since` the last `count`. Who has `seen` the message at `since` itself, rather than heard of it from a
    /// client, can thereby tell that it was lost.
    async fn read(
        &self,
        topic: &Topic,
        since: Option<&Position>,
        count: usize,
        seen: bool,
    ) -> Result<Reading, BrokerError>;

    /// Subscribers other processes have.
    async fn others(&self, topic: &Topic) -> Result<u64, BrokerError>;

    async fn is_known(&self, topic: &Topic) -> Result<bool, BrokerError>;

    /// In order of ids.
    async fn members(&self, topic: &Topic) -> Result<Vec<Member>, BrokerError>;

    async fn enter(&self, topic: &Topic, member: &Member) -> Result<(), BrokerError>;

    /// Soon; does not wait.
    fn leave(&self, topic: &Topic, id: &str);

    async fn forget(&self, topic: &Topic) -> Result<(), BrokerError>;

    /// The same for a topic whose name never comes again.
    async fn retire(&self, topic: &Topic) -> Result<(), BrokerError>;

    async fn ping(&self) -> Result<(), BrokerError>;

    /// Once a second.
    async fn tick(&self);

    /// What it does all the time; need not end.
    async fn run(&self) {}

    /// Takes back what others know of this process.
    async fn stop(&self);
}

/// What a reading has found.
pub(crate) enum Reading {
    History(History),
    /// The topic that `since` is about was deleted; another one begins here.
    Removed(Position),
}
