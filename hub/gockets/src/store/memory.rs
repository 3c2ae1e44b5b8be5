//! Channels of a single process.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::Channels;
use crate::channel::{Channel, Edit};
use crate::{Key, StoreError};

/// Channels in memory: they are gone with the process.
#[derive(Debug)]
pub struct MemoryChannels {
    channels_max: usize,
    // Held for moments only, nothing is awaited under it.
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    by_publisher: HashMap<Key, Standing>,
    publishers: HashMap<Key, Key>,
}

#[derive(Debug)]
struct Standing {
    channel: Channel,
    visits: u64,
    /// After how many visits it was last found empty.
    vacated: Option<u64>,
}

impl MemoryChannels {
    /// No channels yet, and never more than this.
    pub fn new(channels_max: usize) -> Self {
        Self { channels_max, tables: Mutex::default() }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Channels for MemoryChannels {
    async fn create(&self, channel: &Channel) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if tables.by_publisher.len() >= self.channels_max {
            return Err(StoreError::Full { max: self.channels_max });
        }
        tables.publishers.insert(channel.subscriber, channel.publisher);
        let standing = Standing { channel: channel.clone(), visits: 0, vacated: None };
        tables.by_publisher.insert(channel.publisher, standing);
        Ok(())
    }

    async fn by_publisher(&self, key: &Key) -> Result<Option<Channel>, StoreError> {
        Ok(self.tables().by_publisher.get(key).map(|standing| standing.channel.clone()))
    }

    async fn by_subscriber(&self, key: &Key) -> Result<Option<Channel>, StoreError> {
        let tables = self.tables();
        let publisher = tables.publishers.get(key);
        let standing = publisher.and_then(|publisher| tables.by_publisher.get(publisher));
        Ok(standing.map(|standing| standing.channel.clone()))
    }

    async fn edit(&self, publisher: &Key, edit: &Edit) -> Result<Option<Channel>, StoreError> {
        Ok(self.tables().by_publisher.get_mut(publisher).map(|standing| {
            edit.clone().apply(&mut standing.channel.settings);
            standing.channel.clone()
        }))
    }

    async fn delete(&self, publisher: &Key) -> Result<Option<Channel>, StoreError> {
        let mut tables = self.tables();
        let Some(standing) = tables.by_publisher.remove(publisher) else { return Ok(None) };
        tables.publishers.remove(&standing.channel.subscriber);
        Ok(Some(standing.channel))
    }

    async fn list(&self) -> Result<Vec<Channel>, StoreError> {
        let mut all: Vec<Channel> =
            self.tables().by_publisher.values().map(|standing| standing.channel.clone()).collect();
        all.sort_by_key(|channel| (channel.created_ms, channel.publisher));
        Ok(all)
    }

    async fn visit(&self, publisher: &Key) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let Some(standing) = tables.by_publisher.get_mut(publisher) else { return Ok(0) };
        standing.visits += 1;
        Ok(standing.visits)
    }

    async fn visits(&self, publisher: &Key) -> Result<u64, StoreError> {
        Ok(self.tables().by_publisher.get(publisher).map_or(0, |standing| standing.visits))
    }

    async fn vacate(&self, publisher: &Key, visits: u64) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let standing = tables.by_publisher.get_mut(publisher);
        let Some(standing) = standing.filter(|standing| standing.visits == visits) else { return Ok(false) };
        Ok(standing.vacated.replace(visits) != Some(visits))
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
