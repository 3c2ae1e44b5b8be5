//! Too large, too slow.

use std::time::{Duration, Instant};

use polysocket_tests::client::jsonp;
use polysocket_tests::websocket::client_headers;
use tokio::task::JoinSet;

use crate::{Bed, CUT_OFF, SHORT, SOON, json, secret_of};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_or_cut_off() {
    let mut bed = Bed::start().await;
    let created = bed.created("/echo").await;
    let socket = created.socket.clone();
    let long = "x".repeat(70_000);
    for head in [
        format!("GET /s/{socket}?cb=go&t=t&d={long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /j/{socket}?ack=0&_={long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /create?target={long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /j/{socket}?ack=0 HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n"),
        format!("GET /j/{socket}?ack=0 HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: 1\r\n".repeat(5000)),
    ] {
        let mut raw = bed.raw().await;
        // It may be cut off before all of it is written.
        let written = raw.write(&head).await;
        match raw.answer(SOON).await {
            Ok(Some(answer)) => {
                assert!(matches!(answer.head.status(), 400 | 414 | 431), "{answer:?}");
                assert!(raw.ends(SOON).await);
            }
            Ok(None) | Err(_) => assert!(written.is_err() || raw.ends(SOON).await, "{}", &head[..40]),
        }
    }
    // As long as create says a URL may be, it is served.
    let url = format!("/s/{socket}?cb=go&n=1&t=t&d=");
    let fits = format!("{}{url}{}", created.relay, "x".repeat(created.url_max - url.len()));
    let answer = bed.get(&fits).await;
    assert_eq!(answer.head.status(), 201);
    assert_eq!(jsonp::parse(&answer.body, "go").unwrap()["ok"], true);

    // Whoever is still writing may lose the answer to the reset that follows it.
    for (path, size) in [
        (format!("/s/{}?n=1&t=t", bed.created("/echo").await.socket), 80_000),
        (format!("/s/{}?n=1&t=b&e=64", bed.created("/echo").await.socket), 300_000),
        (format!("/s/{}?v=1", bed.created("/echo").await.socket), 300_000),
        ("/create?v=1".to_owned(), 100_000),
    ] {
        let mut raw = bed.raw().await;
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n");
        raw.write(&head).await.unwrap();
        if path.starts_with("/s") {
            let answer = raw.answer(CUT_OFF).await.unwrap().unwrap();
            assert_eq!(
                (answer.head.status(), json(&answer)["code"].as_str()),
                (413, Some("too-big")),
                "{path}"
            );
        } else {
            assert!(matches!(raw.answer(CUT_OFF).await.unwrap().unwrap().head.status(), 400 | 413), "{path}");
        }
        let mut raw = bed.raw().await;
        let _ = raw.write([head.into_bytes(), vec![b'A'; size]].concat()).await;
        if let Ok(Some(answer)) = raw.answer(CUT_OFF).await {
            assert!(matches!(answer.head.status(), 400 | 403 | 409 | 413), "{path}: {answer:?}");
        }
    }
    // As PROTOCOL section 4 says, it is the end of the session.
    bed.upstream.expect("1009", SOON, |seen| seen.close.as_ref().is_some_and(|c| c.0 == Some(1009))).await;
    // A length is believed before the body comes, and a lie in it is not waited for long.
    let other = bed.created("/echo").await.socket;
    let mut raw = bed.raw().await;
    let head = format!("POST /s/{other}?n=1&t=t HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n");
    raw.write(head).await.unwrap();
    assert_eq!(raw.answer(CUT_OFF).await.unwrap().unwrap().head.status(), 413);
    bed.is_unharmed(&[secret_of(&socket)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_is_cut_off() {
    let mut bed = Bed::start().await;
    let created = bed.created("/echo").await;
    let socket = created.socket.clone();
    let mut cases = JoinSet::new();
    for (start, expected) in [
        (String::new(), &[][..]),
        ("G".into(), &[408]),
        ("GET /j/".into(), &[408]),
        (format!("GET /j/{socket}?ack=0 HTTP/1.1\r\nHost: x\r\nX-Slow:"), &[408]),
        (
            format!("POST /s/{socket}?n=1&t=t HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"),
            &[400, 408],
        ),
        (
            format!("POST /s/{socket} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nn=1"),
            &[400, 408],
        ),
        ("POST /create HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf".into(), &[400, 408]),
    ] {
        let mut raw = bed.raw().await;
        cases.spawn(async move {
            let began = Instant::now();
            raw.write(&start).await.unwrap();
            match raw.answer(CUT_OFF).await {
                Ok(Some(answer)) => assert!(expected.contains(&answer.head.status()), "{start}: {answer:?}"),
                Ok(None) => {}
                Err(error) => {
                    assert_ne!(error.kind(), std::io::ErrorKind::TimedOut, "{start:?} is waited for");
                }
            }
            let took = began.elapsed();
            assert!(took > Duration::from_millis(900), "{start:?} was cut off after {took:?}");
            assert!(raw.ends(CUT_OFF).await, "{start:?}: the connection is kept");
        });
    }
    while let Some(done) = cases.join_next().await {
        done.unwrap();
    }
    // The number of the send that did not come is free.
    let url = format!("{}/s/{socket}?n=1&t=t", created.relay);
    assert_eq!(json(&bed.post(&url, "whole").await)["ack"], 1);
    bed.is_unharmed(&[secret_of(&socket)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_became_websockets_count() {
    const MOST: usize = 8;
    let sections = [SHORT, &[("http", "connections_max = 8")]].concat();
    let bed = Bed::with(&sections).await;
    let (headers, _) = client_headers("");
    let headers: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let headers = headers.concat();
    let mut open = Vec::new();
    // One may be that of the client which found the server ready.
    for _ in 0..2 * MOST {
        let mut raw = bed.raw().await;
        let asked = raw.write(format!("GET /probe HTTP/1.1\r\nhost: x\r\n{headers}\r\n")).await.is_ok();
        if asked && let Ok(Some(head)) = raw.head(SOON).await {
            assert_eq!(head.status(), 101);
            open.push(raw);
        }
    }
    assert!((1..=MOST).contains(&open.len()), "{}", open.len());
    drop(open);
    bed.admin.until("polysocket_http_connections", SOON, |open| open <= 1.0).await.unwrap();
}
