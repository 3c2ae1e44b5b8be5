//! Where channels are kept: one contract, in memory for a single process or in Redis for many. One suite tests both.

mod cached;
mod memory;
mod redis;

pub(crate) use cached::Cached;
pub use memory::MemoryChannels;
pub use redis::RedisChannels;

use std::sync::Arc;

use async_trait::async_trait;
use polysocket_broker::BrokerConfig;

use crate::channel::{Channel, Edit};
use crate::{Key, StoreError};

/// Channels by their two keys. Every operation is one step: others see all of it or nothing.
#[async_trait]
pub trait Channels: Send + Sync + 'static {
    /// Adds a channel whose keys are new. [`StoreError::Full`] when there are as many as may be.
    async fn create(&self, channel: &Channel) -> Result<(), StoreError>;

    /// The channel with this publisher key.
    async fn by_publisher(&self, key: &Key) -> Result<Option<Channel>, StoreError>;

    /// The channel with this subscriber key.
    async fn by_subscriber(&self, key: &Key) -> Result<Option<Channel>, StoreError>;

    /// Changes a channel; returns it as it is then.
    async fn edit(&self, publisher: &Key, edit: &Edit) -> Result<Option<Channel>, StoreError>;

    /// Removes a channel; returns it as it was.
    async fn delete(&self, publisher: &Key) -> Result<Option<Channel>, StoreError>;

    /// All channels, the oldest first. Channels that are made or deleted meanwhile may be in it or not.
    async fn list(&self) -> Result<Vec<Channel>, StoreError>;

    /// Counts one more visit to the channel. It never goes down, so a node that dies leaves nothing wrong.
    async fn visit(&self, publisher: &Key) -> Result<u64, StoreError>;

    /// How many visits there have been.
    async fn visits(&self, publisher: &Key) -> Result<u64, StoreError>;

    /// Notes that the channel was found empty after this many visits. True for one caller only, and for none when
    /// there were more visits since, so that an emptied channel is told once by all nodes together.
    async fn vacate(&self, publisher: &Key, visits: u64) -> Result<bool, StoreError>;

    /// Whether it answers; for readiness.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// The store that goes with a broker: in memory where that is, else in its Redis, to which it begins to connect.
pub fn open(
    broker: &BrokerConfig,
    space: &str,
    channels_max: usize,
) -> Result<Arc<dyn Channels>, StoreError> {
    if broker.url == "memory" {
        return Ok(Arc::new(MemoryChannels::new(channels_max)));
    }
    let redis = broker.redis(Arc::new(())).map_err(|error| StoreError::Unusable(error.to_string()))?;
    Ok(Arc::new(RedisChannels::new(redis, &broker.prefix, space, channels_max)))
}
