//! Limits: each has its own clear error, and nothing else breaks.

use polysocket_config::Size;
use polysocket_tests::websocket::{Frame, opcode};

use crate::bed::{Bed, eventually};

#[tokio::test]
async fn channels() {
    let bed = Bed::with(|setup| setup.config.channels_max = 100).await;
    let mut keys = Vec::new();
    for _ in 0..100 {
        keys.push(bed.prepare("").await);
    }
    for _ in 0..20 {
        let answer = bed.post("/channel/prepare", "").await;
        assert_eq!((answer.status(), answer.json()["type"].as_str()), (429, Some("ERR")));
        assert!(
            answer.text().contains("Too many channels") && answer.text().contains("100"),
            "{}",
            answer.text()
        );
    }
    bed.delete(&keys[0]).await;
    bed.prepare("").await;
    assert_eq!(bed.post("/channel/prepare", "").await.status(), 429);
}

#[tokio::test]
async fn messages_and_options() {
    let bed = Bed::with(|setup| {
        setup.config.message_bytes_max = Size::bytes(1000);
        setup.sockets.message_bytes_max = Size::bytes(1000);
        setup.broker.message_bytes_max = Size::bytes(900);
    })
    .await;
    let keys = bed.prepare("").await;
    let path = format!("/channel/publish/{}", keys.publisher);
    for (length, max) in [(1001, 1000), (901, 900)] {
        let answer = bed.post(&path, "x".repeat(length)).await;
        let expected =
            format!(r#"{{"type":"ERR","message":"Message too long: at most {max} bytes are taken"}}"#);
        assert_eq!((answer.status(), answer.text()), (413, expected.as_str()));
    }
    assert_eq!(bed.post(&path, "x".repeat(900)).await.status(), 200);
    let answer = bed.post("/channel/prepare", " ".repeat(16 * 1024 + 1)).await;
    assert_eq!(answer.status(), 413);

    let mut client = bed.subscribe(&keys).await;
    client.say(&"x".repeat(1001)).await;
    assert_eq!(client.closed().await.0, Some(1009));
    let mut client = bed.subscribe(&keys).await;
    client.send(Frame::new(opcode::TEXT, &b"\xff"[..])).await;
    assert_eq!(client.closed().await.0, Some(1007));
    eventually("both are gone", async || bed.metric("polysocket_socket_connections", "") == 0).await;
}

#[tokio::test]
async fn floods_and_connections() {
    let bed = Bed::with(|setup| {
        setup.sockets.messages_per_second = 1;
        setup.sockets.messages_burst = 10;
        setup.sockets.connections_max = 2;
    })
    .await;
    let keys = bed.prepare("").await;
    let mut flood = bed.subscribe(&keys).await;
    for _ in 0..20 {
        // It may have been closed meanwhile.
        let frame = Frame::new(opcode::TEXT, "x").masked();
        let _ = polysocket_tests::websocket::send(&mut flood.writer, &frame).await;
    }
    let frame = flood.next().await.expect("a close frame");
    assert_eq!(frame.close_code(), (Some(1008), "too many messages".to_owned()));
    drop(flood);
    eventually("it is gone", async || bed.metric("polysocket_socket_connections", "") == 0).await;
    let _both = [bed.subscribe(&keys).await, bed.subscribe(&keys).await];
    let path = format!("/channel/subscribe/{}", keys.subscriber);
    let refused = crate::bed::Client::try_open(bed.address, &path, &[]).await.expect_err("no place");
    assert_eq!((refused.status(), refused.header("retry-after")), (503, "1"));
}
