//! Listening by WebSocket.

use polysocket_tests::websocket::{Frame, opcode};

use crate::bed::{Bed, Client, PATIENCE, eventually};

#[tokio::test]
async fn a_body_is_one_frame_as_it_is() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    let mut client = bed.subscribe(&keys).await;
    for body in ["{\"a\": 1}", "", "ü\u{2028}\n\0", &"x".repeat(70_000)] {
        bed.publish(&keys, body).await;
        assert_eq!(client.text().await, body);
    }
    bed.publish(&keys, b"\xff\x00\xfe").await;
    assert_eq!(client.next().await, Some(Frame::new(opcode::BINARY, &b"\xff\x00\xfe"[..])));
    // A publisher of bytes that may look like text can say so.
    let path = format!("/channel/publish/{}?type=binary", keys.publisher);
    assert_eq!(bed.post(&path, "text").await.status(), 200);
    assert_eq!(client.next().await, Some(Frame::new(opcode::BINARY, &b"text"[..])));
    for (query, body, message) in [
        ("text", &b"\xff"[..], "Message is not UTF-8 text"),
        ("json", b"{}", "Invalid type: text or binary is taken"),
    ] {
        let path = format!("/channel/publish/{}?type={query}", keys.publisher);
        let answer = bed.post(&path, body).await;
        assert_eq!(answer.text(), format!(r#"{{"type":"ERR","message":"{message}"}}"#));
        assert_eq!(answer.status(), 400);
    }
}

#[tokio::test]
async fn whoever_is_connected_gets_what_is_published_next() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    for number in 0..50 {
        let mut client = bed.subscribe(&keys).await;
        bed.publish(&keys, number.to_string()).await;
        assert_eq!(client.text().await, number.to_string());
    }
}

#[tokio::test]
async fn closing() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    let client = bed.subscribe(&keys).await;
    let echo = client.close(4001).await.expect("the close frame is echoed");
    assert_eq!((echo.opcode, echo.close_code().0), (opcode::CLOSE, Some(4001)));
    let clients = [bed.subscribe(&keys).await, bed.subscribe(&keys).await];
    bed.delete(&keys).await;
    for client in clients {
        assert_eq!(client.closed().await, (Some(1000), "channel closed".to_owned()));
    }
    let refused =
        Client::try_open(bed.address, &format!("/channel/subscribe/{}", keys.subscriber), &[]).await;
    assert_eq!(refused.expect_err("no channel").status(), 404);
}

#[tokio::test]
async fn when_the_process_stops() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    let client = bed.subscribe(&keys).await;
    let finished = tokio::spawn({
        let life = bed.life.clone();
        async move { life.finish(PATIENCE).await }
    });
    assert_eq!(client.closed().await.0, Some(1001));
    assert!(finished.await.unwrap(), "every task ended by itself");
}

#[tokio::test]
async fn pages_of_other_origins() {
    let bed = Bed::with(|setup| setup.config.origins = vec!["https://*.example.com".into()]).await;
    let keys = bed.prepare("").await;
    let path = format!("/channel/subscribe/{}", keys.subscriber);
    for (origin, status) in [("https://app.example.com", 101), ("https://example.org", 403), ("null", 403)] {
        let opened = Client::try_open(bed.address, &path, &[("Origin", origin)]).await;
        assert_eq!(opened.map_or_else(|answer| answer.status(), |_| 101), status, "{origin}");
    }
    assert!(Client::try_open(bed.address, &path, &[]).await.is_ok(), "what is no page has no origin");
    // By default all may, as in the original; the subscribe route is open to any host, too.
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    let path = format!("/channel/subscribe/{}", keys.subscriber);
    let more = [("Host", "hub.example"), ("Origin", "chrome-extension://abc")];
    assert!(Client::try_open(bed.address, &path, &more).await.is_ok());
}

#[tokio::test]
async fn what_is_no_handshake_is_told_what_to_do() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    let path = format!("/channel/subscribe/{}", keys.subscriber);
    let answer = bed.get(&path).await;
    assert_eq!(answer.status(), 426, "{}", answer.text());
    assert_eq!(answer.json()["type"], "ERR");
    let half = [("Upgrade", "websocket"), ("Connection", "upgrade")];
    let answer = bed.send("GET", &path, &half, b"").await;
    assert_eq!((answer.status(), answer.json()["type"].as_str()), (400, Some("ERR")));
    eventually("nobody is left subscribed", async || {
        bed.get(&format!("/channel/{}", keys.publisher)).await.json()["listeners"] == 0
    })
    .await;
}
