//! HTTP as nobody should speak it, and as few do.

use std::time::{Duration, Instant};

use crate::{Bed, CUT_OFF, SOON, json, secret_of};

#[tokio::test(flavor = "multi_thread")]
async fn methods_that_do_not_fit_do_nothing() {
    let mut bed = Bed::start().await;
    let created = bed.created("/echo").await;
    let (socket, target) = (created.socket.clone(), bed.upstream.url("/echo?wrong-method"));
    for path in [
        format!("/create?target={target}"),
        format!("/s/{socket}?n=1&t=t&d=x"),
        format!("/j/{socket}?ack=0"),
        format!("/x/{socket}?ack=0"),
        format!("/e/{socket}"),
        format!("/w/{socket}"),
    ] {
        for method in ["PUT", "DELETE", "PATCH", "HEAD", "TRACE", "BREW"] {
            let mut raw = bed.raw().await;
            raw.write(format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"))
                .await
                .unwrap();
            let head = raw.head(SOON).await.unwrap().unwrap();
            assert!(matches!(head.status(), 400 | 405), "{method} {path}: {head:?}");
        }
        let mut raw = bed.raw().await;
        let origin = "Origin: https://page.example\r\nAccess-Control-Request-Method: POST\r\n";
        raw.write(format!("OPTIONS {path} HTTP/1.1\r\nHost: x\r\n{origin}\r\n")).await.unwrap();
        assert_eq!(raw.answer(SOON).await.unwrap().unwrap().head.status(), 204, "{path}");
    }
    for (kind, method) in [("e", "POST"), ("w", "POST"), ("s", "GET")] {
        let mut raw = bed.raw().await;
        let request =
            format!("{method} /{kind}/{socket}?n=1&t=t&d=x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        raw.write(request).await.unwrap();
        assert_eq!(raw.answer(SOON).await.unwrap().unwrap().head.status(), 400, "{method} /{kind}");
    }
    assert!(bed.upstream.seen().iter().all(|seen| !seen.head.target().contains("wrong-method")));
    // Before the poll: after it the client's connection is as old as `head_timeout` lets it be.
    assert_eq!(bed.get(&format!("{}/nothing", bed.router())).await.head.status(), 404);
    assert_eq!(bed.poll(&created, "ack=0&ttl=1000").await["ack"], 0, "nothing was sent");
    bed.is_unharmed(&[secret_of(&socket)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_cut_off() {
    let mut bed = Bed::start().await;
    let created = bed.created("/echo").await;
    let smuggled = format!("POST /s/{}?n=1&t=t HTTP/1.1\r\nHost: x\r\n", created.socket);
    let cases: Vec<Vec<u8>> = vec![
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"\0\0\0\0\0\0\0\0\r\n\r\n".to_vec(),
        b"GARBAGE\r\n\r\n".to_vec(),
        b"\r\n\r\n\r\n\r\nx\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET  /  HTTP/1.1\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nNo Colon\r\n\r\n".to_vec(),
        b"GET / HTTP/1.1\r\nHost: x\r\n bad: fold\r\n\r\n".to_vec(),
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nno preface".to_vec(),
        vec![0xff; 20_000],
        format!("{smuggled}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef").into_bytes(),
        format!("{smuggled}Content-Length: -1\r\n\r\n").into_bytes(),
        format!("{smuggled}Content-Length: x\r\n\r\n").into_bytes(),
        format!("{smuggled}Transfer-Encoding: chunked\r\n\r\nzz\r\n").into_bytes(),
        format!("{smuggled}Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n").into_bytes(),
        format!("{smuggled}Transfer-Encoding: gzip\r\n\r\nx").into_bytes(),
    ];
    for case in cases {
        let mut raw = bed.raw().await;
        let _ = raw.write(&case).await;
        let shown = String::from_utf8_lossy(&case[..case.len().min(60)]).into_owned();
        if let Ok(Some(answer)) = raw.answer(CUT_OFF).await {
            assert!((400..=505).contains(&answer.head.status()), "{shown:?}: {answer:?}");
        }
        assert!(raw.ends(CUT_OFF).await, "{shown:?}: the connection is kept");
    }
    let answer = bed.poll(&created, "ack=0&ttl=1000").await;
    assert_eq!(answer["ack"], 0, "nothing of it was taken as a send: {answer}");
    let socket = created.socket.clone();
    bed.is_unharmed(&[secret_of(&socket)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_and_connection_close_are_served_and_closed() {
    let mut bed = Bed::start().await;
    let created = bed.created("/echo").await;
    let socket = created.socket.clone();
    for (version, header) in
        [("1.0", ""), ("1.1", "Connection: close\r\n"), ("1.1", "Connection: Foo, CLOSE\r\n")]
    {
        for path in [
            "/create?target=x".to_owned(),
            format!("/s/{socket}?cb=go&t=t&d=x"),
            format!("/j/{socket}?ack=0&v=1"),
            // Parks.
            format!("/j/{socket}?ttl=1000&v=1"),
        ] {
            let mut raw = bed.raw().await;
            raw.write(format!("GET {path} HTTP/{version}\r\nHost: x\r\n{header}\r\n")).await.unwrap();
            let answer = raw.answer(SOON).await.unwrap().unwrap();
            assert!(!answer.body.is_empty(), "{path}: {answer:?}");
            assert_eq!(answer.head.header("transfer-encoding"), None, "{path}");
            assert!(raw.ends(CUT_OFF).await, "HTTP/{version} {header}{path}: the connection is kept");
        }
    }
    // A stream for HTTP/1.0 has no chunks: it ends with the connection.
    let mut raw = bed.raw().await;
    raw.write(format!("GET /x/{socket}?v=1&budget=1 HTTP/1.0\r\n\r\n")).await.unwrap();
    let head = raw.head(SOON).await.unwrap().unwrap();
    assert_eq!((head.status(), head.header("transfer-encoding")), (200, None));
    bed.is_unharmed(&[secret_of(&socket)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_all_answered_in_order() {
    let mut bed = Bed::start().await;
    let created = bed.created("/echo").await;
    let socket = created.socket.clone();
    let send = |n: usize, text: &str| {
        format!(
            "POST /s/{socket}?n={n}&t=t HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{text}",
            text.len()
        )
    };
    let poll = |query: &str| format!("GET /j/{socket}?{query} HTTP/1.1\r\nHost: x\r\n\r\n");
    // Sends, answers that are there, one that has to wait, a script, a refusal, and what follows.
    let mut wire = String::new();
    let mut expected = Vec::new();
    for n in 1..=20 {
        wire += &send(n, &format!("message {n}"));
        expected.push(format!("201 ack {n}"));
        wire += &poll("ack=0");
        expected.push("200 seq 1".to_owned());
    }
    wire += &poll("ack=x");
    expected.push("400".into());
    let mut raw = bed.raw().await;
    raw.write(&wire).await.unwrap();
    for (i, expected) in expected.iter().enumerate() {
        let answer = raw.answer(SOON).await.unwrap().unwrap_or_else(|| panic!("answer {i} is missing"));
        let json = json(&answer);
        let found = match answer.head.status() {
            201 => format!("201 ack {}", json["ack"]),
            200 => format!("200 seq {}", json["seq"]),
            other => other.to_string(),
        };
        assert_eq!(&found, expected, "answer {i}: {json}");
    }
    let mut came = Vec::new();
    let mut ack = 0;
    while came.len() < 20 {
        let answer = bed.poll(&created, &format!("ack={ack}")).await;
        let messages = answer["messages"].as_array().unwrap().clone();
        ack += messages.len();
        came.extend(messages.iter().map(|m| m["data"].as_str().unwrap_or_default().to_owned()));
    }
    let all: Vec<String> = (1..=20).map(|n| format!("message {n}")).collect();
    assert_eq!(came, all);

    // Behind a poll that waits: it ends in its heartbeat, and only then is the send looked at.
    let wire =
        poll(&format!("ack={ack}&ttl=1000")) + &send(21, "behind") + &poll(&format!("ack={ack}&ttl=5000"));
    let began = Instant::now();
    raw.write(wire).await.unwrap();
    let first = json(&raw.answer(SOON).await.unwrap().unwrap());
    assert_eq!(first["messages"][0]["type"], "heartbeat", "{first}");
    assert!(began.elapsed() > Duration::from_millis(950));
    assert_eq!(json(&raw.answer(SOON).await.unwrap().unwrap())["ack"], 21);
    assert_eq!(json(&raw.answer(SOON).await.unwrap().unwrap())["messages"][0]["data"], "behind");
    bed.is_unharmed(&[secret_of(&socket)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_come_byte_by_byte_are_requests() {
    let bed = Bed::start().await;
    let created = bed.created("/echo").await;
    let mut raw = bed.raw().await;
    let wire = format!(
        "POST /s/{0}?n=1&t=t HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbyteGET /j/{0}?ack=0 HTTP/1.1\r\nHost: x\r\n\r\n",
        created.socket
    );
    for byte in wire.bytes() {
        raw.write([byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(raw.answer(SOON).await.unwrap().unwrap().head.status(), 201);
    let answer = json(&raw.answer(SOON).await.unwrap().unwrap());
    assert_eq!((&answer["seq"], &answer["messages"][0]["type"]), (&1.into(), &"text".into()));
}
