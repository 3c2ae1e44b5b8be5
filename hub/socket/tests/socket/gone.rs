//! Clients that go without a close: in mid-frame, by a reset, or without anything that a server could see.

use polysocket_config::Span;
use polysocket_socket::{Cause, text_frame};

use crate::support::raw::{Raw, frame, text};
use crate::support::{Hub, Seen};

#[tokio::test]
async fn in_the_middle_of_a_frame() {
    let mut hub = Hub::start(|_| ());
    let whole = [frame(0x01, b"begun"), frame(0x80, &[b'x'; 300])].concat();
    for cut in [0, 1, 2, 5, 6, 10, 11, 12, 13, 15, 18, 19, 20, whole.len() - 1] {
        for reset in [false, true] {
            let mut client = Raw::connect(hub.address).await;
            client.send(&text("hello")).await;
            assert_eq!(client.frame().await, Some((0x81, b"hello".to_vec())));
            client.send(&whole[..cut]).await;
            // A socket that is dropped is closed in an orderly way.
            if reset {
                client.reset();
            } else {
                drop(client);
            }
            let how = hub.closed().await;
            assert_eq!((how.cause, how.code, how.clean), (Cause::Lost, 1006, false), "cut at {cut}");
        }
    }
    assert_eq!(hub.metric("polysocket_socket_ended_total{cause=\"lost\"}"), 28);
    assert_eq!(hub.metric("polysocket_socket_opened_total"), 28);
}

/// Its sender learns of it when it sends, or does not; the connection ends either way.
#[tokio::test]
async fn while_it_is_sent_to() {
    let mut hub = Hub::start(|_| ());
    let client = Raw::connect(hub.address).await;
    let sender = hub.opened().await;
    client.reset();
    while sender.send(text_frame(&[b'x'; 1000])) {
        tokio::task::yield_now().await;
    }
    assert_eq!(hub.closed().await.cause, Cause::Lost);
    assert_eq!(hub.metric("polysocket_socket_queued_bytes"), 0);
}

/// A client whose network has gone: its socket stays, and it says nothing.
#[tokio::test]
async fn half_open() {
    let mut hub = Hub::start(|limits| {
        limits.ping_every = Span::millis(30);
        limits.pong_within = Span::millis(30);
    });
    let mut client = Raw::connect(hub.address).await;
    let how = hub.closed().await;
    assert_eq!((how.cause, how.code, how.clean), (Cause::NoPong, 1008, false));
    // Had it been there, it would know why.
    assert_eq!(client.frame().await, Some((0x89, vec![])));
    assert_eq!(client.close_frame().await, (1008, "no pong".into()));
    assert_eq!(client.frame().await, None);
}

/// Anything that is said is a sign of life: a pong, a message, or a part of one.
#[tokio::test]
async fn whoever_answers_stays() {
    let mut hub = Hub::start(|limits| {
        limits.ping_every = Span::millis(20);
        limits.pong_within = Span::seconds(60);
    });
    let mut client = Raw::connect(hub.address).await;
    let long = frame(0x81, "in pieces".as_bytes());
    for piece in long.chunks(3) {
        assert_eq!(client.frame().await, Some((0x89, vec![])));
        client.send(piece).await;
    }
    loop {
        match client.frame().await {
            Some((0x89, _)) => client.send(&frame(0x8a, b"")).await,
            other => break assert_eq!(other, Some((0x81, b"in pieces".to_vec()))),
        }
    }
    assert!(hub.opened().await.is_open());
}

/// Nothing is read while a message is dealt with, so nobody is blamed for silence meanwhile.
#[tokio::test]
async fn silence_does_not_count_while_nobody_listens() {
    const PONG_WITHIN: std::time::Duration = std::time::Duration::from_secs(60);
    let mut hub = Hub::start(|limits| {
        limits.ping_every = Span::millis(10);
        limits.pong_within = Span::seconds(PONG_WITHIN.as_secs());
    });
    let mut client = Raw::connect(hub.address).await;
    assert_eq!(client.frame().await, Some((0x89, vec![])));
    client.send(&text("hold")).await;
    while !matches!(hub.seen().await, Seen::Message(_)) {}
    // Twice as long as a pong may take, in no time.
    tokio::time::pause();
    tokio::time::advance(2 * PONG_WITHIN).await;
    tokio::time::resume();
    hub.release.notify_one();
    client.send(&text("there")).await;
    loop {
        match client.frame().await {
            Some((0x89, _)) => {}
            other => break assert_eq!(other, Some((0x81, b"there".to_vec()))),
        }
    }
}
