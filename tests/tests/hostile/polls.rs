//! Polls that are given up, repeated and replaced.

use polysocket_tests::client::jsonp;
use serde_json::Value;

use crate::{Bed, SOON, json, secret_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_whose_client_hangs_up_takes_nothing_with_it() {
    let mut bed = Bed::start().await;
    let created = bed.opened("/echo").await;
    let socket = created.socket.clone();
    for n in 1..=5 {
        let mut raw = bed.raw().await;
        raw.write(format!("GET /j/{socket}?ack={n}&ttl=50000 HTTP/1.1\r\nHost: x\r\n\r\n")).await.unwrap();
        bed.admin.until("polysocket_http_parked_connections", SOON, |parked| parked > 0.0).await.unwrap();
        drop(raw);
        bed.admin.until("polysocket_http_parked_connections", SOON, |parked| parked == 0.0).await.unwrap();
        let url = format!("{}/s/{socket}?n={n}&t=t", created.relay);
        assert_eq!(bed.post(&url, format!("message {n}")).await.head.status(), 201);
        let answer = bed.poll(&created, &format!("ack={n}")).await;
        assert_eq!(answer["messages"][0]["data"], format!("message {n}"), "{answer}");
    }
    // The same without acks: the relay knows that this poll has gone, so the message is kept for the next.
    assert_eq!(bed.poll(&created, "ack=6&ttl=1000").await["messages"][0]["type"], "heartbeat");
    let mut raw = bed.raw().await;
    raw.write(format!("GET /j/{socket}?cb=go&ttl=50000 HTTP/1.1\r\nHost: x\r\n\r\n")).await.unwrap();
    bed.admin.until("polysocket_http_parked_connections", SOON, |parked| parked > 0.0).await.unwrap();
    drop(raw);
    bed.admin.until("polysocket_http_parked_connections", SOON, |parked| parked == 0.0).await.unwrap();
    assert_eq!(bed.post(&format!("{}/s/{socket}?n=6&t=t", created.relay), "kept").await.head.status(), 201);
    let kept = bed.get(&format!("{}/j/{socket}?cb=go&ttl=5000", created.relay)).await;
    assert_eq!(jsonp::parse(&kept.body, "go").unwrap()["messages"][0]["data"], "kept");
    bed.is_unharmed(&[secret_of(&socket)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_poll_shares_the_answer_and_a_newer_one_replaces_it() {
    let mut bed = Bed::start().await;
    let created = bed.opened("/echo").await;
    let socket = created.socket.clone();
    let poll = |p: u32| format!("GET /j/{socket}?ack=1&p={p}&ttl=20000 HTTP/1.1\r\nHost: x\r\n\r\n");
    let parked = |count: f64| {
        bed.admin.until("polysocket_http_parked_connections", SOON, move |n| (n - count).abs() < 0.5)
    };
    let (mut old, mut first, mut repeat) = (bed.raw().await, bed.raw().await, bed.raw().await);
    old.write(poll(1)).await.unwrap();
    parked(1.0).await.unwrap();
    first.write(poll(2)).await.unwrap();
    let replaced = json(&old.answer(SOON).await.unwrap().unwrap());
    assert_eq!((&replaced["ok"], &replaced["messages"]), (&true.into(), &Value::Array(vec![])));
    parked(1.0).await.unwrap();
    repeat.write(poll(2)).await.unwrap();
    parked(2.0).await.unwrap();
    assert_eq!(
        bed.post(&format!("{}/s/{socket}?n=1&t=t", created.relay), "for both").await.head.status(),
        201
    );
    for raw in [&mut first, &mut repeat] {
        let answer = json(&raw.answer(SOON).await.unwrap().unwrap());
        assert_eq!(
            (&answer["seq"], &answer["messages"][0]["data"]),
            (&2.into(), &"for both".into()),
            "{answer}"
        );
    }
    bed.is_unharmed(&[secret_of(&socket)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_behind_the_head_of_a_waiting_poll_is_no_request() {
    let mut bed = Bed::start().await;
    let created = bed.opened("/echo").await;
    let socket = created.socket.clone();
    for method in ["GET", "POST"] {
        let body =
            format!("POST /s/{socket}?n=1&t=t HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nSMUGGLED");
        let length = body.len();
        let polls = "polysocket_relay_receivers_total{transport=\"poll\"}";
        let before = bed.admin.metric(polls).await.unwrap_or_default();
        let mut raw = bed.raw().await;
        let head = format!(
            "{method} /j/{socket}?ack=1&ttl=1000 HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n"
        );
        raw.write(head).await.unwrap();
        // It waits from now on: the receiver was counted.
        bed.admin.until(polls, SOON, |polls| polls > before).await.unwrap();
        raw.write(body).await.unwrap();
        let answer = raw.answer(SOON).await.unwrap().unwrap();
        assert_eq!(json(&answer)["ack"], 0, "{method}: the body was sent as a message");
        // Either the connection ends, or the next request is the next request.
        let next = format!("GET /j/{socket}?ack=99 HTTP/1.1\r\nHost: x\r\n\r\n");
        if raw.write(next).await.is_ok()
            && let Ok(Some(answer)) = raw.answer(SOON).await
        {
            assert_ne!(answer.head.status(), 201, "{method}: the body was answered as a request");
        }
        // Its own connection: one that was kept may be as old as its time-out by now.
        let mut raw = bed.raw().await;
        raw.write(format!("GET /j/{socket}?ack=1&ttl=1000 HTTP/1.1\r\nHost: x\r\n\r\n")).await.unwrap();
        assert_eq!(json(&raw.answer(SOON).await.unwrap().unwrap())["ack"], 0, "{method}");
    }
    bed.is_unharmed(&[secret_of(&socket)]).await;
}
