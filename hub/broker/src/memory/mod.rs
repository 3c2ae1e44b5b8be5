//! The engine of a single process. All is lost when it stops.

mod store;
mod topic;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::time::timeout;

use self::store::Store;
use self::topic::State;
use crate::engine::{Engine, Reading};
use crate::event::Event;
use crate::fanout::Fanout;
use crate::{BrokerConfig, BrokerError, History, Kind, Member, Position, PresenceChange, Topic};

pub(crate) struct MemoryEngine {
    store: Store,
    fanout: Arc<Fanout>,
    patience: Duration,
}

impl MemoryEngine {
    pub fn new(config: &BrokerConfig, fanout: Arc<Fanout>) -> Self {
        let store = Store::new(config, fanout.metrics.clone());
        Self { store, fanout, patience: config.command_timeout.as_duration() }
    }

    fn in_use(&self) -> impl Fn(&Topic) -> bool {
        |topic| self.fanout.get(topic).is_some()
    }
}

#[async_trait]
impl Engine for MemoryEngine {
    async fn attach(&self, topic: &Topic) -> Result<History, BrokerError> {
        let position = self.store.open(topic, self.in_use(), State::attach)?;
        Ok(History { position, publications: Vec::new(), complete: true })
    }

    fn detach(&self, _topic: &Topic) {}

    async fn publish(
        &self,
        topic: &Topic,
        kind: Kind,
        payload: Bytes,
    ) -> Result<(Position, u64), BrokerError> {
        let backlog = &self.fanout.work.backlog;
        if !backlog.has_room() && timeout(self.patience, backlog.room()).await.is_err() {
            return Err(BrokerError::Overloaded);
        }
        // Under the lock that gives the offset, so that the inbox has the same order.
        let (position, channel) = self.store.open(topic, self.in_use(), |state| {
            let publication = self.store.append(state, topic, kind, payload);
            let position = publication.position();
            let channel = self.fanout.get(topic);
            (position, channel.filter(|channel| channel.queue(Event::Heard(publication))))
        })?;
        if let Some(channel) = channel {
            channel.work();
        }
        self.store.keep_bounds();
        Ok((position, 0))
    }

    async fn read(
        &self,
        topic: &Topic,
        since: Option<&Position>,
        count: usize,
        _seen: bool,
    ) -> Result<Reading, BrokerError> {
        let oldest = self.store.oldest();
        self.store.open(topic, self.in_use(), |state| state.read(since, count, oldest)).map(Reading::History)
    }

    async fn others(&self, _topic: &Topic) -> Result<u64, BrokerError> {
        Ok(0)
    }

    async fn is_known(&self, topic: &Topic) -> Result<bool, BrokerError> {
        Ok(self.store.with(topic, |state| state.is_known()).unwrap_or(false))
    }

    async fn members(&self, topic: &Topic) -> Result<Vec<Member>, BrokerError> {
        Ok(self.store.with(topic, |state| state.members()).unwrap_or_default())
    }

    async fn enter(&self, topic: &Topic, member: &Member) -> Result<(), BrokerError> {
        let max = self.store.members_max;
        self.store.open(topic, self.in_use(), |state| state.enter(member, max))??;
        self.fanout.put(topic, Event::Presence(PresenceChange::Joined(member.clone())));
        Ok(())
    }

    fn leave(&self, topic: &Topic, id: &str) {
        let member = self.store.with(topic, |state| state.leave(id)).flatten();
        if let Some(member) = member {
            self.fanout.put(topic, Event::Presence(PresenceChange::Left(member)));
        }
    }

    async fn forget(&self, topic: &Topic) -> Result<(), BrokerError> {
        let channel = self.store.with(topic, |state| {
            let position = self.store.clear(state);
            let channel = self.fanout.get(topic);
            channel.filter(|channel| channel.queue(Event::Removed(position)))
        });
        if let Some(channel) = channel.flatten() {
            channel.work();
        }
        Ok(())
    }

    async fn retire(&self, topic: &Topic) -> Result<(), BrokerError> {
        self.forget(topic).await?;
        self.store.remove(topic);
        Ok(())
    }

    async fn ping(&self) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn tick(&self) {
        self.store.sweep(self.in_use());
    }

    async fn stop(&self) {}
}
