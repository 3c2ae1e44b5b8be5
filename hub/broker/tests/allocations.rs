//! A message that goes to a thousand subscribers costs as many allocations as one that goes to a single one.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use common::{config, open, topic};
use polysocket_broker::{Kind, Position, Publication, SubscribeOptions, Subscribed, Subscriber, Topic};
use tokio::runtime::Builder;

/// What a connection does: takes the frame that all share.
struct Frames(AtomicUsize);

impl Subscriber for Frames {
    fn subscribed(&self, _: &Topic, _: &Subscribed) {}
    fn deliver(&self, publication: &Arc<Publication>) {
        let frame =
            publication.frame(0, |publication| [b"frame", &publication.payload[..]].concat().into()).clone();
        self.0.fetch_add(frame.len(), Ordering::Relaxed);
    }
    fn gap(&self, _: &Topic, _: &Position) {}
}

fn allocations_per_message(subscribers: usize) -> u64 {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let t = topic("allocations");
    let frames = Arc::new(Frames(AtomicUsize::new(0)));
    let (broker, _held) = runtime.block_on(async {
        let broker = open(&config("memory")).await;
        let mut held = Vec::new();
        for _ in 0..subscribers {
            held.push(broker.subscribe(&t, frames.clone(), SubscribeOptions::default()).await.unwrap());
        }
        (broker, held)
    });
    let publish = || {
        let payload = Bytes::from_static(&[b'x'; 64]);
        runtime.block_on(broker.publish(&t, Kind::Text, payload)).unwrap();
    };
    // Until what grows has grown.
    (0..200).for_each(|_| publish());
    let counted = allocation_counter::measure(|| (0..100).for_each(|_| publish()));
    assert_eq!(frames.0.load(Ordering::Relaxed), 300 * subscribers * 69);
    counted.count_total / 100
}

#[test]
fn a_subscriber_costs_none() {
    let (one, thousand) = (allocations_per_message(1), allocations_per_message(1000));
    assert_eq!(one, thousand);
    // The message, its frame (which is made of a vector), and the boxed calls in between.
    assert!(one <= 12, "{one}");
}
