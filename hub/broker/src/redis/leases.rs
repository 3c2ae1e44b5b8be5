//! What this process says again and again: how many subscribe by it, and who is there.
//!
//! The answers say where each topic is; one that stays ahead of its channel here has messages that were not heard.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::iter;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant};

use super::{RedisEngine, scripts};
use crate::channel::Channel;
use crate::engine::Engine;
use crate::event::Event;
use crate::{BrokerError, Position, Topic};

/// Calls on their way at the same time, so that pushes and publishes are not kept waiting.
const CALLS_AT_ONCE: usize = 64;
/// Members renewed by one call; some 0.3 ms of the server.
const MEMBERS_PER_CALL: usize = 500;
/// How often a topic is noted as known.
const KNOW_EVERY: Duration = Duration::from_secs(60);
/// Members that have gone and of whom Redis has not been told; of more, their leases tell.
const LEAVES_MAX: usize = 100_000;

#[derive(Default)]
pub(super) struct Leases {
    table: Mutex<Table>,
    left: Notify,
}

#[derive(Default)]
struct Table {
    topics: HashMap<Topic, Lease>,
    /// Topics nobody subscribes to by this process any more.
    ended: Vec<Topic>,
    leaves: Vec<(Topic, Arc<str>)>,
}

struct Lease {
    /// Subscribers, as last said.
    said: u64,
    renewed: Instant,
    known: Instant,
    /// Where the channel was when it was behind.
    behind: Option<Position>,
}

impl Leases {
    pub fn begin(&self, topic: &Topic) {
        let now = Instant::now();
        let lease = Lease { said: 1, renewed: now, known: now, behind: None };
        self.lock().topics.insert(topic.clone(), lease);
    }

    pub fn end(&self, topic: &Topic) {
        let mut table = self.lock();
        if table.topics.remove(topic).is_some() {
            table.ended.push(topic.clone());
        }
    }

    /// Says nothing more of a topic, not even that nobody subscribes any more.
    pub fn forget(&self, topic: &Topic) {
        self.lock().topics.remove(topic);
    }

    pub fn leave(&self, topic: &Topic, id: &str) {
        let mut table = self.lock();
        if table.leaves.len() < LEAVES_MAX {
            table.leaves.push((topic.clone(), id.into()));
        }
        drop(table);
        self.left.notify_one();
    }

    fn ended(&self) -> Vec<Topic> {
        let mut table = self.lock();
        let ended = std::mem::take(&mut table.ended);
        ended.into_iter().filter(|topic| !table.topics.contains_key(topic)).collect()
    }

    /// Whether a topic's lease has to be renewed now, and whether it has to be noted as known.
    fn due(&self, topic: &Topic, subscribers: u64, every: Duration) -> Option<bool> {
        let mut table = self.lock();
        let lease = table.topics.get_mut(topic)?;
        let due = lease.said != subscribers || lease.behind.is_some() || lease.renewed.elapsed() >= every;
        due.then(|| lease.known.elapsed() >= KNOW_EVERY)
    }

    /// Notes a renewal. Returns whether the channel was behind twice, and did not move in between.
    fn renewed(&self, topic: &Topic, subscribers: u64, known: bool, behind: Option<Position>) -> bool {
        let mut table = self.lock();
        let Some(lease) = table.topics.get_mut(topic) else { return false };
        lease.said = subscribers;
        lease.renewed = Instant::now();
        if known {
            lease.known = lease.renewed;
        }
        let stuck = behind.is_some() && behind == lease.behind;
        lease.behind = behind;
        stuck
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RedisEngine {
    /// Some calls at the same time.
    pub(super) async fn at_once<T, F: Future<Output = ()>>(&self, all: Vec<T>, call: impl Fn(T) -> F) {
        iter(all).for_each_concurrent(CALLS_AT_ONCE, call).await;
    }

    pub(super) async fn renew_leases(&self) {
        let every = self.config.lease_time.as_duration() / 3;
        let due = |channel: Arc<Channel>| {
            let know = self.leases.due(channel.topic(), channel.seated(), every)?;
            Some((channel, know))
        };
        let channels = self.fanout.all().into_iter().filter_map(due).collect();
        self.at_once(channels, |(channel, know): (Arc<Channel>, bool)| async move {
            if let Err(error) = self.renew_lease(&channel, know).await {
                tracing::debug!(topic = %channel.topic(), %error, "lease not renewed");
            }
        })
        .await;
        self.at_once(self.leases.ended(), |topic: Topic| async move {
            // Else its lease ends.
            let _ = self.renew(&topic, Some(0), &[]).await;
        })
        .await;
    }

    async fn renew_lease(&self, channel: &Channel, know: bool) -> Result<(), BrokerError> {
        let (topic, subscribers) = (channel.topic(), channel.seated());
        if know {
            self.know(topic).await?;
        }
        let members = channel.members_here();
        let (first, rest) = members.split_at(members.len().min(MEMBERS_PER_CALL));
        let (there, mut lost) = self.renew(topic, Some(subscribers), first).await?;
        for members in rest.chunks(MEMBERS_PER_CALL) {
            lost.extend(self.renew(topic, None, members).await?.1);
        }
        for member in members.iter().filter(|member| lost.iter().any(|id| **id == *member.id)) {
            self.enter(topic, member).await?;
        }
        // None while it works, and so is not stuck.
        let here = channel.position();
        let behind = here.filter(|here| here.epoch != there.epoch || here.offset < there.offset);
        if self.leases.renewed(topic, subscribers, know, behind) {
            tracing::info!(%topic, %there, "a message was not heard: reading it from the history");
            if let Some(channel) = self.fanout.get(topic) {
                channel.put_aside(Event::Suspect);
            }
        }
        Ok(())
    }

    /// Tells Redis who has gone.
    pub(super) async fn send_leaves(&self) {
        loop {
            self.leases.left.notified().await;
            let leaves = std::mem::take(&mut self.leases.lock().leaves);
            self.at_once(leaves, |(topic, id): (Topic, Arc<str>)| async move {
                // It may have come back.
                let here = self.fanout.get(&topic).is_some_and(|channel| channel.has_member(&id));
                if !here {
                    self.send_leave(&topic, &id).await;
                }
            })
            .await;
        }
    }

    async fn send_leave(&self, topic: &Topic, id: &str) {
        let call = self.call(&scripts::LEAVE, topic, ["info", "leases"]).arg(id);
        if let Err(error) = self.redis.script::<u8>(&call).await {
            tracing::debug!(%topic, %error, "a member's lease has to end by itself");
        }
    }

    /// Takes back all.
    pub(super) async fn release_all(&self) {
        let (topics, leaves) = {
            let mut table = self.leases.lock();
            let ended = std::mem::take(&mut table.ended);
            let topics: Vec<Topic> = table.topics.drain().map(|(topic, _)| topic).chain(ended).collect();
            (topics, std::mem::take(&mut table.leaves))
        };
        let members = topics.iter().filter_map(|topic| self.fanout.get(topic)).flat_map(|channel| {
            channel.members_here().into_iter().map(move |member| (channel.topic().clone(), member.id))
        });
        let leaves = members.chain(leaves).collect();
        self.at_once(leaves, |(topic, id): (Topic, Arc<str>)| async move {
            self.send_leave(&topic, &id).await;
        })
        .await;
        self.at_once(topics, |topic: Topic| async move {
            let _ = self.renew(&topic, Some(0), &[]).await;
        })
        .await;
    }
}
