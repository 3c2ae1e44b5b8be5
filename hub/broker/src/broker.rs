//! The broker: checks, the engine of the configuration, and the local fan-out, put together.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::channel::PAGE;
use crate::config::MEMORY;
use crate::engine::{Engine, Reading};
use crate::event::{Event, Join, Joined};
use crate::fanout::Fanout;
use crate::memory::MemoryEngine;
use crate::redis::RedisEngine;
use crate::subscription::Held;
use crate::{
    BrokerConfig, BrokerError, BrokerMetrics, History, Kind, Member, Position, Published, SubscribeOptions,
    Subscriber, Subscription, Tap, Topic, limits,
};

/// Between two looks at what has become too old.
const TICK: Duration = Duration::from_secs(1);

/// Subscribers whose missed messages are read at the same time; with the default limits each may have 25 MiB of them.
/// Others wait: after an outage thousands come back in one moment.
const RECOVERIES_AT_ONCE: usize = 32;

/// Topics, as one process sees them. Clones are handles of the same; with the last one its tasks end.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
    tap: Option<Arc<dyn Tap>>,
}

struct Shared {
    fanout: Arc<Fanout>,
    engine: Arc<dyn Engine>,
    message_bytes_max: usize,
    recoveries: Semaphore,
    metrics: BrokerMetrics,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.fanout.work.stop.cancel();
        self.fanout.work.tasks.close();
    }
}

impl Broker {
    /// Opens the broker the configuration names. With `memory` each call makes a new, empty one. With Redis it comes up
    /// also while the server cannot be reached, and connects in the background.
    ///
    /// # Errors
    /// [`BrokerError::Invalid`] when the configuration cannot be used.
    #[allow(clippy::unused_async, reason = "spawns tasks, so it has to be called on a runtime")]
    pub async fn open(config: &BrokerConfig, metrics: BrokerMetrics) -> Result<Self, BrokerError> {
        let backlog = config.backlog_bytes_max.as_usize();
        let fanout = Arc::new(Fanout::new(config.topics_max, backlog, metrics.clone()));
        let engine: Arc<dyn Engine> = if config.url == MEMORY {
            Arc::new(MemoryEngine::new(config, fanout.clone()))
        } else {
            Arc::new(RedisEngine::open(config, fanout.clone())?)
        };
        fanout.set_engine(&engine);
        let broker = Self {
            shared: Arc::new(Shared {
                fanout,
                engine,
                message_bytes_max: config.message_bytes_max.as_usize(),
                recoveries: Semaphore::new(RECOVERIES_AT_ONCE),
                metrics,
            }),
            tap: None,
        };
        broker.keep_time(config.topic_linger.as_duration());
        Ok(broker)
    }

    /// A handle by which each message that is published is shown to `tap`.
    #[must_use]
    pub fn tapped(&self, tap: Arc<dyn Tap>) -> Self {
        Self { shared: self.shared.clone(), tap: Some(tap) }
    }

    fn keep_time(&self, linger: Duration) {
        let (fanout, engine) = (self.shared.fanout.clone(), self.shared.engine.clone());
        let runs = engine.clone();
        fanout.work.spawn(async move { runs.run().await });
        self.shared.fanout.work.spawn(async move {
            let mut ticks = interval(TICK);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                fanout.sweep(linger, |topic| engine.detach(topic));
                engine.tick().await;
            }
        });
    }

    /// Publishes a message; returns when it has its place in the topic's order and history. Subscribers in this process
    /// may have been called by then, and others soon are.
    ///
    /// With [`BrokerError::Unavailable`] it may have been published or not.
    pub async fn publish(&self, topic: &Topic, kind: Kind, payload: Bytes) -> Result<Published, BrokerError> {
        limits::check_topic(topic)?;
        limits::check_payload(payload.len(), self.shared.message_bytes_max)?;
        let begun = Instant::now();
        let tapped = self.tap.as_ref().map(|tap| (tap, payload.clone()));
        let published = self.shared.engine.publish(topic, kind, payload).await;
        self.shared.metrics.publish_seconds.observe(begun.elapsed().as_secs_f64());
        let (position, others) = published.inspect_err(|_| self.shared.metrics.publish_errors.inc())?;
        self.shared.metrics.published.inc();
        if let Some((tap, payload)) = tapped {
            tap.published(topic, kind, &payload);
        }
        Ok(Published { position, subscribers: others + self.subscribers_here(topic) })
    }

    /// Subscribes. [`Subscriber::subscribed`] and, with `since`, the calls for what was missed have been made when this
    /// returns. A topic that does not exist yet begins with this.
    pub async fn subscribe(
        &self,
        topic: &Topic,
        subscriber: Arc<dyn Subscriber>,
        options: SubscribeOptions,
    ) -> Result<Subscription, BrokerError> {
        limits::check_topic(topic)?;
        options.member.as_ref().map_or(Ok(()), limits::check_member)?;
        let engine = &self.shared.engine;
        let channel = self.shared.fanout.hold(topic)?;
        let seat = channel.seat();
        let mut held = Held { channel, engine: engine.clone(), seat, member: None };
        held.channel.start(&**engine).await?;
        let SubscribeOptions { since, member } = options;
        let (answer, mut joined) = oneshot::channel();
        held.channel.put(Event::Join(Box::new(Join { seat, subscriber, since: since.clone(), answer })));
        let at = loop {
            match joined.await.map_err(|_| BrokerError::Stopped)? {
                Joined::Subscribed(at) => break at,
                Joined::Refused(error) => return Err(error),
                Joined::Read(next) => joined = next,
            }
            let Some(since) = &since else { return Err(BrokerError::Stopped) };
            // Given back when they have been handed out.
            let _one = self.shared.recoveries.acquire().await.map_err(|_| BrokerError::Stopped)?;
            let missed = self.missed(topic, since).await?;
            held.channel.put(Event::Missed(seat, missed));
        };
        if let Some(member) = member {
            // Noted first, so that dropping this undoes it.
            let new = held.channel.enter(&member);
            held.member = Some(member.id.clone());
            if new {
                engine.enter(topic, &member).await?;
            }
        }
        Ok(Subscription { held, at })
    }

    /// Everything after a position, or none when something of it is gone.
    async fn missed(&self, topic: &Topic, since: &Position) -> Result<Option<History>, BrokerError> {
        let mut all: Option<History> = None;
        loop {
            let last = all.as_ref().and_then(|all| all.publications.last()).map(|last| last.position());
            let since = last.as_ref().unwrap_or(since);
            let page = match self.shared.engine.read(topic, Some(since), PAGE, false).await? {
                Reading::History(page) if page.complete => page,
                _ => return Ok(None),
            };
            let end = page.publications.last().is_none_or(|last| last.offset >= page.position.offset);
            match &mut all {
                None => all = Some(page),
                Some(all) => {
                    all.position = page.position;
                    all.publications.extend(page.publications);
                }
            }
            if end {
                return Ok(all);
            }
        }
    }

    /// How many subscribe now, in the whole cluster; the other nodes' share is at most a few seconds old.
    pub async fn subscribers(&self, topic: &Topic) -> Result<u64, BrokerError> {
        limits::check_topic(topic)?;
        Ok(self.shared.engine.others(topic).await? + self.subscribers_here(topic))
    }

    fn subscribers_here(&self, topic: &Topic) -> u64 {
        self.shared.fanout.get(topic).map_or(0, |channel| channel.seated())
    }

    /// Whether somebody has subscribed once. Bounded: after `broker.known_age` without use a topic is forgotten, or
    /// earlier when there are more than `broker.topics_max` of its space. That another node has forgotten it is noticed
    /// within 5 seconds.
    pub async fn is_known(&self, topic: &Topic) -> Result<bool, BrokerError> {
        limits::check_topic(topic)?;
        if self.subscribers_here(topic) > 0 {
            return Ok(true);
        }
        self.shared.engine.is_known(topic).await
    }

    /// The first `count` messages after `since`, or the last `count` of all without it. With `since` that is not good
    /// any more: the first `count` there are, and [`History::complete`] is false.
    pub async fn history(
        &self,
        topic: &Topic,
        since: Option<&Position>,
        count: usize,
    ) -> Result<History, BrokerError> {
        limits::check_topic(topic)?;
        Ok(match self.shared.engine.read(topic, since, count, false).await? {
            Reading::History(history) => history,
            Reading::Removed(position) => History { position, publications: Vec::new(), complete: false },
        })
    }

    /// Who is there, in order of ids. Those of a node that has died stay for `broker.lease_time`.
    pub async fn members(&self, topic: &Topic) -> Result<Vec<Member>, BrokerError> {
        limits::check_topic(topic)?;
        self.shared.engine.members(topic).await
    }

    /// Deletes a topic: its history, its members, and all subscriptions on all nodes, whose subscribers are told by
    /// [`Subscriber::removed`]. It is not known any more, until somebody subscribes anew.
    pub async fn forget(&self, topic: &Topic) -> Result<(), BrokerError> {
        limits::check_topic(topic)?;
        self.shared.engine.forget(topic).await
    }

    /// [Forgets](Self::forget) a topic whose name never comes again, a random one. What that leaves behind is gone soon:
    /// what is published there late need not be kept, and a subscriber on a node that was cut off for long is told of a
    /// gap instead.
    pub async fn retire(&self, topic: &Topic) -> Result<(), BrokerError> {
        limits::check_topic(topic)?;
        let engine = &self.shared.engine;
        let retired = engine.retire(topic).await;
        self.shared.fanout.close(topic, |topic| engine.detach(topic));
        retired
    }

    /// Whether the broker answers; for readiness.
    pub async fn ping(&self) -> Result<(), BrokerError> {
        self.shared.engine.ping().await
    }

    /// Ends everything of this process: tasks, and what other nodes know of it. For the end of a drain, when connections
    /// have gone; subscriptions that are left hear nothing more.
    pub async fn stop(&self) {
        self.shared.engine.stop().await;
        self.sever().await;
    }

    /// Ends all tasks at once and says nothing to anybody, as a process does that is killed. For tests.
    #[doc(hidden)]
    pub async fn sever(&self) {
        let work = &self.shared.fanout.work;
        work.stop.cancel();
        work.tasks.close();
        work.tasks.wait().await;
    }
}
