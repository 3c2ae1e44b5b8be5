//! All topics of the process, and the bounds of what is kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::topic::{State, weight};
use crate::{BrokerConfig, BrokerError, BrokerMetrics, Kind, Position, Publication, Topic};

/// A topic, shared by those who use it at the moment.
struct Kept(Mutex<State>);

impl Kept {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Store {
    topics: Mutex<HashMap<Topic, Arc<Kept>>>,
    history_bytes: AtomicUsize,
    history_bytes_max: usize,
    history_count: usize,
    history_age: Duration,
    topics_max: usize,
    known_age: Duration,
    pub members_max: usize,
    metrics: BrokerMetrics,
}

impl Store {
    pub fn new(config: &BrokerConfig, metrics: BrokerMetrics) -> Self {
        Self {
            topics: Mutex::default(),
            history_bytes: AtomicUsize::new(0),
            history_bytes_max: config.history_bytes_max.as_usize(),
            history_count: config.history_count,
            history_age: config.history_age.as_duration(),
            topics_max: config.topics_max,
            known_age: config.known_age.as_duration(),
            members_max: config.members_max,
            metrics,
        }
    }

    /// Does something with a topic, if there is one.
    pub fn with<T>(&self, topic: &Topic, act: impl FnOnce(&mut State) -> T) -> Option<T> {
        let kept = self.topics().get(topic).cloned()?;
        let mut state = kept.lock();
        (!state.gone).then(|| act(&mut state))
    }

    /// Does something with a topic, made if need be, at the cost of those that have not been used for longest.
    pub fn open<T>(
        &self,
        topic: &Topic,
        in_use: impl Fn(&Topic) -> bool,
        act: impl FnOnce(&mut State) -> T,
    ) -> Result<T, BrokerError> {
        loop {
            let kept = self.find_or_make(topic, &in_use)?;
            let mut state = kept.lock();
            if !state.gone {
                return Ok(act(&mut state));
            }
        }
    }

    fn find_or_make(&self, topic: &Topic, in_use: impl Fn(&Topic) -> bool) -> Result<Arc<Kept>, BrokerError> {
        let mut topics = self.topics();
        if let Some(kept) = topics.get(topic) {
            return Ok(kept.clone());
        }
        if topics.len() >= self.topics_max {
            self.make_room(&mut topics, in_use);
            if topics.len() >= self.topics_max {
                return Err(BrokerError::TooMany { what: "channels", max: self.topics_max });
            }
        }
        let kept = Arc::new(Kept(Mutex::new(State::new())));
        topics.insert(topic.clone(), kept.clone());
        Ok(kept)
    }

    /// Gives a message its place, and keeps it. Of the topic's lock the caller holds the guard.
    pub fn append(&self, state: &mut State, topic: &Topic, kind: Kind, payload: Bytes) -> Arc<Publication> {
        let publication = Arc::new(Publication::new(topic.clone(), state.advance(), kind, payload));
        if self.history_count > 0 {
            self.count(weight(&publication), 0);
            state.keep(publication.clone());
            self.count(0, state.trim(self.history_count, None));
        }
        publication
    }

    /// A topic is deleted; returns where the new one begins.
    pub fn clear(&self, state: &mut State) -> Position {
        self.count(0, state.clear());
        state.read(None, 0, None).position
    }

    /// A topic goes as if it had never been.
    pub fn remove(&self, topic: &Topic) {
        let removed = self.topics().remove(topic);
        if let Some(kept) = removed {
            self.end(&mut kept.lock());
        }
    }

    /// Messages before this are too old. None while the process is younger than that.
    pub fn oldest(&self) -> Option<Instant> {
        Instant::now().checked_sub(self.history_age)
    }

    /// Drops history until there is an eighth of room, beginning with the topics not used for longest.
    pub fn keep_bounds(&self) {
        if self.history_bytes.load(Ordering::Relaxed) <= self.history_bytes_max {
            return;
        }
        let topics = self.topics();
        let mut by_use: Vec<(Instant, &Arc<Kept>)> =
            topics.values().map(|kept| (kept.lock().used, kept)).collect();
        by_use.sort_unstable_by_key(|(used, _)| *used);
        for (_, kept) in by_use {
            if self.history_bytes.load(Ordering::Relaxed) <= self.history_bytes_max / 8 * 7 {
                break;
            }
            self.metrics.histories_dropped.inc();
            self.count(0, kept.lock().trim(0, None));
        }
    }

    /// What has become too old goes.
    pub fn sweep(&self, in_use: impl Fn(&Topic) -> bool) {
        let (oldest, now) = (self.oldest(), Instant::now());
        self.topics().retain(|topic, kept| {
            let mut state = kept.lock();
            self.count(0, state.trim(self.history_count, oldest));
            let stays = now - state.used < self.known_age || in_use(topic);
            if !stays {
                self.end(&mut state);
            }
            stays
        });
    }

    /// Forgets an eighth of the topics that have no subscribers: those not used for longest.
    fn make_room(&self, topics: &mut HashMap<Topic, Arc<Kept>>, in_use: impl Fn(&Topic) -> bool) {
        let mut by_use: Vec<(Instant, Topic)> = topics
            .iter()
            .filter(|(topic, _)| !in_use(topic))
            .map(|(topic, kept)| (kept.lock().used, topic.clone()))
            .collect();
        by_use.sort_unstable_by_key(|(used, _)| *used);
        for (_, topic) in by_use.into_iter().take(self.topics_max / 8 + 1) {
            if let Some(kept) = topics.remove(&topic) {
                self.end(&mut kept.lock());
                self.metrics.topics_forgotten.inc();
            }
        }
    }

    /// For one that has been taken out of the store.
    fn end(&self, state: &mut State) {
        self.count(0, state.clear());
        state.gone = true;
    }

    fn count(&self, more: usize, less: usize) {
        let was = if more >= less {
            self.history_bytes.fetch_add(more - less, Ordering::Relaxed) + (more - less)
        } else {
            self.history_bytes.fetch_sub(less - more, Ordering::Relaxed) - (less - more)
        };
        self.metrics.history_bytes.set(i64::try_from(was).unwrap_or(i64::MAX));
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<Topic, Arc<Kept>>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
