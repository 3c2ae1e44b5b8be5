//! The topics that have subscribers in this process.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::backlog::Backlog;
use crate::channel::Channel;
use crate::engine::Engine;
use crate::event::Event;
use crate::{BrokerError, BrokerMetrics, Topic};

/// What channels work with: tasks that are tracked and stop, and the engine.
#[derive(Clone)]
pub(crate) struct Work {
    pub stop: CancellationToken,
    pub tasks: TaskTracker,
    pub backlog: Arc<Backlog>,
    engine: Arc<OnceLock<Weak<dyn Engine>>>,
}

impl Work {
    fn new(backlog_bytes_max: usize) -> Self {
        Self {
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            backlog: Arc::new(Backlog::new(backlog_bytes_max)),
            engine: Arc::default(),
        }
    }

    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            stop.run_until_cancelled(task).await;
        });
    }

    pub fn engine(&self) -> Option<Arc<dyn Engine>> {
        self.engine.get()?.upgrade()
    }
}

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
        let _ = self.work.engine.set(Arc::downgrade(engine));
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

    /// Closes what nobody has held for so long, and tells `closed` of each, before it can begin anew.
    pub fn sweep(&self, linger: Duration, closed: impl Fn(&Topic)) {
        let idle: Vec<Topic> =
            self.read().values().filter(|c| c.is_idle(linger)).map(|c| c.topic().clone()).collect();
        if idle.is_empty() {
            return;
        }
        let mut channels = self.write();
        // Nobody can begin to hold one while this lock is held.
        for topic in &idle {
            if channels.get(topic).is_some_and(|channel| channel.is_idle(linger)) {
                channels.remove(topic);
                closed(topic);
                self.metrics.topics.dec();
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Topic, Arc<Channel>>> {
        self.channels.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Topic, Arc<Channel>>> {
        self.channels.write().unwrap_or_else(PoisonError::into_inner)
    }
}
