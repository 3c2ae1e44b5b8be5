//! The closing handshake, from either side, with clients that keep to it and such that do not.

use polysocket_config::Span;
use polysocket_service::Lifecycle;
use polysocket_socket::{Cause, Sender, text_frame};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::support::raw::{Raw, frame, text};
use crate::support::{Hub, PATIENCE, Seen};

#[tokio::test]
async fn the_protocol_closes_and_the_client_answers() {
    let mut hub = Hub::start(|_| ());
    let mut client = Raw::connect(hub.address).await;
    let sender = hub.opened().await;
    assert!(sender.send(text_frame(b"before")));
    sender.close(4000, "enough");
    sender.close(4001, "the first counts");
    assert!(!sender.send(text_frame(b"after")));
    assert_eq!(client.frame().await, Some((0x81, b"before".to_vec())));
    assert_eq!(client.close_frame().await, (4000, "enough".into()));
    // What it had sent before it read the close is nobody's any more.
    client.send(&text("too late")).await;
    client.send(&frame(0x88, &4000_u16.to_be_bytes())).await;
    assert_eq!(client.frame().await, None);
    drop(client);
    let how = hub.closed().await;
    assert_eq!(
        (how.cause, how.code, how.reason.as_str(), how.clean),
        (Cause::Protocol, 4000, "enough", true)
    );
    assert_eq!(hub.metric("polysocket_socket_ended_total{cause=\"protocol\"}"), 1);
}

#[tokio::test]
async fn codes_that_are_never_on_the_wire_become_none() {
    for code in [1005, 1006, 1015] {
        let mut hub = Hub::start(|_| ());
        let mut client = Raw::connect(hub.address).await;
        hub.opened().await.close(code, "dropped");
        assert_eq!(client.frame().await, Some((0x88, vec![])));
        drop(client);
        let how = hub.closed().await;
        assert_eq!((how.cause, how.code, how.clean), (Cause::Protocol, 1005, false));
    }
}

#[tokio::test]
async fn a_client_that_closes_without_a_code_gets_none_back() {
    let mut hub = Hub::start(|_| ());
    let mut client = Raw::connect(hub.address).await;
    client.send(&frame(0x88, &[])).await;
    assert_eq!(client.frame().await, Some((0x88, vec![])));
    assert_eq!(client.frame().await, None);
    drop(client);
    let how = hub.closed().await;
    assert_eq!((how.cause, how.code, how.reason.as_str(), how.clean), (Cause::Client, 1005, "", true));
}

#[tokio::test]
async fn a_client_that_closes_and_goes_at_once() {
    let mut hub = Hub::start(|_| ());
    let mut client = Raw::connect(hub.address).await;
    client.send(&[text("last words"), frame(0x88, b"\x03\xe9bye")].concat()).await;
    client.0.shutdown().await.unwrap();
    let how = hub.closed().await;
    assert_eq!((how.cause, how.code, how.reason.as_str(), how.clean), (Cause::Client, 1001, "bye", true));
}

#[tokio::test]
async fn a_client_that_never_answers_a_close_is_left() {
    let mut hub = Hub::start(|limits| limits.close_within = Span::millis(50));
    let mut client = Raw::connect(hub.address).await;
    hub.opened().await.close(1000, "");
    assert_eq!(client.close_frame().await, (1000, String::new()));
    let how = hub.closed().await;
    assert_eq!((how.cause, how.code, how.clean), (Cause::Protocol, 1000, false));
    assert_eq!(client.frame().await, None);
}

#[tokio::test]
async fn a_client_that_answers_but_never_goes_is_left() {
    let mut hub = Hub::start(|limits| limits.close_within = Span::millis(50));
    let mut client = Raw::connect(hub.address).await;
    client.send(&frame(0x88, b"\x0f\xa0")).await;
    assert_eq!(client.close_frame().await, (4000, String::new()));
    let how = hub.closed().await;
    assert_eq!((how.cause, how.code, how.clean), (Cause::Client, 4000, true));
}

/// A close from within a message, and one while the protocol is busy with the last message.
#[tokio::test]
async fn closes_while_a_message_is_dealt_with() {
    let mut hub = Hub::start(|_| ());
    let mut client = Raw::connect(hub.address).await;
    client.send(&[text("close 4100 as asked"), text("never dealt with")].concat()).await;
    assert_eq!(client.close_frame().await, (4100, "as asked".into()));
    drop(client);
    assert_eq!(hub.closed().await.code, 4100);

    let mut client = Raw::connect(hub.address).await;
    let sender = hub.opened().await;
    client.send(&text("hold")).await;
    hub.seen().await;
    sender.close(4200, "meanwhile");
    assert_eq!(client.close_frame().await, (4200, "meanwhile".into()));
    client.send(&frame(0x88, b"\x10\x68")).await;
    drop(client);
    hub.release.notify_one();
    let how = hub.closed().await;
    assert_eq!((how.cause, how.code, how.clean), (Cause::Protocol, 4200, true));
}

/// A protocol that is busy with a message learns that its client will not be told what comes of it.
#[tokio::test]
async fn who_waits_for_a_close_is_told_of_any() {
    /// Ends a connection, and may keep its client.
    type End = fn(Raw, &Sender, &Lifecycle) -> Option<Raw>;
    let mut hub = Hub::start(|limits| {
        limits.write_timeout = Span::millis(50);
        limits.close_within = Span::millis(50);
    });
    let ends: [End; 4] = [
        |client, sender, _| {
            sender.close(1000, "");
            Some(client)
        },
        // It breaks when something is said.
        |client, sender, _| {
            client.reset();
            while sender.send(text_frame(&[b'x'; 1000])) {}
            None
        },
        // It takes nothing.
        |client, sender, _| {
            while sender.queued_bytes() == 0 {
                sender.send(text_frame(&[b'x'; 10_000]));
            }
            Some(client)
        },
        |client, _, life| {
            life.drain();
            Some(client)
        },
    ];
    for end in ends {
        let mut client = Raw::connect(hub.address).await;
        let sender = hub.opened().await;
        client.send(&text("hold")).await;
        while !matches!(hub.seen().await, Seen::Message(_)) {}
        // One who waits already, and one who comes too late.
        let (waits, late) = (tokio::spawn(sender.closing()), sender.closing());
        tokio::task::yield_now().await;
        let _client = end(client, &sender, &hub.life);
        timeout(PATIENCE, waits).await.expect("it is told").unwrap();
        timeout(PATIENCE, late).await.expect("it is told");
        assert!(!sender.is_open());
        hub.release.notify_one();
        hub.closed().await;
    }
}

#[tokio::test]
async fn a_protocol_that_panics_ends_its_connection_only() {
    let mut hub = Hub::start(|_| ());
    let mut client = Raw::connect(hub.address).await;
    let mut other = Raw::connect(hub.address).await;
    client.send(&text("panic")).await;
    assert_eq!(client.frame().await, None);
    hub.metric_is("polysocket_socket_connections", 1).await;
    assert_eq!(hub.metric("polysocket_socket_ended_total{cause=\"protocol\"}"), 1);
    other.send(&text("still here")).await;
    assert_eq!(other.frame().await, Some((0x81, b"still here".to_vec())));
    drop(other);
    hub.closed().await;
}
