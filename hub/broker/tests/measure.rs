//! Figures, not checks: run by hand, in release, on a machine that does nothing else.
//!
//! `cargo test --release -p polysocket-broker --test measure -- --ignored --nocapture --test-threads 1`
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use common::redis_server::RedisServer;
use common::{config, open, topic};
use polysocket_broker::{
    Broker, Kind, Position, Publication, SubscribeOptions, Subscribed, Subscriber, Topic,
};
use polysocket_redis::redis::{Client, PushKind, aio::MultiplexedConnection, cmd};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

const PER_SECOND: u64 = 1000;
const MESSAGES: u64 = 5_000;

/// Microseconds since the start of the run, when a message of 64 bytes was sent and when it came.
struct Latencies {
    begun: Instant,
    micros: Vec<u64>,
}

impl Latencies {
    fn new(begun: Instant) -> Self {
        Self { begun, micros: Vec::new() }
    }
    fn now(begun: Instant) -> u64 {
        u64::try_from(begun.elapsed().as_micros()).unwrap()
    }
    fn payload(begun: Instant) -> Bytes {
        format!("{:064}", Self::now(begun)).into()
    }
    fn came(&mut self, payload: &[u8]) {
        let sent: u64 = str::from_utf8(payload).unwrap().parse().unwrap();
        self.micros.push(Self::now(self.begun) - sent);
    }
    fn tell(mut self, name: &str) {
        self.micros.sort_unstable();
        let at = |share: f64| {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            self.micros[((self.micros.len() - 1) as f64 * share) as usize]
        };
        println!(
            "{name}: {} messages, p50 {} us, p99 {} us, max {} us",
            self.micros.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
}

struct Passes(mpsc::UnboundedSender<Bytes>);

impl Subscriber for Passes {
    fn subscribed(&self, _: &Topic, _: &Subscribed) {}
    fn deliver(&self, publication: &Arc<Publication>) {
        let _ = self.0.send(publication.payload.clone());
    }
    fn gap(&self, _: &Topic, _: &Position) {}
}

/// Sends at an even pace, each in a task of its own, as connections do.
async fn pace(begun: Instant, messages: u64, send: impl Fn(Bytes)) {
    let mut ticks = interval(Duration::from_micros(1_000_000 / PER_SECOND));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for _ in 0..messages {
        ticks.tick().await;
        send(Latencies::payload(begun));
    }
}

async fn broker(server: &RedisServer, messages: u64) -> Latencies {
    let (a, b) = (open(&config(&server.url())).await, open(&config(&server.url())).await);
    let t = topic("latency");
    let (sender, mut come) = mpsc::unbounded_channel();
    let _held = b.subscribe(&t, Arc::new(Passes(sender)), SubscribeOptions::default()).await.unwrap();
    let mut latencies = Latencies::new(Instant::now());
    let begun = latencies.begun;
    let sends = tokio::spawn(async move {
        pace(begun, messages, |payload| {
            let (a, t) = (a.clone(), t.clone());
            tokio::spawn(async move { a.publish(&t, Kind::Text, payload).await.unwrap() });
        })
        .await;
    });
    for _ in 0..messages {
        latencies.came(&come.recv().await.unwrap());
    }
    sends.await.unwrap();
    latencies
}

async fn bare(server: &RedisServer, messages: u64) -> Latencies {
    let client = Client::open(format!("{}?protocol=resp3", server.url())).unwrap();
    let (sender, mut come) = mpsc::unbounded_channel();
    let pushes = polysocket_redis::redis::AsyncConnectionConfig::new().set_push_sender(sender);
    let mut subscribed = client.get_multiplexed_async_connection_with_config(&pushes).await.unwrap();
    cmd("SSUBSCRIBE").arg("latency").exec_async(&mut subscribed).await.unwrap();
    let publishes: MultiplexedConnection = client.get_multiplexed_async_connection().await.unwrap();
    let mut latencies = Latencies::new(Instant::now());
    let begun = latencies.begun;
    let sends = tokio::spawn(async move {
        pace(begun, messages, |payload| {
            let mut publishes = publishes.clone();
            tokio::spawn(async move {
                cmd("SPUBLISH").arg("latency").arg(&payload[..]).exec_async(&mut publishes).await.unwrap();
            });
        })
        .await;
    });
    let mut count = 0;
    while count < messages {
        let push: polysocket_redis::redis::PushInfo = come.recv().await.unwrap();
        if push.kind == PushKind::SMessage {
            let payload: Vec<u8> = polysocket_redis::redis::from_redis_value(push.data[1].clone()).unwrap();
            latencies.came(&payload);
            count += 1;
        }
    }
    sends.await.unwrap();
    latencies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn publish_to_delivery_over_redis_beside_bare_pub_sub() {
    let server = RedisServer::start().await;
    broker(&server, 1000).await;
    bare(&server, 1000).await;
    for _ in 0..3 {
        broker(&server, MESSAGES).await.tell("broker");
        bare(&server, MESSAGES).await.tell("bare  ");
    }
}

struct Counts(AtomicU64);

impl Subscriber for Counts {
    fn subscribed(&self, _: &Topic, _: &Subscribed) {}
    fn deliver(&self, publication: &Arc<Publication>) {
        let frame = publication.frame(0, |publication| publication.payload.clone());
        self.0.fetch_add(frame.len() as u64, Ordering::Relaxed);
    }
    fn gap(&self, _: &Topic, _: &Position) {}
}

async fn fan_out(broker: &Broker, subscribers: u32, messages: u32) {
    let t = topic(&subscribers.to_string());
    let counts = Arc::new(Counts(AtomicU64::new(0)));
    let mut held = Vec::new();
    for _ in 0..subscribers {
        held.push(broker.subscribe(&t, counts.clone(), SubscribeOptions::default()).await.unwrap());
    }
    let payload = Bytes::from_static(&[b'x'; 64]);
    let begun = Instant::now();
    for _ in 0..messages {
        broker.publish(&t, Kind::Text, payload.clone()).await.unwrap();
    }
    let took = begun.elapsed();
    assert_eq!(counts.0.load(Ordering::Relaxed), 64 * u64::from(subscribers) * u64::from(messages));
    let each = took.as_nanos() / u128::from(messages);
    println!(
        "memory, {subscribers} subscribers: {each} ns per message, {:.1} ns per subscriber",
        each as f64 / f64::from(subscribers)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn fan_out_in_memory() {
    let broker = open(&config("memory")).await;
    for (subscribers, messages) in [(1, 200_000), (10, 100_000), (1000, 10_000), (10_000, 1000)] {
        fan_out(&broker, subscribers, messages).await;
    }
}
