//! The topics that have subscribers in this process.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use crate::channel::Channel;
use crate::engine::Engine;
use crate::event::Event;
use crate::work::Work;
use crate::{BrokerError, BrokerMetrics, Topic};

pub(crate) struct Fanout {
    channels: RwLock<HashMap<Topic, Arc<Channel>>>,
    topics_max: usize,
    pub metrics: BrokerMetrics,
    pub work: Work,
}

impl Fanout {
    pub fn new(topics_max: usize, backlog_bytes_max: usize, metrics: BrokerMetrics) -> Self {
        Self { channels: RwLock::default(), topics_max, metrics, work: Work::new(backlog_bytes_max) }
    }

    /// Once, when it has been made.
    pub fn set_engine(&self, engine: &Arc<dyn Engine>) {
        self.work.set_engine(engine);
    }

    pub fn get(&self, topic: &Topic) -> Option<Arc<Channel>> {
        self.read().get(topic).cloned()
    }

    pub fn all(&self) -> Vec<Arc<Channel>> {
        self.read().values().cloned().collect()
    }

    /// Tells a topic's subscribers, if there are any.
    pub fn put(&self, topic: &Topic, event: Event) {
        if let Some(channel) = self.get(topic) {
            channel.put(event);
        }
    }

    /// A channel that stays as long as it is held.
    pub fn hold(&self, topic: &Topic) -> Result<Arc<Channel>, BrokerError> {
        if let Some(channel) = self.read().get(topic) {
            channel.hold();
            return Ok(channel.clone());
        }
        let mut channels = self.write();
        if !channels.contains_key(topic) && channels.len() >= self.topics_max {
            return Err(BrokerError::TooMany { what: "channels with subscribers", max: self.topics_max });
        }
        let channel = channels.entry(topic.clone()).or_insert_with(|| {
            self.metrics.topics.inc();
            let work = self.work.clone();
            Arc::new(Channel::new(topic.clone(), self.metrics.clone(), work))
        });
        channel.hold();
        Ok(channel.clone())
    }

    /// Closes one that nobody holds now; as [`sweep`](Self::sweep).
    pub fn close(&self, topic: &Topic, closed: impl Fn(&Topic)) {
        self.close_idle(&mut self.write(), topic, Duration::ZERO, closed);
    }

    /// Closes what nobody has held for so long, and tells `closed` of each, before it can begin anew.
    pub fn sweep(&self, linger: Duration, closed: impl Fn(&Topic)) {
        let idle: Vec<Topic> =
            self.read().values().filter(|c| c.is_idle(linger)).map(|c| c.topic().clone()).collect();
        if idle.is_empty() {
            return;
        }
        let mut channels = self.write();
        for topic in &idle {
            self.close_idle(&mut channels, topic, linger, &closed);
        }
    }

    /// Under the lock without which nobody can begin to hold one.
    fn close_idle(
        &self,
        channels: &mut HashMap<Topic, Arc<Channel>>,
        topic: &Topic,
        linger: Duration,
        closed: impl Fn(&Topic),
    ) {
        if channels.get(topic).is_some_and(|channel| channel.is_idle(linger)) {
            channels.remove(topic);
            closed(topic);
            self.metrics.topics.dec();
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Topic, Arc<Channel>>> {
        self.channels.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Topic, Arc<Channel>>> {
        self.channels.write().unwrap_or_else(PoisonError::into_inner)
    }
}
