//! Bridges: what is published to a channel of one protocol is published to a channel of another, too.
//!
//! # Invariants
//! - A message is bridged by the one process that published it, so that it crosses once however many nodes there are.
//! - What came by a bridge is not bridged again: bridges do not add up, and cannot go round.
//! - A notification of PostgreSQL reaches every node: the one that leads carries it. Where each node has a broker of its
//!   own, each leads.
//! - Messages of one bridge stay in order. Whoever publishes does not wait for it; what it cannot take is counted.

mod end;
mod message;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use polysocket_broker::{Broker, Kind, Tap, Topic};
use polysocket_config::{Problem, row};
use polysocket_postgres::{Membership, Postgres, Source, Subscriber};
use polysocket_service::metrics::{IntCounterVec, Maker, Registry};
use tokio::sync::mpsc;

pub use end::End;
use message::{Message, OTHER_EVENT, UNFIT};

/// Messages that may wait for one bridge.
const QUEUE_MESSAGES_MAX: usize = 1024;

row! {
    /// A bridge between two channels. A channel is `rocket:/PATH:CHANNEL` (the path of its hub), `gockets:KEY` (its
    /// subscriber key) or `postgres:CHANNEL` (of the database).
    pub struct BridgeConfig check check {
        /// What is published to this channel
        from: String = String::new(),
        /// is published to this one, too.
        to: String = String::new(),
        /// The event of Rocket: from its channel only this one is taken (all, when it is empty), and its data alone is
        /// what crosses; to its channel it is broadcast as this one (`message`, when it is empty).
        event: String = String::new(),
    }
}

impl BridgeConfig {
    /// Both ends.
    pub(crate) fn ends(&self) -> Result<(End, End), (&'static str, String)> {
        let from = self.from.parse().map_err(|why| ("from", why))?;
        let to = self.to.parse().map_err(|why| ("to", why))?;
        if from == to {
            return Err(("to", "is where it comes from".into()));
        }
        Ok((from, to))
    }
}

fn check(bridge: &BridgeConfig, problems: &mut Vec<Problem>) {
    if let Err((key, why)) = bridge.ends() {
        problems.push(Problem::new(key, why));
    }
}

/// What bridges count.
#[derive(Clone)]
pub struct BridgeMetrics {
    messages: IntCounterVec,
}

impl BridgeMetrics {
    /// Registers them.
    pub fn new(registry: &Registry) -> Self {
        Self {
            messages: Maker(registry).counters(
                "polysocket_hub_bridged_total",
                "Messages of bridges by what came of them: full is when too many waited, other-event when the bridge \
                 is not for it, unfit when the other end cannot take it; and gap once for each time when notifications may have been missed.",
                "outcome",
                &["sent", "full", OTHER_EVENT, UNFIT, "failed", "gap"],
            ),
        }
    }
}

/// What one bridge needs.
struct Bridge {
    from: End,
    to: End,
    event: String,
    metrics: BridgeMetrics,
}

type Published = (Kind, Bytes);

/// Where a bridge begins.
struct Entrance {
    bridge: Arc<Bridge>,
    queue: mpsc::Sender<Published>,
    /// The last message found no room, and the log has it.
    is_full: AtomicBool,
}

/// All bridges, as a tap of what the protocols publish.
pub(crate) struct Bridges(HashMap<Topic, Vec<Entrance>>);

/// Where a bridge ends.
struct Exit {
    bridge: Arc<Bridge>,
    queue: mpsc::Receiver<Published>,
}

/// The other ends, and those that begin at the database: to be served once there is something to publish with.
pub(crate) struct Exits {
    exits: Vec<Exit>,
    notified: Vec<(String, Entrance)>,
}

impl Bridges {
    /// Those that the configuration has, which was checked.
    pub(crate) fn new<'a>(
        config: impl IntoIterator<Item = &'a BridgeConfig>,
        metrics: &BridgeMetrics,
    ) -> (Self, Exits) {
        let mut entrances = HashMap::<_, Vec<_>>::new();
        let (mut exits, mut notified) = (Vec::new(), Vec::new());
        for row in config {
            let Ok((from, to)) = row.ends() else { continue };
            let topic = from.topic();
            let channel = if let End::Postgres(channel) = &from { Some(channel.clone()) } else { None };
            let bridge = Arc::new(Bridge { from, to, event: row.event.clone(), metrics: metrics.clone() });
            let (queue, receiver) = mpsc::channel(QUEUE_MESSAGES_MAX);
            let entrance = Entrance { bridge: bridge.clone(), queue, is_full: AtomicBool::new(false) };
            match (topic, channel) {
                (Some(topic), _) => entrances.entry(topic).or_default().push(entrance),
                (None, Some(channel)) => notified.push((channel, entrance)),
                (None, None) => {}
            }
            exits.push(Exit { bridge, queue: receiver });
        }
        (Self(entrances), Exits { exits, notified })
    }
}

impl Tap for Bridges {
    fn published(&self, topic: &Topic, kind: Kind, payload: &Bytes) {
        for entrance in self.0.get(topic).into_iter().flatten() {
            entrance.take(kind, payload.clone());
        }
    }
}

impl Entrance {
    fn take(&self, kind: Kind, payload: Bytes) {
        let is_full = self.queue.try_send((kind, payload)).is_err();
        if is_full {
            self.bridge.count("full");
        }
        if self.is_full.swap(is_full, Ordering::Relaxed) != is_full && is_full {
            let to = self.bridge.to.protocol().name();
            tracing::warn!(to, "more comes to a bridge than it can carry; messages are left behind");
        }
    }
}

/// A bridge that begins at the database.
struct Notified {
    entrance: Entrance,
    /// Present where one node of several carries.
    leads: Option<Postgres>,
}

impl Subscriber for Notified {
    fn deliver(&self, _channel: &str, _frame: &Bytes, payload: &str, _source: Source) {
        if self.leads.as_ref().is_none_or(Postgres::leads) {
            self.entrance.take(Kind::Text, Bytes::copy_from_slice(payload.as_bytes()));
        }
    }

    fn gap(&self, _channel: &str, _frame: &Bytes) {
        self.entrance.bridge.count("gap");
    }

    fn refused(&self, channel: &str) {
        tracing::error!(channel, "the database refuses this channel: nothing comes to a bridge from there");
    }
}

impl Exits {
    /// Publishes what comes, until the protocols are gone. The broker must not be tapped; `alone`: no other node has it.
    /// What is notified is heard as long as what this returns is kept.
    pub(crate) fn serve(self, broker: &Broker, alone: bool, postgres: Option<&Postgres>) -> Vec<Membership> {
        for Exit { bridge, mut queue } in self.exits {
            let (broker, postgres) = (broker.clone(), postgres.cloned());
            tokio::spawn(async move {
                while let Some((kind, payload)) = queue.recv().await {
                    let outcome = bridge.carry(&broker, postgres.as_ref(), kind, payload).await;
                    bridge.count(outcome);
                }
            });
        }
        let Some(postgres) = postgres else { return Vec::new() };
        let hear = |(channel, entrance): (String, Entrance)| {
            let leads = (!alone).then(|| postgres.clone());
            postgres.subscribe(&channel, Arc::new(Notified { entrance, leads }))
        };
        self.notified.into_iter().filter_map(hear).collect()
    }
}

impl Bridge {
    fn count(&self, outcome: &str) {
        self.metrics.messages.with_label_values(&[outcome]).inc();
    }

    async fn carry(
        &self,
        broker: &Broker,
        postgres: Option<&Postgres>,
        kind: Kind,
        payload: Bytes,
    ) -> &'static str {
        let message = match Message::read(&self.from, &self.event, kind, payload) {
            Ok(message) => message,
            Err(outcome) => return outcome,
        };
        let Some((kind, payload)) = message.write(&self.to, &self.event) else {
            return UNFIT;
        };
        let published = match (&self.to, self.to.topic(), postgres) {
            (_, Some(topic), _) => {
                broker.publish(&topic, kind, payload).await.map(drop).map_err(|error| error.to_string())
            }
            (End::Postgres(channel), None, Some(postgres)) => {
                let text = String::from_utf8_lossy(&payload).into_owned();
                postgres.notify(channel, text).await.map_err(|failure| failure.to_string())
            }
            _ => return UNFIT,
        };
        match published {
            Ok(()) => "sent",
            Err(error) => {
                tracing::warn!(%error, "a message did not cross a bridge");
                "failed"
            }
        }
    }
}
