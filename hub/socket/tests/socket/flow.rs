//! What is queued, in which order it leaves, and what waits for what.

use std::sync::Arc;

use polysocket_config::{Size, Span};
use polysocket_socket::{Cause, Incoming, binary_frame, text_frame};

use crate::support::raw::{Raw, text};
use crate::support::tls::Authority;
use crate::support::{Hub, Seen};

/// Frames of many lengths, each with its number.
fn numbered(number: u32) -> Vec<u8> {
    let length = usize::try_from(number * 7919 % 40_000).unwrap();
    [&number.to_be_bytes()[..], &vec![b'x'; length]].concat()
}

/// Many senders, a client that reads late: everything is there, each sender's in its order, no frame torn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_readers_get_everything_in_order() {
    let mut hub = Hub::start(|limits| limits.queue_bytes_max = Size::mib(64));
    let mut client = Raw::narrow(hub.address).await;
    let sender = hub.opened().await;
    let mut senders = tokio::task::JoinSet::new();
    for who in 0..4_u32 {
        let sender = sender.clone();
        senders.spawn_blocking(move || {
            for number in 0..100 {
                let payload = [&who.to_be_bytes()[..], &numbered(number)].concat();
                assert!(sender.send(binary_frame(&payload)));
            }
        });
    }
    senders.join_all().await;
    assert!(sender.queued_bytes() > 0, "a narrow client cannot have taken all of it");
    assert!(hub.metric("polysocket_socket_queued_bytes") > 0);
    let mut next = [0_u32; 4];
    for _ in 0..400 {
        let (first, payload) = client.frame().await.unwrap();
        assert_eq!(first, 0x82);
        let (who, rest) = payload.split_first_chunk().unwrap();
        let expected = &mut next[u32::from_be_bytes(*who) as usize];
        assert_eq!(rest, numbered(*expected));
        *expected += 1;
    }
    assert_eq!(next, [100; 4]);
    hub.metric_is("polysocket_socket_queued_bytes", 0).await;
    sender.close(1000, "");
    assert_eq!(client.close_frame().await.0, 1000);
}

/// The same through TLS, whose records may wait in the stream when the queue is empty.
#[tokio::test]
async fn late_readers_by_tls() {
    let authority = Authority::new("flow");
    let mut hub =
        Hub::start_with(Some(authority.certificate.clone()), |limits| limits.queue_bytes_max = Size::mib(64));
    let mut client = Raw::open(authority.connect(hub.address).await, b"").await;
    let sender = hub.opened().await;
    for number in 0..400 {
        assert!(sender.send(binary_frame(&numbered(number))));
    }
    for number in 0..400 {
        assert_eq!(client.frame().await, Some((0x82, numbered(number))));
    }
    sender.close(1000, "done");
    assert_eq!(client.close_frame().await, (1000, "done".into()));
}

/// What is sent to a client leaves while its last message is still dealt with.
#[tokio::test]
async fn the_queue_moves_beside_a_message() {
    let mut hub = Hub::start(|limits| limits.queue_bytes_max = Size::mib(64));
    let mut client = Raw::narrow(hub.address).await;
    let sender = hub.opened().await;
    client.send(&[text("hold"), text("next")].concat()).await;
    while !matches!(hub.seen().await, Seen::Message(_)) {}
    let mut sent = 0;
    while sender.queued_bytes() < 1_000_000 {
        assert!(sender.send(binary_frame(&numbered(sent))));
        sent += 1;
    }
    for number in 0..sent {
        assert_eq!(client.frame().await, Some((0x82, numbered(number))));
    }
    // Not before the first is done.
    hub.release.notify_one();
    assert!(matches!(hub.seen().await, Seen::Message(Incoming::Text(text)) if *text == *"next"));
    assert_eq!(client.frame().await, Some((0x81, b"next".to_vec())));
}

/// A frame that has been encoded once goes to everybody.
#[tokio::test]
async fn one_frame_for_all() {
    let mut hub = Hub::start(|_| ());
    let frame = text_frame("to all of you: ü".as_bytes());
    let mut clients = Vec::new();
    for _ in 0..50 {
        let client = Raw::connect(hub.address).await;
        assert!(hub.opened().await.send(frame.clone()));
        clients.push(client);
    }
    for client in &mut clients {
        assert_eq!(client.frame().await, Some((0x81, "to all of you: ü".into())));
    }
    assert!(frame.is_unique(), "nobody keeps what has left");
}

/// Below the limit of the queue, but nothing moves.
#[tokio::test]
async fn who_takes_nothing_at_all_is_given_up() {
    let mut hub = Hub::start(|limits| {
        limits.write_timeout = Span::millis(50);
        limits.queue_bytes_max = Size::mib(64);
    });
    let client = Raw::narrow(hub.address).await;
    let sender = hub.opened().await;
    while sender.queued_bytes() == 0 {
        assert!(sender.send(binary_frame(&vec![0; 50_000])));
    }
    let how = hub.closed().await;
    assert_eq!((how.cause, how.code, how.clean), (Cause::WriteTimeout, 1006, false));
    assert_eq!(hub.metric("polysocket_socket_queued_bytes"), 0);
    drop(client);
}

/// A sender that outlives its connection keeps no socket.
#[tokio::test]
async fn senders_may_be_kept() {
    let mut hub = Hub::start(|_| ());
    let mut client = Raw::connect(hub.address).await;
    let sender = Arc::new(hub.opened().await);
    let waiting = tokio::spawn({
        let sender = sender.clone();
        async move { sender.closed().await }
    });
    sender.close(1000, "");
    client.close_frame().await;
    drop(client);
    waiting.await.unwrap();
    assert!(!sender.is_open() && sender.queued_bytes() == 0);
    sender.close(1000, "again");
    hub.closed().await;
    assert_eq!(hub.sockets.open(), 0);
}
