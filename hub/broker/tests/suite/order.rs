//! Who gets what, in which order.

use std::sync::Arc;

use bytes::Bytes;
use polysocket_broker::{BrokerError, Kind, SubscribeOptions};
use polysocket_tests::patience::eventually;

use super::bed::Bed;
use crate::common::recorder::{Heard, Recorder, listen, listen_since};
use crate::common::{publish, topic};

pub async fn a_message_reaches_all(bed: Bed) {
    let t = topic("news");
    let (one, _one) = listen(&bed.a, &t).await;
    let (two, _two) = listen(&bed.b, &t).await;
    let (other, _other) = listen(&bed.b, &topic("other")).await;
    let published = publish(&bed.a, &t, "hello").await;
    assert_eq!(published.position.offset, 1);
    for listener in [&one, &two] {
        listener.until_text("hello").await;
        let [Heard::Subscribed(at), Heard::Message(position, _)] = &listener.log()[..] else {
            panic!("{:?}", listener.log())
        };
        assert_eq!((at.position.offset, at.recovered), (0, None));
        assert_eq!((&at.position.epoch, position), (&position.epoch, &published.position));
    }
    assert!(other.texts().is_empty());
}

pub async fn any_payload_passes(bed: Bed) {
    let t = topic("bytes");
    let (listener, _subscription) = listen(&bed.b, &t).await;
    let all: Vec<u8> = (0..=255).chain(b"\r\n{}\0".iter().copied()).collect();
    bed.a.publish(&t, Kind::Binary, Bytes::from(all.clone())).await.unwrap();
    bed.a.publish(&t, Kind::Text, Bytes::new()).await.unwrap();
    listener.until_messages(2).await;
    let history = bed.b.history(&t, None, 10).await.unwrap();
    assert_eq!(&history.publications[0].payload[..], &all[..]);
    assert_eq!(history.publications[0].kind, Kind::Binary);
    assert_eq!((&history.publications[1].payload[..], history.publications[1].kind), (&b""[..], Kind::Text));
    assert_eq!(listener.texts(), [String::from_utf8_lossy(&all).into_owned(), String::new()]);
}

pub async fn any_name_is_a_topic(bed: Bed) {
    let mut listeners = Vec::new();
    let names = ["", "a b", "}", "{x}y", "a|b", "%7C", "ключ", "line\nbreak"];
    for name in names {
        listeners.push(listen(&bed.b, &topic(name)).await);
    }
    for name in names {
        publish(&bed.a, &topic(name), name).await;
    }
    for (name, (listener, _subscription)) in names.iter().zip(&listeners) {
        listener.until_messages(1).await;
        assert_eq!(listener.texts(), [*name]);
    }
}

pub async fn the_order_is_the_same_everywhere(bed: Bed) {
    let t = topic("order");
    let (one, _one) = listen(&bed.a, &t).await;
    let (two, _two) = listen(&bed.b, &t).await;
    let publishers: Vec<_> = (0..8)
        .map(|p| {
            let (broker, t) = (if p % 2 == 0 { bed.a.clone() } else { bed.b.clone() }, t.clone());
            tokio::spawn(async move {
                for n in 0..50 {
                    publish(&broker, &t, &format!("{p}:{n}")).await;
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await.unwrap();
    }
    one.until_messages(400).await;
    two.until_messages(400).await;
    assert_eq!(one.messages(), two.messages());
    one.assert_in_order();
    assert_eq!(one.gaps() + two.gaps(), 0);
    for p in 0..8 {
        let own: Vec<_> = one.texts().into_iter().filter(|text| text.starts_with(&format!("{p}:"))).collect();
        assert_eq!(own, (0..50).map(|n| format!("{p}:{n}")).collect::<Vec<_>>(), "in the order of its calls");
    }
}

pub async fn who_has_left_hears_nothing(bed: Bed) {
    let t = topic("leave");
    let (stays, staying) = listen(&bed.b, &t).await;
    let (leaves, subscription) = listen(&bed.b, &t).await;
    publish(&bed.a, &t, "1").await;
    leaves.until_text("1").await;
    drop(subscription);
    publish(&bed.a, &t, "2").await;
    stays.until_text("2").await;
    assert_eq!(leaves.texts(), ["1"]);
    // A topic that all have left can be subscribed to anew, also after it has been given up.
    drop(staying);
    eventually("it is given up", async || bed.topics() == 0).await;
    let (again, _again) = listen(&bed.b, &t).await;
    publish(&bed.a, &t, "3").await;
    again.until_text("3").await;
    assert_eq!(again.texts(), ["3"]);
}

pub async fn joining_in_a_flood_misses_nothing(bed: Bed) {
    let bed = bed.with(|config| config.history_count = 400).await;
    let t = topic("flood");
    let (first, _first) = listen(&bed.a, &t).await;
    let start = publish(&bed.a, &t, "0").await.position;
    let flood = {
        let (broker, t) = (bed.a.clone(), t.clone());
        tokio::spawn(async move {
            for n in 1..=300 {
                publish(&broker, &t, &n.to_string()).await;
                tokio::task::yield_now().await;
            }
        })
    };
    let mut listeners = Vec::new();
    for _ in 0..10 {
        listeners.push(listen_since(&bed.b, &t, &start).await);
        tokio::task::yield_now().await;
    }
    flood.await.unwrap();
    first.until_text("300").await;
    let expected: Vec<String> = (1..=300).map(|n| n.to_string()).collect();
    for (listener, subscription) in &listeners {
        listener.until_text("300").await;
        // The history has 400, so that nobody came too late.
        assert_eq!(subscription.at().recovered, Some(true));
        assert_eq!(listener.texts(), expected);
        assert_eq!(listener.gaps(), 0);
    }
}

pub async fn subscribers_are_counted(bed: Bed) {
    let t = topic("count");
    assert_eq!(publish(&bed.a, &t, "nobody").await.subscribers, 0);
    let (_, _one) = listen(&bed.a, &t).await;
    let (_, two) = listen(&bed.b, &t).await;
    let (_, three) = listen(&bed.b, &t).await;
    for broker in [&bed.a, &bed.b] {
        eventually("three are counted", async || broker.subscribers(&t).await.unwrap() == 3).await;
        assert_eq!(publish(broker, &t, "three").await.subscribers, 3);
    }
    drop((two, three));
    eventually("one is left", async || bed.a.subscribers(&t).await.unwrap() == 1).await;
    assert_eq!(bed.b.subscribers(&topic("another")).await.unwrap(), 0);
}

pub async fn bad_arguments_are_refused(bed: Bed) {
    let bed = bed.with(|config| config.message_bytes_max = polysocket_config::Size::bytes(10)).await;
    let long = topic(&"x".repeat(2000));
    let too_long = |error| matches!(error, BrokerError::TooLong { .. });
    assert!(too_long(bed.a.publish(&long, Kind::Text, Bytes::new()).await.unwrap_err()));
    let subscribed = bed.a.subscribe(&long, Recorder::new(), SubscribeOptions::default()).await;
    assert!(too_long(subscribed.unwrap_err()));
    let message = Bytes::from_static(b"12345678901");
    let refused = bed.a.publish(&topic("t"), Kind::Text, message.clone()).await.unwrap_err();
    assert_eq!(refused.to_string(), "a message has 11 bytes; at most 10 may be");
    assert!(bed.a.publish(&topic("t"), Kind::Text, message.slice(1..)).await.is_ok());
    let member = polysocket_broker::Member { id: "".into(), info: "".into() };
    let options = SubscribeOptions { member: Some(member), since: None };
    let refused = bed.a.subscribe(&topic("t"), Recorder::new(), options).await.unwrap_err();
    assert!(matches!(refused, BrokerError::Invalid(_)));
}

pub async fn too_many_topics_are_refused(bed: Bed) {
    let bed = bed.with(|config| config.topics_max = 3).await;
    let mut held = Vec::new();
    for name in ["1", "2", "3"] {
        held.push(listen(&bed.a, &topic(name)).await);
    }
    let options = SubscribeOptions::default();
    let refused = bed.a.subscribe(&topic("4"), Recorder::new(), options.clone()).await.unwrap_err();
    assert!(matches!(refused, BrokerError::TooMany { max: 3, .. }), "{refused}");
    drop(held.pop());
    eventually("there is room again", async || {
        bed.a.subscribe(&topic("4"), Recorder::new(), options.clone()).await.is_ok()
    })
    .await;
}

pub async fn one_encoding_is_shared(bed: Bed) {
    /// Encodes, and counts it.
    struct Encodes(std::sync::atomic::AtomicUsize, Arc<Recorder>);
    impl polysocket_broker::Subscriber for Encodes {
        fn subscribed(&self, _: &polysocket_broker::Topic, _: &polysocket_broker::Subscribed) {}
        fn deliver(&self, publication: &Arc<polysocket_broker::Publication>) {
            let frame = publication.frame(1, |publication| {
                self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                [&b"frame "[..], &publication.payload].concat().into()
            });
            assert_eq!(&frame[..], b"frame x");
            self.1.deliver(publication);
        }
        fn gap(&self, _: &polysocket_broker::Topic, _: &polysocket_broker::Position) {}
    }
    let t = topic("frames");
    let encodes = Arc::new(Encodes(0.into(), Recorder::new()));
    let mut held = Vec::new();
    for _ in 0..100 {
        held.push(bed.b.subscribe(&t, encodes.clone(), SubscribeOptions::default()).await.unwrap());
    }
    publish(&bed.a, &t, "x").await;
    encodes.1.until_messages(100).await;
    assert_eq!(encodes.0.load(std::sync::atomic::Ordering::Relaxed), 1);
}
