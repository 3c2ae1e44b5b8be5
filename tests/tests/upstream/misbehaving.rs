//! Targets that break the protocol, die, never read, or flood.

use std::time::{Duration, Instant};

use polysocket_tests::admin::{Admin, resident_bytes};
use polysocket_tests::client::{Event, Message, Session, Settings, Transport};
use polysocket_tests::upstream::BadFrame;
use serde_json::Value;

use crate::{Bed, MIB, SOON, abnormal};

#[tokio::test(flavor = "multi_thread")]
async fn invalid_frames_are_1006_at_the_page() {
    let bed = Bed::start().await;
    let mut wrong = Vec::new();
    for (name, _) in BadFrame::ALL {
        let path = format!("/bad?frame={name}");
        let session = bed.open(&path, Settings::default()).await;
        let event = session.expect_within(SOON).await;
        if event != abnormal() {
            wrong.push(format!("{name}: the page sees {event:?}"));
        }
        // RFC 6455, section 7.1.7: the connection is failed.
        bed.upstream.expect(name, SOON, |seen| seen.head.target() == path && seen.ended).await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_dies_is_1006_after_what_it_said() {
    let bed = Bed::start().await;
    for transport in Transport::ALL {
        let session = bed.open("/die?how=fin", Settings::on(transport)).await;
        assert_eq!(
            session.expect_within(SOON).await,
            Event::Message(Message::text("whole")),
            "{transport:?}"
        );
        assert_eq!(session.expect_within(SOON).await, abnormal(), "{transport:?}");

        // A reset throws away what the relay has not read, so it is asked for after that was seen.
        let session = bed.open("/echo", Settings::on(transport)).await;
        session.send(Message::text("earlier"));
        assert_eq!(session.expect_within(SOON).await, Event::Message(Message::text("earlier")));
        session.send(Message::text("die"));
        assert_eq!(session.expect_within(SOON).await, abnormal(), "{transport:?}");
    }
    // The same where the page has not fetched anything yet: all comes later, in order.
    let created = bed.created(&bed.cluster.create(&bed.upstream.url("/die?how=fin&late"))).await;
    let path = "/die?how=fin&late";
    bed.upstream.expect("its end", SOON, |seen| seen.head.target() == path && seen.ended).await;
    let router = bed.cluster.router().to_string();
    let session = Session::attach(&bed.http, &router, created, Settings::default());
    assert!(matches!(session.expect_within(SOON).await, Event::Open { .. }));
    assert_eq!(session.expect_within(SOON).await, Event::Message(Message::text("whole")));
    assert_eq!(session.expect_within(SOON).await, abnormal());
    // And half a message, cut by a reset, is none.
    let session = bed.open("/die?how=rst", Settings::default()).await;
    let mut event = session.expect_within(SOON).await;
    if event == Event::Message(Message::text("whole")) {
        event = session.expect_within(SOON).await;
    }
    assert_eq!(event, abnormal());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_never_reads_makes_sends_busy_and_holds_little() {
    let mut bed = Bed::start().await;
    let created = bed.created(&bed.cluster.create(&bed.upstream.url("/stalled"))).await;
    assert_eq!(bed.poll(&created, "ack=0&ttl=1000").await["messages"][0]["type"], "heartbeat");
    let before = resident_bytes(&mut bed.cluster.routers[0]).unwrap();
    let (mut number, mut refused) = (0, None);
    // The system's own buffers of a loopback connection take a few MiB.
    while refused.is_none() && number < 64 * 16 {
        number += 1;
        let began = Instant::now();
        let answer = bed.post(&created, &format!("n={number}&t=b"), vec![7; 64 * 1024]).await;
        if answer.head.status() != 201 {
            refused = Some((answer, began.elapsed()));
        }
    }
    let (answer, took) = refused.expect("64 MiB were taken for a target that reads nothing");
    let json: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.head.status(), json["code"].as_str()), (503, Some("busy")));
    assert!((Duration::from_millis(900)..Duration::from_secs(3)).contains(&took), "{took:?}");
    // The number is not used up, and the session lives.
    let again = bed.post(&created, &format!("n={number}&t=b"), vec![7; 64 * 1024]).await;
    assert_eq!(again.head.status(), 503);
    assert_eq!(
        bed.post(&created, &format!("n={}&t=b", number - 1), vec![7; 64 * 1024]).await.head.status(),
        201
    );
    let grown = resident_bytes(&mut bed.cluster.routers[0]).unwrap().saturating_sub(before);
    assert!(grown < 24 * MIB as u64, "the relay grew by {grown} bytes for {number} units of 64 KiB");
    let admin = Admin::of(&mut bed.cluster.routers[0]).await.unwrap();
    let limit = 512.0 * 1024.0;
    let held = admin.until("polysocket_relay_buffered_bytes", SOON, |bytes| bytes > 0.0).await.unwrap();
    assert!(held <= limit, "{held} bytes are buffered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_floods_a_page_that_does_not_take_is_not_read_and_then_closed_with_1008() {
    let mut bed = Bed::start().await;
    let path = "/duplex?seed=1&send=100000&expect=0";
    let created = bed.created(&bed.cluster.create(&bed.upstream.url(path))).await;
    let before = resident_bytes(&mut bed.cluster.routers[0]).unwrap();
    assert!(bed.poll(&created, "ack=0").await["messages"][0]["data"].is_string());
    let began = Instant::now();
    let seen = bed.upstream.expect("1008", SOON, |seen| seen.close.is_some()).await;
    assert_eq!(seen.close.map(|close| close.0), Some(Some(1008)));
    let took = began.elapsed();
    assert!((Duration::from_millis(1500)..Duration::from_secs(5)).contains(&took), "{took:?}");
    let grown = resident_bytes(&mut bed.cluster.routers[0]).unwrap().saturating_sub(before);
    assert!(grown < 24 * MIB as u64, "the relay grew by {grown} bytes");
    // 256 KiB, and the one message over it.
    let admin = Admin::of(&mut bed.cluster.routers[0]).await.unwrap();
    let held = admin.until("polysocket_relay_buffered_bytes", SOON, |bytes| bytes > 0.0).await.unwrap();
    assert!((100_000.0..400_000.0).contains(&held), "{held} bytes are held");
    // The page that comes back gets what was kept, and how it ended.
    let mut ack = 0;
    let close = loop {
        let answer = bed.poll(&created, &format!("ack={ack}")).await;
        let messages = answer["messages"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        ack = answer["seq"].as_u64().unwrap() - 1 + messages.len() as u64;
        if let Some(close) = messages.iter().find(|message| message["type"] == "close") {
            break close.clone();
        }
    };
    assert_eq!((close["code"].as_u64(), close["wasClean"].as_bool()), (Some(1008), Some(true)), "{close}");
}
