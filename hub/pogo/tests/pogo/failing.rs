//! An API that is slow, away, too large, not JSON, or leads elsewhere.

use axum::body::Body;
use axum::response::Response;
use polysocket_config::{Size, Span};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::api::{Api, json};
use crate::bed::{Bed, Setup, Talks, eventually};

/// What the API answers.
type Answering = Box<dyn Fn() -> Response + Send + Sync>;

fn brisk(setup: &mut Setup) {
    setup.config.upstream_timeout = Span::millis(300);
    setup.config.answer_bytes_max = Size::kib(1);
    setup.config.poll_longest = Span::millis(50);
}

#[tokio::test]
async fn binders_keep_their_value_and_are_told() {
    let api = Api::new(|_| json(200, &[], r#"{"n":1}"#)).await;
    let bed = Bed::with(&api.url, brisk).await;
    let mut client = bed.client().await;
    client.bind("/a").await;
    let html = || Response::builder().header("content-type", "text/html").body(Body::from("<html>")).unwrap();
    let faults: [(Answering, &str, &str); 6] = [
        (Box::new(|| json(500, &[], "{}")), "upstream_error", "500"),
        (Box::new(|| json(200, &[], "{")), "upstream_error", "not JSON"),
        (Box::new(html), "upstream_error", "Content-Type"),
        (
            Box::new(|| json(200, &[], format!("\"{}\"", "x".repeat(2000)))),
            "upstream_error",
            "longer than 1024",
        ),
        (
            Box::new(|| json(302, &[("location", "http://169.254.169.254/latest/meta-data/")], "")),
            "upstream_error",
            "another server",
        ),
        (Box::new(|| json(429, &[("retry-after", "0")], "")), "rate_limited", "429"),
    ];
    for (answer, code, about) in faults {
        api.now(move |_| answer());
        let frame = client.json().await;
        assert_eq!(
            (&frame["event"], &frame["path"], &frame["code"]),
            (&"error".into(), &"/a".into(), &code.into()),
            "{frame}"
        );
        assert!(frame["message"].as_str().unwrap().contains(about), "{frame}");
        // Who comes now gets the last value, and is told as well.
        let mut late = bed.client().await;
        assert_eq!(late.bind("/a").await["n"], 1);
        assert_eq!(late.json().await["code"], code);
        client.quiet().await;
        api.now(|_| json(200, &[], r#"{"n":1}"#));
        assert_eq!(client.text().await, r#"{"event":"recovered","path":"/a"}"#);
    }
    api.now(|_| json(200, &[], r#"{"n":2}"#));
    assert_eq!(client.json().await["data"]["n"], 2);
}

#[tokio::test]
async fn an_api_that_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let held = tokio::spawn(async move {
        let mut sockets = Vec::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            // One byte of a head, and then nothing.
            let _ = socket.write_all(b"H").await;
            sockets.push(socket);
        }
    });
    let bed = Bed::with(&url, brisk).await;
    let mut client = bed.client().await;
    for (id, request) in [
        (1, r#"{"seqId":1,"event":"bind","path":"/a"}"#),
        (2, r#"{"seqId":2,"event":"get","path":"/a"}"#),
        (3, r#"{"seqId":3,"event":"post","path":"/a","data":{}}"#),
    ] {
        client.say(request).await;
        let answer = client.json().await;
        assert_eq!((&answer["seqId"], &answer["code"]), (&id.into(), &"timeout".into()), "{answer}");
        assert_eq!(answer.get("httpStatus"), None, "there was none");
    }
    held.abort();
}

#[tokio::test]
async fn an_api_that_is_away() {
    let bed = Bed::with("http://127.0.0.1:9", brisk).await;
    let mut client = bed.client().await;
    let answer = client.ask(r#"{"seqId":1,"event":"bind","path":"/a"}"#).await;
    assert_eq!(
        answer,
        r#"{"seqId":1,"status":"error","code":"upstream_error","message":"the API cannot be reached"}"#
    );
    assert!(bed.pogo.ready().await.is_ok(), "clients are told, and the node stays");
}

#[tokio::test]
async fn an_address_that_the_policy_refuses() {
    let api = Api::new(|_| json(200, &[], "1")).await;
    let bed = Bed::with(&api.url, |setup| setup.loopback = false).await;
    let mut client = bed.client().await;
    for verb in ["bind", "get", "post", "put", "delete"] {
        let answer = client.ask(&format!(r#"{{"seqId":1,"event":"{verb}","path":"/a"}}"#)).await;
        assert!(answer.contains(r#""code":"upstream_error""#), "{answer}");
        assert!(answer.contains("may not call") && !answer.contains("127.0.0.1"), "{answer}");
    }
    assert_eq!(api.seen().len(), 0);
}

#[tokio::test]
async fn redirects() {
    let inside = Api::new(|_| json(200, &[], r#""the operator's secret""#)).await;
    let elsewhere = inside.url.clone();
    let api = Api::new(move |seen| match seen.path.as_str() {
        "/moved" => json(301, &[("location", "/here")], ""),
        "/away" => json(307, &[("location", &elsewhere)], ""),
        "/circle" => json(302, &[("location", "/circle")], ""),
        "/nowhere" => json(302, &[], ""),
        _ => json(200, &[], r#""here""#),
    })
    .await;
    let bed = Bed::new(&api.url).await;
    let mut client = bed.user("token-of-anna").await;
    assert_eq!(client.bind("/moved").await, "here");
    for (verb, path, about) in [
        ("bind", "/away", "another server"),
        ("get", "/away", "another server"),
        ("put", "/away", "redirects this write"),
        ("bind", "/circle", "circles"),
        ("bind", "/nowhere", "nowhere"),
    ] {
        let answer = client.ask(&format!(r#"{{"seqId":1,"event":"{verb}","path":"{path}"}}"#)).await;
        assert!(answer.contains(r#""code":"upstream_error""#) && answer.contains(about), "{answer}");
    }
    assert_eq!(inside.seen().len(), 0, "nothing was asked of the other, and no token was shown to it");
}

#[tokio::test]
async fn failures_make_polls_rarer_and_none_without_end() {
    let api = Api::new(|_| json(200, &[], "1")).await;
    let bed = Bed::with(&api.url, |setup| setup.config.poll_longest = Span::seconds(60)).await;
    let mut client = bed.client().await;
    client.bind("/a").await;
    api.now(|_| json(503, &[("retry-after", "30")], ""));
    assert_eq!(client.json().await["code"], "upstream_error");
    let then = api.reads("/a");
    let other = Api::new(|_| json(200, &[], "1")).await;
    let watch = Bed::new(&other.url).await;
    // Others are polled meanwhile as often as ever.
    let mut watcher = watch.client().await;
    watcher.bind("/b").await;
    eventually("another is polled for a while", async || other.reads("/b") > 10).await;
    assert_eq!(api.reads("/a"), then, "it is left alone for as long as it asked for");
}
