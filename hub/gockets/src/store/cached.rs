//! The channels that were asked for just now, so that a listener's message costs no round trip.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Channels;
use crate::channel::Channel;
use crate::{Key, StoreError};

/// Entries that are kept; beyond, all of them are forgotten, which costs a round trip for each that is asked again.
const ENTRIES_MAX: usize = 10_000;

/// Channels by subscriber key. An edit on another node is seen when an entry has grown old.
pub(crate) struct Cached {
    store: Arc<dyn Channels>,
    keep: Duration,
    entries: Mutex<HashMap<Key, Entry>>,
}

struct Entry {
    channel: Arc<Channel>,
    read: Instant,
}

impl Cached {
    pub(crate) fn new(store: Arc<dyn Channels>, keep: Duration) -> Self {
        Self { store, keep, entries: Mutex::default() }
    }

    /// The channel, as it is or was a moment ago. When the store is down: as it was when last seen.
    pub(crate) async fn by_subscriber(&self, key: &Key) -> Result<Option<Arc<Channel>>, StoreError> {
        let known = self.with(|entries| entries.get(key).map(|entry| (entry.channel.clone(), entry.read)));
        if let Some((channel, read)) = &known
            && read.elapsed() < self.keep
        {
            return Ok(Some(channel.clone()));
        }
        match self.store.by_subscriber(key).await {
            Ok(Some(channel)) => {
                let channel = Arc::new(channel);
                self.insert(&channel);
                Ok(Some(channel))
            }
            Ok(None) => {
                self.forget(key);
                Ok(None)
            }
            Err(error) => match known {
                Some((channel, _)) => {
                    tracing::debug!(%error, "the channel is taken as it was last seen");
                    Ok(Some(channel))
                }
                None => Err(error),
            },
        }
    }

    pub(crate) fn forget(&self, key: &Key) {
        self.with(|entries| entries.remove(key));
    }

    fn insert(&self, channel: &Arc<Channel>) {
        let entry = Entry { channel: channel.clone(), read: Instant::now() };
        self.with(|entries| {
            if entries.len() >= ENTRIES_MAX {
                entries.clear();
            }
            entries.insert(channel.subscriber, entry);
        });
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<Key, Entry>) -> R) -> R {
        act(&mut self.entries.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
