//! What this process knows to have been published: the last message of each topic, for some time.
//!
//! A server that comes back without a message it had confirmed does not know that. Who published it does, and says so
//! when it meets another epoch; see `topic.lua`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::RedisEngine;
use crate::{Position, Topic};

/// Topics remembered. A loss concerns those of the last moments before an outage: replication lags, and disks are written
/// once a second.
const TOPICS_MAX: usize = 10_000;
/// For how long, not counting outages.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct Acked {
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    topics: HashMap<Topic, (Position, Instant)>,
    /// Connections made when it was last looked at.
    connects: u64,
}

impl Acked {
    /// Notes a message; returns the one before when that was of another epoch.
    pub fn note(&self, topic: &Topic, position: &Position) -> Option<Position> {
        let now = Instant::now();
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((last, at)) = table.topics.get_mut(topic) {
            *at = now;
            let before = std::mem::replace(last, position.clone());
            if before.epoch != position.epoch {
                return Some(before);
            }
            // Answers of several calls may come out of order.
            last.offset = last.offset.max(before.offset);
        } else if table.topics.len() < TOPICS_MAX {
            table.topics.insert(topic.clone(), (position.clone(), now));
        }
        None
    }

    pub fn forget(&self, topic: &Topic) {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).topics.remove(topic);
    }

    /// What has to be looked after, because connections were lost since the last time.
    fn doubtful(&self, connects: u64, up: u64) -> Vec<(Topic, Position)> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if up == 0 {
            return Vec::new();
        }
        if std::mem::replace(&mut table.connects, connects) != connects {
            return table.topics.iter().map(|(topic, (at, _))| (topic.clone(), at.clone())).collect();
        }
        table.topics.retain(|_, (_, at)| at.elapsed() < REMEMBERED_FOR);
        Vec::new()
    }
}

impl RedisEngine {
    pub(super) async fn look_after_acked(&self) {
        let stats = self.redis.stats();
        let all = self.acked.doubtful(stats.connects, stats.up);
        self.at_once(all, |(topic, position): (Topic, Position)| async move {
            if let Err(error) = self.page(&topic, Some(&position), 0, true).await {
                tracing::debug!(%topic, %error, "not known whether a message was lost");
            }
        })
        .await;
    }
}
