//! How connections end when the process does.

use std::time::Duration;

use polysocket_socket::Cause;
use tokio_tungstenite::connect_async;

use crate::support::raw::{Raw, frame, text};
use crate::support::{Hub, PATIENCE, Seen};

/// Reads its close, answers it, goes.
async fn obey(mut client: Raw) {
    assert_eq!(client.close_frame().await, (1001, "the server is going away".into()));
    client.send(&frame(0x88, &1001_u16.to_be_bytes())).await;
    assert_eq!(client.frame().await, None);
}

#[tokio::test]
async fn one_after_the_other_and_nobody_new() {
    let mut hub = Hub::start(|limits| limits.drain_closes_per_second = 100);
    let mut clients = Vec::new();
    for _ in 0..50 {
        clients.push(Raw::connect(hub.address).await);
        hub.opened().await;
    }
    hub.life.drain();
    let refused = connect_async(hub.url()).await.unwrap_err().to_string();
    assert!(refused.contains("503"), "{refused}");
    for client in clients {
        tokio::spawn(obey(client));
    }
    for _ in 0..50 {
        let how = hub.closed().await;
        assert_eq!((how.cause, how.code, how.clean), (Cause::Drain, 1001, true));
    }
    assert!(hub.life.finish(PATIENCE).await, "nothing is left to wait for");
    assert_eq!(hub.metric("polysocket_socket_ended_total{cause=\"drain\"}"), 50);
    assert_eq!(hub.metric("polysocket_socket_connections"), 0);
}

/// So slow a drain would take two minutes; when the process stops, the rest is closed at once.
#[tokio::test]
async fn stopping_waits_for_no_pace() {
    let mut hub = Hub::start(|limits| limits.drain_closes_per_second = 1);
    let mut obeying = tokio::task::JoinSet::new();
    for _ in 0..100 {
        obeying.spawn(obey(Raw::connect(hub.address).await));
        hub.opened().await;
    }
    hub.life.drain();
    assert_eq!(hub.closed().await.cause, Cause::Drain);
    // A fifth of it is kept for stopping.
    assert!(hub.life.finish(Duration::from_secs(5)).await);
    obeying.join_all().await;
    assert_eq!(hub.metric("polysocket_socket_ended_total{cause=\"drain\"}"), 100);
}

/// Clients that do not answer, and a protocol that is stuck: the deadline ends both.
#[tokio::test]
async fn the_deadline_ends_the_rest() {
    let mut hub = Hub::start(|_| ());
    let _silent = Raw::connect(hub.address).await;
    let mut stuck = Raw::connect(hub.address).await;
    stuck.send(&text("hold")).await;
    while !matches!(hub.seen().await, Seen::Message(_)) {}
    assert!(!hub.life.finish(Duration::from_millis(100)).await);
    for _ in 0..2 {
        assert_eq!(hub.closed().await.cause, Cause::Drain);
    }
    assert_eq!(hub.metric("polysocket_socket_connections"), 0);
}
