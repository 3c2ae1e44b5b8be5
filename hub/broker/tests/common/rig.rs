//! Two nodes under load, and what they must have heard in the end.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use polysocket_broker::{Broker, BrokerConfig, Kind, Position, Subscription, Topic};
use polysocket_service::metrics::Registry;
use polysocket_tests::patience::eventually;
use tokio::task::JoinHandle;
use tokio::time::interval;

use super::recorder::{Recorder, listen};
use super::{gauge, open_counted, publish, topic};

/// Publishes numbered messages, trying each until it is confirmed; an attempt that failed may have succeeded, so the
/// next has another number. Returns the confirmed ones.
struct Load {
    stop: Arc<AtomicBool>,
    task: JoinHandle<Vec<(Position, String)>>,
}

impl Load {
    fn start(name: &str, broker: &Broker, topic: &Topic) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, name, broker, topic) = (stop.clone(), name.to_owned(), broker.clone(), topic.clone());
        let task = tokio::spawn(async move {
            let (mut confirmed, mut number) = (Vec::new(), 0);
            // A load, not a flood.
            let mut pace = interval(Duration::from_millis(1));
            while !stopped.load(Ordering::Relaxed) {
                number += 1;
                let text = format!("{name}{number}");
                let payload = Bytes::copy_from_slice(text.as_bytes());
                match broker.publish(&topic, Kind::Text, payload).await {
                    Ok(published) => confirmed.push((published.position, text)),
                    Err(error) => assert!(error.is_unavailable(), "{error}"),
                }
                pace.tick().await;
            }
            confirmed
        });
        Self { stop, task }
    }

    async fn stop(self) -> Vec<(Position, String)> {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

/// Two nodes, a subscriber on each, and load from both.
pub struct Rig {
    a: Broker,
    b: Broker,
    metrics: [Registry; 2],
    topic: Topic,
    pub one: Arc<Recorder>,
    pub two: Arc<Recorder>,
    _held: Vec<Subscription>,
    loads: Vec<Load>,
}

impl Rig {
    pub async fn start(config: &BrokerConfig, name: &str) -> Self {
        let ((a, of_a), (b, of_b)) = (open_counted(config).await, open_counted(config).await);
        let topic = topic(name);
        let (one, first) = listen(&a, &topic).await;
        let (two, second) = listen(&b, &topic).await;
        let loads = vec![Load::start("a", &a, &topic), Load::start("b", &b, &topic)];
        one.until_messages(100).await;
        Self { a, b, metrics: [of_a, of_b], topic, one, two, _held: vec![first, second], loads }
    }

    /// Until both nodes count a connection to Redis, or none.
    pub async fn until_connected(&self, connected: bool) {
        let what = if connected { "connections are counted" } else { "connections are given up" };
        eventually(what, async || {
            self.metrics.iter().all(|registry| (gauge(registry, "redis_up") > 0) == connected)
        })
        .await;
    }

    /// Until messages pass both ways again.
    pub async fn until_well(&self) {
        for (from, name) in [(&self.a, "well a"), (&self.b, "well b")] {
            eventually("a message is confirmed", async || {
                from.publish(&self.topic, Kind::Text, Bytes::copy_from_slice(name.as_bytes())).await.is_ok()
            })
            .await;
            self.one.until_text(name).await;
            self.two.until_text(name).await;
        }
        let confirmed = self.one.messages().len();
        self.one.until_messages(confirmed + 50).await;
    }

    /// Ends the load, and returns what was confirmed, when both have heard the last message.
    pub async fn finish(&mut self) -> Vec<(Position, String)> {
        let mut confirmed = Vec::new();
        for load in self.loads.drain(..) {
            confirmed.extend(load.stop().await);
        }
        let last = publish(&self.a, &self.topic, "last").await.position;
        for listener in [&self.one, &self.two] {
            listener.until_text("last").await;
            listener.assert_in_order();
            let mut texts = listener.texts();
            texts.retain(|text| !text.starts_with("well"));
            let all = texts.len();
            texts.sort_unstable();
            texts.dedup();
            assert_eq!(texts.len(), all, "nothing came twice");
        }
        confirmed.push((last, "last".to_owned()));
        confirmed
    }

    /// Each confirmed message was heard by both; or one was told of a gap.
    pub fn assert_nothing_is_lost_untold(&self, confirmed: &[(Position, String)]) {
        for listener in [&self.one, &self.two] {
            let texts: HashSet<String> = listener.texts().into_iter().collect();
            let lost = confirmed.iter().filter(|(_, text)| !texts.contains(text)).count();
            assert!(lost == 0 || listener.gaps() > 0, "{lost} lost, and nobody said so");
        }
    }

    /// Each confirmed message was heard by both, in one order, without a gap.
    pub fn assert_nothing_is_lost(&self, confirmed: &[(Position, String)]) {
        for listener in [&self.one, &self.two] {
            assert_eq!(listener.gaps(), 0);
        }
        self.assert_nothing_is_lost_untold(confirmed);
        let place = |(position, text): (Position, String)| (position.offset, text);
        let one: Vec<_> = self.one.messages().into_iter().map(place).collect();
        let two: Vec<_> = self.two.messages().into_iter().map(place).collect();
        let from = one[0].0.max(two[0].0);
        let since =
            |all: &[(u64, String)]| all.iter().filter(|(o, _)| *o >= from).cloned().collect::<Vec<_>>();
        assert_eq!(since(&one), since(&two), "the same order");
    }
}
