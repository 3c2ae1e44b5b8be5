//! Bridges: what is published to a channel of one protocol is published to a channel of another, too.
//!
//! # Invariants
//! - A message is bridged by the one process that published it, so that it crosses once however many nodes there are.
//! - What came by a bridge is not bridged again: bridges do not add up, and cannot go round.
//! - Messages of one bridge stay in order. Whoever publishes does not wait for it; what it cannot take is counted.

mod end;
mod message;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use polysocket_broker::{Broker, Kind, Tap, Topic};
use polysocket_config::{Problem, row};
use polysocket_service::metrics::{IntCounterVec, Maker, Registry};
use tokio::sync::mpsc;

pub use end::End;
use message::Message;

/// Messages that may wait for one bridge.
const QUEUE_MESSAGES_MAX: usize = 1024;

row! {
    /// A bridge between two channels. A channel is `rocket:/PATH:CHANNEL` (the path of its hub) or `gockets:KEY` (its
    /// subscriber key).
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
    fn ends(&self) -> Result<(End, End), (&'static str, String)> {
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
                "Messages of bridges by what came of them: full is when too many waited, unfit when the other end \
                 cannot take it.",
                "outcome",
                &["sent", "full", "unfit", "failed"],
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
}

/// All bridges, as a tap of what the protocols publish.
pub(crate) struct Bridges(HashMap<Topic, Vec<Entrance>>);

/// Where a bridge ends.
struct Exit {
    bridge: Arc<Bridge>,
    queue: mpsc::Receiver<Published>,
}

/// The other ends, to be served once there is something to publish with.
pub(crate) struct Exits(Vec<Exit>);

impl Bridges {
    /// Those that the configuration has, which was checked.
    pub(crate) fn new<'a>(
        config: impl IntoIterator<Item = &'a BridgeConfig>,
        metrics: &BridgeMetrics,
    ) -> (Self, Exits) {
        let (mut entrances, mut exits) = (HashMap::<_, Vec<_>>::new(), Vec::new());
        for row in config {
            let Ok((from, to)) = row.ends() else { continue };
            let topic = from.topic();
            let bridge = Arc::new(Bridge { from, to, event: row.event.clone(), metrics: metrics.clone() });
            let (queue, receiver) = mpsc::channel(QUEUE_MESSAGES_MAX);
            entrances.entry(topic).or_default().push(Entrance { bridge: bridge.clone(), queue });
            exits.push(Exit { bridge, queue: receiver });
        }
        (Self(entrances), Exits(exits))
    }
}

impl Tap for Bridges {
    fn published(&self, topic: &Topic, kind: Kind, payload: &Bytes) {
        for Entrance { bridge, queue } in self.0.get(topic).into_iter().flatten() {
            if queue.try_send((kind, payload.clone())).is_err() {
                bridge.count("full");
            }
        }
    }
}

impl Exits {
    /// Publishes what comes, until the protocols are gone. The broker must not be tapped.
    pub(crate) fn serve(self, broker: &Broker) {
        for Exit { bridge, mut queue } in self.0 {
            let broker = broker.clone();
            tokio::spawn(async move {
                while let Some((kind, payload)) = queue.recv().await {
                    let outcome = bridge.carry(&broker, kind, payload).await;
                    bridge.count(outcome);
                }
            });
        }
    }
}

impl Bridge {
    fn count(&self, outcome: &str) {
        self.metrics.messages.with_label_values(&[outcome]).inc();
    }

    async fn carry(&self, broker: &Broker, kind: Kind, payload: Bytes) -> &'static str {
        let Some(message) = Message::read(&self.from, &self.event, kind, payload) else { return "unfit" };
        let Some((kind, payload)) = message.write(&self.to, &self.event) else { return "unfit" };
        match broker.publish(&self.to.topic(), kind, payload).await {
            Ok(_) => "sent",
            Err(error) => {
                tracing::warn!(%error, "a message did not cross a bridge");
                "failed"
            }
        }
    }
}
