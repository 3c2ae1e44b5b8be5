//! One client of a thousand that does not read.

use futures_util::StreamExt;
use polysocket_config::{Size, Span};
use polysocket_socket::{Cause, Sender, binary_frame};
use tokio::task::JoinSet;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::support::Hub;
use crate::support::raw::Raw;

const OTHERS: usize = 999;
const QUEUE_BYTES_MAX: usize = 128 * 1024;
const MESSAGE_BYTES: usize = 8 * 1024;
/// More than any kernel holds for a client that reads nothing.
const FILL_MAX: usize = 2_000;
/// The numbers of messages that only the stalled one gets.
const FILL: usize = 1_000_000;

fn message(number: usize) -> Vec<u8> {
    let mut payload = vec![0; MESSAGE_BYTES];
    payload[..8].copy_from_slice(&(number as u64).to_be_bytes());
    payload
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stalled_one_ends_by_name_and_the_others_get_everything() {
    let mut hub = Hub::start(|limits| {
        limits.queue_bytes_max = Size::bytes(QUEUE_BYTES_MAX as u64);
        limits.close_within = Span::seconds(60);
    });
    let mut stalled_client = Raw::narrow(hub.address).await;
    let stalled = hub.opened().await;
    let mut others: Vec<Sender> = Vec::new();
    let mut readers = JoinSet::new();
    for _ in 0..OTHERS {
        let (mut socket, _) = connect_async(hub.url()).await.unwrap();
        others.push(hub.opened().await);
        readers.spawn(async move {
            let mut expected = 0;
            loop {
                match socket.next().await.expect("a close before the end").unwrap() {
                    Message::Binary(bytes) => assert_eq!(bytes[..], message(expected)),
                    Message::Ping(_) => continue,
                    Message::Close(close) => return (expected, u16::from(close.unwrap().code)),
                    other => panic!("{other:?}"),
                }
                expected += 1;
            }
        });
    }

    // First what the kernel holds for it, so that nothing it is sent can be taken any more.
    let mut fill = 0;
    while stalled.queued_bytes() == 0 {
        assert!(fill < FILL_MAX && stalled.send(binary_frame(&message(FILL + fill))));
        fill += 1;
    }
    let mut sent = 0;
    let mut taken = 0;
    while stalled.is_open() {
        let frame = binary_frame(&message(sent));
        taken += usize::from(stalled.send(frame.clone()));
        assert!(stalled.queued_bytes() <= QUEUE_BYTES_MAX, "{}", stalled.queued_bytes());
        for other in &others {
            // Those who read are behind by what their own tasks have not done yet, never by the stalled one.
            while other.queued_bytes() > QUEUE_BYTES_MAX / 2 {
                tokio::task::yield_now().await;
            }
            assert!(other.send(frame.clone()));
        }
        sent += 1;
    }
    // The memory it had is given back at once: a frame's rest, and the close.
    assert!(stalled.queued_bytes() < 2 * MESSAGE_BYTES, "{}", stalled.queued_bytes());
    for other in &others {
        other.close(1000, "the end");
    }
    while let Some(read) = readers.join_next().await {
        assert_eq!(read.unwrap(), (sent, 1000));
    }

    // What it has been sent whole is there, and then why no more comes.
    let mut numbers = (FILL..FILL + fill).chain(0..taken);
    let close = loop {
        match stalled_client.frame().await.expect("a close") {
            (0x82, payload) => assert_eq!(payload, message(numbers.next().unwrap())),
            (0x89, _) => {}
            (0x88, payload) => break payload,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(close, b"\x03\xf0slow consumer");
    assert!(sent > 10 && numbers.next().is_some(), "what was queued has been dropped");
    drop(stalled_client);
    let mut causes = Vec::new();
    for _ in 0..=OTHERS {
        causes.push(hub.closed().await.cause);
    }
    let slow = causes.iter().filter(|cause| **cause == Cause::SlowConsumer).count();
    assert_eq!((slow, causes.len()), (1, 1 + OTHERS));
    assert_eq!(hub.metric("polysocket_socket_ended_total{cause=\"slow-consumer\"}"), 1);
    assert_eq!(hub.metric("polysocket_socket_ended_total{cause=\"protocol\"}"), 999);
    assert_eq!(hub.metric("polysocket_socket_queued_bytes"), 0);
    hub.metric_is("polysocket_socket_connections", 0).await;
}
