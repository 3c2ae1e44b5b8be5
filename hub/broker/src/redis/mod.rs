//! The engine of many processes, over one Redis (6.2 or later; from 7 on with sharded pub/sub).
//!
//! `topic.lua` says what is kept, and how lost data are found out. [`wire`] is what comes in, [`leases`] what is
//! renewed, [`acked`] what this process knows to have been published.

mod acked;
mod keys;
mod leases;
mod scripts;
mod wire;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use polysocket_redis::{Call, Listener, Redis, Script};
use tokio::time::Instant;

use self::acked::Acked;
use self::keys::Keys;
use self::leases::Leases;
use crate::engine::{Engine, Reading};
use crate::event::Event;
use crate::fanout::Fanout;
use crate::{
    BrokerConfig, BrokerError, Epoch, History, Kind, Member, Position, PresenceChange, Publication, Topic,
};

/// With more subscribers than this a fan-out is not done on the connection's reader, which others wait for.
const SUBSCRIBERS_AT_ONCE_MAX: u64 = 64;
/// How long the answer that a topic is known is believed.
const KNOWN_FOR: Duration = Duration::from_secs(5);
/// Such answers that are kept.
const KNOWN_MAX: usize = 10_000;

/// The mark of a retired topic outlives so many leases of the nodes that follow it.
const RETIRED_LEASES: u32 = 4;

/// What `read.lua` returns.
type Page = (String, String, u8, u8, Vec<Vec<u8>>);

pub(crate) struct RedisEngine {
    redis: Redis,
    ears: Arc<Ears>,
    fanout: Arc<Fanout>,
    keys: Keys,
    /// Of this process.
    node: String,
    config: BrokerConfig,
    /// How long a topic's epoch outlives its last use.
    meta_ms: u64,
    /// How long that of a retired topic stays.
    retired_ms: u64,
    leases: Leases,
    acked: Acked,
    known: Mutex<HashMap<Topic, Instant>>,
}

/// What hears messages; apart from the engine, which holds the connection that holds this.
struct Ears {
    fanout: Arc<Fanout>,
    /// Topics by their channels.
    topics: RwLock<HashMap<String, Topic>>,
}

impl Listener for Ears {
    fn message(&self, channel: &str, payload: Bytes) {
        let topic = self.topics.read().unwrap_or_else(PoisonError::into_inner).get(channel).cloned();
        let Some(topic) = topic else { return };
        let Some(event) = wire::read(&topic, &payload) else {
            self.fanout.metrics.redis_ignored.inc();
            tracing::warn!(
                channel,
                bytes = payload.len(),
                "message from Redis ignored: not one of this release"
            );
            return;
        };
        let Some(channel) = self.fanout.get(&topic) else { return };
        if channel.seated() <= SUBSCRIBERS_AT_ONCE_MAX {
            channel.put(event);
        } else {
            channel.put_aside(event);
        }
    }

    fn renewed(&self, channel: &str) {
        let topic = self.topics.read().unwrap_or_else(PoisonError::into_inner).get(channel).cloned();
        let Some(channel) = topic.and_then(|topic| self.fanout.get(&topic)) else { return };
        channel.put_aside(Event::Suspect);
        channel.put_aside(Event::Presence(PresenceChange::Unknown));
    }
}

impl RedisEngine {
    pub fn open(config: &BrokerConfig, fanout: Arc<Fanout>) -> Result<Self, BrokerError> {
        let ears = Arc::new(Ears { fanout: fanout.clone(), topics: RwLock::default() });
        let redis = config.redis(ears.clone())?;
        let meta_ms = config.known_age.as_millis().max(config.history_age.as_millis().saturating_mul(2));
        Ok(Self {
            redis,
            ears,
            fanout,
            keys: Keys::new(&config.prefix),
            node: Epoch::random().as_str().to_owned(),
            meta_ms,
            retired_ms: retired_for(config).min(meta_ms),
            config: config.clone(),
            leases: Leases::default(),
            acked: Acked::default(),
            known: Mutex::default(),
        })
    }

    /// A call with what every script of a topic gets.
    fn call<const N: usize>(&self, script: &'static Script, topic: &Topic, keys: [&str; N]) -> Call {
        let names = self.keys.topic(topic);
        Call::new(script, names.keys(keys))
            .arg(Epoch::random().as_str())
            .arg(self.meta_ms)
            .arg(names.channel())
    }

    /// As [`Engine::read`]. Who has `seen` the message at `since` itself can tell that it was lost.
    async fn page(
        &self,
        topic: &Topic,
        since: Option<&Position>,
        count: usize,
        seen: bool,
    ) -> Result<Reading, BrokerError> {
        let (epoch, offset) = since.map_or(("", 0), |since| (since.epoch.as_str(), since.offset));
        let call = self
            .call(&scripts::READ, topic, ["meta", "log"])
            .arg(count)
            .arg(self.config.history_age.as_millis())
            .arg(epoch)
            .arg(offset)
            .arg(u8::from(seen))
            .arg(Epoch::random().as_str());
        let (epoch, offset, complete, removed, page): Page =
            self.redis.script(&call).await.map_err(explain)?;
        let position = position(&epoch, &offset)?;
        if removed == 1 {
            return Ok(Reading::Removed(position));
        }
        let mut publications = Vec::with_capacity(page.len() / 3);
        let mut page = page.into_iter();
        while let (Some(offset), Some(kind), Some(payload)) = (page.next(), page.next(), page.next()) {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let offset = text(&offset).parse().map_err(|_| strange())?;
            let kind = wire::kind(&text(&kind)).ok_or_else(strange)?;
            let at = Position { epoch: position.epoch.clone(), offset };
            publications.push(Arc::new(Publication::new(topic.clone(), at, kind, Bytes::from(payload))));
        }
        Ok(Reading::History(History { position, publications, complete: complete == 1 }))
    }

    /// Says how many subscribe by this process, if given, and keeps the leases of members. Returns where the topic is, and
    /// the members that Redis has lost.
    async fn renew(
        &self,
        topic: &Topic,
        subscribers: Option<u64>,
        members: &[Member],
    ) -> Result<(Position, Vec<String>), BrokerError> {
        let mut call = self
            .call(&scripts::RENEW, topic, ["meta", "nodes", "info", "leases"])
            .arg(&self.node)
            .arg(subscribers.map_or_else(String::new, |subscribers| subscribers.to_string()))
            .arg(self.config.lease_time.as_millis());
        for member in members {
            call = call.arg(&*member.id);
        }
        let (epoch, offset, lost): (String, String, Vec<String>) =
            self.redis.script(&call).await.map_err(explain)?;
        Ok((position(&epoch, &offset)?, lost))
    }

    async fn know(&self, topic: &Topic) -> Result<(), BrokerError> {
        let call = Call::new(&scripts::KNOW, [self.keys.known(topic)])
            .arg(self.config.known_age.as_millis())
            .arg(self.config.topics_max)
            .arg(topic.name());
        self.redis.script::<u8>(&call).await.map_err(explain).map(drop)
    }

    /// Deletes a topic. One that is retired leaves a mark for so long, ms; others as long as the epoch of any topic.
    async fn delete(&self, topic: &Topic, retired: Option<u64>) -> Result<(), BrokerError> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(topic);
        self.acked.forget(topic);
        let mut unknow = polysocket_redis::redis::cmd("ZREM");
        let known = self.keys.known(topic);
        unknow.arg(&known).arg(topic.name());
        self.redis.command::<u64>(&known, &unknow).await.map_err(explain)?;
        let call = self
            .call(&scripts::FORGET, topic, ["meta", "log", "nodes", "info", "leases"])
            .arg(retired.map_or_else(String::new, |ms| ms.to_string()));
        self.redis.script::<u8>(&call).await.map_err(explain).map(drop)
    }

    fn count_connections(&self) {
        let (stats, metrics) = (self.redis.stats(), &self.fanout.metrics);
        metrics.redis_up.set(i64::try_from(stats.up).unwrap_or(i64::MAX));
        metrics.redis_connects.inc_by(stats.connects.saturating_sub(metrics.redis_connects.get()));
    }
}

#[async_trait]
impl Engine for RedisEngine {
    async fn attach(&self, topic: &Topic) -> Result<History, BrokerError> {
        let channel = self.keys.topic(topic).channel();
        self.ears
            .topics
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(channel.clone(), topic.clone());
        self.redis.subscribe(&channel).await.map_err(explain)?;
        self.know(topic).await?;
        // Somebody is about to sit down; if not, the next tick says so.
        let (position, _) = self.renew(topic, Some(1), &[]).await?;
        self.leases.begin(topic);
        Ok(History { position, publications: Vec::new(), complete: true })
    }

    fn detach(&self, topic: &Topic) {
        let channel = self.keys.topic(topic).channel();
        self.redis.unsubscribe(&channel);
        self.ears.topics.write().unwrap_or_else(PoisonError::into_inner).remove(&channel);
        self.leases.end(topic);
    }

    async fn publish(
        &self,
        topic: &Topic,
        kind: Kind,
        payload: Bytes,
    ) -> Result<(Position, u64), BrokerError> {
        let call = self
            .call(&scripts::PUBLISH, topic, ["meta", "log", "nodes"])
            .arg(&self.node)
            .arg(self.config.history_count)
            .arg(self.config.history_age.as_millis())
            .arg(wire::letter(kind))
            .arg(&payload[..]);
        let (epoch, offset, others): (String, String, u64) =
            self.redis.script(&call).await.map_err(explain)?;
        let position = position(&epoch, &offset)?;
        if let Some(before) = self.acked.note(topic, &position) {
            // Another epoch than that of the last message: was that one kept?
            if let Err(error) = self.page(topic, Some(&before), 0, true).await {
                tracing::debug!(%topic, %error, "not known whether a message was lost");
            }
        }
        Ok((position, others))
    }

    async fn read(
        &self,
        topic: &Topic,
        since: Option<&Position>,
        count: usize,
        seen: bool,
    ) -> Result<Reading, BrokerError> {
        self.page(topic, since, count, seen).await
    }

    async fn others(&self, topic: &Topic) -> Result<u64, BrokerError> {
        let call = self.call(&scripts::OTHERS, topic, ["nodes"]).arg(&self.node);
        self.redis.script(&call).await.map_err(explain)
    }

    async fn is_known(&self, topic: &Topic) -> Result<bool, BrokerError> {
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.get(topic).is_some_and(|at| at.elapsed() < KNOWN_FOR) {
                return Ok(true);
            }
            if known.len() >= KNOWN_MAX {
                known.clear();
            }
        }
        let call = Call::new(&scripts::KNOWN, [self.keys.known(topic)])
            .arg(self.config.known_age.as_millis())
            .arg(topic.name());
        let is_known = self.redis.script::<u8>(&call).await.map_err(explain)? == 1;
        if is_known {
            self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(topic.clone(), Instant::now());
        }
        Ok(is_known)
    }

    async fn members(&self, topic: &Topic) -> Result<Vec<Member>, BrokerError> {
        let call = self.call(&scripts::MEMBERS, topic, ["info", "leases"]);
        let all: Vec<(String, String)> = self.redis.script(&call).await.map_err(explain)?;
        let mut members: Vec<Member> =
            all.into_iter().map(|(id, info)| Member { id: id.into(), info: info.into() }).collect();
        members.sort_unstable();
        Ok(members)
    }

    async fn enter(&self, topic: &Topic, member: &Member) -> Result<(), BrokerError> {
        let max = self.config.members_max;
        let call = self
            .call(&scripts::ENTER, topic, ["info", "leases"])
            .arg(&*member.id)
            .arg(&*member.info)
            .arg(self.config.lease_time.as_millis())
            .arg(max);
        match self.redis.script::<u8>(&call).await.map_err(explain)? {
            1 => Ok(()),
            _ => Err(BrokerError::TooMany { what: "members of the channel", max }),
        }
    }

    fn leave(&self, topic: &Topic, id: &str) {
        self.leases.leave(topic, id);
    }

    async fn forget(&self, topic: &Topic) -> Result<(), BrokerError> {
        self.delete(topic, None).await
    }

    async fn retire(&self, topic: &Topic) -> Result<(), BrokerError> {
        self.delete(topic, Some(self.retired_ms)).await?;
        // A renewal would note it as known again, or begin it anew when the mark has gone.
        self.leases.forget(topic);
        Ok(())
    }

    async fn ping(&self) -> Result<(), BrokerError> {
        self.redis.ping().await.map_err(explain)
    }

    async fn tick(&self) {
        self.count_connections();
        self.renew_leases().await;
        self.look_after_acked().await;
    }

    async fn run(&self) {
        self.send_leaves().await;
    }

    async fn stop(&self) {
        self.release_all().await;
        self.redis.stop().await;
    }
}

/// By then no node follows the topic any more, and none believes it known; ms.
fn retired_for(config: &BrokerConfig) -> u64 {
    let followed = config.lease_time.as_duration().saturating_mul(RETIRED_LEASES);
    let followed = followed.saturating_add(config.topic_linger.as_duration());
    followed.saturating_add(KNOWN_FOR).as_millis().try_into().unwrap_or(u64::MAX)
}

fn position(epoch: &str, offset: &str) -> Result<Position, BrokerError> {
    let epoch = Epoch::parse(epoch).ok_or_else(strange)?;
    Ok(Position { epoch, offset: offset.parse().map_err(|_| strange())? })
}

fn strange() -> BrokerError {
    BrokerError::Refused {
        at: "broker.url".to_owned(),
        why: "its keys were not written by this release".to_owned(),
    }
}

fn explain(error: polysocket_redis::Error) -> BrokerError {
    match error {
        polysocket_redis::Error::Unreachable { at, why } => BrokerError::Unavailable { at, why },
        polysocket_redis::Error::Refused { at, why } => BrokerError::Refused { at, why },
        polysocket_redis::Error::Invalid(why) => BrokerError::Invalid(why.to_owned()),
    }
}
