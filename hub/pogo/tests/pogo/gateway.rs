//! The HTTP side: event streams, reads, pushes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use polysocket_config::Span;

use crate::api::{Api, json};
use crate::bed::{Bed, Client, Talks, eventually};

async fn counting() -> (Api, Arc<AtomicU64>) {
    let n = Arc::new(AtomicU64::new(1));
    let counter = n.clone();
    let api = Api::new(move |seen| {
        let token = seen.token().unwrap_or("nobody").to_owned();
        match counter.load(Ordering::SeqCst) {
            0 => json(404, &[], "{}"),
            500 => json(500, &[], "{}"),
            n => json(200, &[], format!("{{\n\"n\":{n},\"of\":\"{token}\"}}")),
        }
    })
    .await;
    (api, n)
}

#[tokio::test]
async fn a_path_as_events() {
    let (api, n) = counting().await;
    let bed = Bed::with(&api.url, |setup| setup.config.stream_ping_every = Span::millis(20)).await;
    let mut events = bed.events("/a", &[("Authorization", "Bearer token-of-anna")]).await.unwrap();
    let first = events.event().await.unwrap();
    let id = first.lines().next().unwrap().strip_prefix("id: ").unwrap().to_owned();
    assert_eq!(first, format!("id: {id}\ndata: {{\ndata: \"n\":1,\"of\":\"token-of-anna\"}}"));
    n.store(2, Ordering::SeqCst);
    assert!(events.event().await.unwrap().contains("\"n\":2"));
    n.store(500, Ordering::SeqCst);
    let fault = events.event().await.unwrap();
    assert!(
        fault.starts_with("event: fault\ndata: {\"code\":\"upstream_error\",\"httpStatus\":500,"),
        "{fault}"
    );
    n.store(2, Ordering::SeqCst);
    assert_eq!(events.event().await.unwrap(), "event: recovered\ndata: {}");
    n.store(0, Ordering::SeqCst);
    assert!(events.event().await.unwrap().ends_with("event: gone\ndata: null"));
    drop(events);
    eventually("nobody is bound", async || bed.metric("polysocket_pogo_feeds", "") == 0).await;
    assert_eq!(bed.metric("polysocket_pogo_event_streams", ""), 0);
    // Back with what it had: the same is not said again.
    n.store(1, Ordering::SeqCst);
    let headers = [("Authorization", "Bearer token-of-anna"), ("Last-Event-ID", id.as_str())];
    let mut events = bed.events("/a", &headers).await.unwrap();
    // But that the stream has begun, which some browsers would not know otherwise.
    assert_eq!(events.block().await.unwrap(), ":");
    n.store(3, Ordering::SeqCst);
    assert!(events.event().await.unwrap().contains("\"n\":3"));
}

#[tokio::test]
async fn errors_are_statuses() {
    let (api, n) = counting().await;
    let bed = Bed::new(&api.url).await;
    n.store(0, Ordering::SeqCst);
    let answer = bed.events("/a", &[]).await.err().unwrap();
    assert_eq!((answer.status(), answer.json()["code"].clone()), (404, "not_found".into()));
    assert_eq!(bed.send("GET", "/a", &[], b"").await.status(), 404);
    let away = Bed::new("http://127.0.0.1:9").await;
    assert_eq!(away.events("/a", &[]).await.err().unwrap().status(), 502);
    assert_eq!(bed.send("GET", "/%2e%2e/a", &[], b"").await.status(), 400);
    assert_eq!(bed.send("PATCH", "/a", &[], b"{}").await.status(), 405);
    let answer = bed.send("GET", "/a", &[("Authorization", "Basic eDp5")], b"").await;
    assert_eq!((answer.status(), answer.header("www-authenticate")), (401, "Bearer"));
    assert_eq!(bed.metric("polysocket_pogo_binds", ""), 0);
}

#[tokio::test]
async fn reads_and_what_browsers_see() {
    let (api, _) = counting().await;
    let bed = Bed::new(&api.url).await;
    let answer = bed.send("GET", "/a?x=1", &[("Authorization", "Bearer token-of-anna")], b"").await;
    assert_eq!((answer.status(), answer.text()), (200, "{\n\"n\":1,\"of\":\"token-of-anna\"}"));
    assert_eq!(
        (answer.header("content-type"), answer.header("cache-control")),
        ("application/json", "no-store")
    );
    assert_eq!(api.seen()[0].path, "/a?x=1");
    let hello = bed.send("GET", "/", &[("Accept", "text/html,*/*;q=0.8")], b"").await;
    assert!(hello.header("content-type").starts_with("text/plain") && hello.text().contains("/pages/pogo"));
}

#[tokio::test]
async fn below_a_prefix() {
    let (api, _) = counting().await;
    let bed = Bed::with(&api.url, |setup| setup.prefix = Some("/pogo")).await;
    for path in ["/pogo", "/pogo/"] {
        assert_eq!(Client::open(bed.address, path).await.bind("/a").await["n"], 1, "{path}");
        assert_eq!(bed.send("GET", path, &[("Accept", "text/html")], b"").await.status(), 200);
    }
    assert_eq!(bed.send("GET", "/pogo/a", &[], b"").await.json()["n"], 1);
    assert!(bed.events("/pogo/a", &[]).await.unwrap().event().await.unwrap().contains("\"n\":1"));
    assert!(api.seen().iter().all(|seen| seen.path == "/a"));
}

#[tokio::test]
async fn pushes() {
    let (api, n) = counting().await;
    let bed = Bed::with(&api.url, |setup| setup.config.poll_every = Span::seconds(60)).await;
    let mut client = bed.client().await;
    client.bind("/a").await;
    let public = [("Cache-Control", "public")];
    // What it is now, for all: the API is not asked.
    assert_eq!(bed.push("PUT", "/a", &public, r#"{"n":"pushed"}"#).await, 204);
    assert_eq!(client.json().await["data"]["n"], "pushed");
    assert_eq!(api.reads("/a"), 1);
    assert_eq!(bed.push("DELETE", "/a", &public, "").await, 204);
    assert_eq!(client.text().await, r#"{"event":"response","path":"/a","status":410,"data":null}"#);
    let line = r#"{"path":"/a","data":{"n":"in one line"},"public":true}"#;
    assert_eq!(bed.push("POST", "/_pogo/publish", &[], line).await, 204);
    assert_eq!(client.json().await["data"]["n"], "in one line");
    assert_eq!(api.reads("/a"), 1);
    // That it has changed.
    n.store(7, Ordering::SeqCst);
    assert_eq!(bed.push("PUT", "/a", &[], "").await, 204);
    assert_eq!(client.json().await["data"]["n"], 7);
    n.store(8, Ordering::SeqCst);
    assert_eq!(bed.push("POST", "/_pogo/publish", &[], r#"{"paths":["/b","/a"]}"#).await, 204);
    assert_eq!(client.json().await["data"]["n"], 8);
    n.store(0, Ordering::SeqCst);
    assert_eq!(bed.push("DELETE", "/a", &[], "").await, 204);
    assert_eq!(client.json().await["status"], 410);
    // To a channel.
    client.say(r#"{"event":"streama:subscribe","data":{"channel":"/c"}}"#).await;
    client.quiet().await;
    let event = r#"{"channel":"/c","event":"news","data":[1]}"#;
    assert_eq!(bed.push("POST", "/_pogo/publish", &[], event).await, 204);
    assert_eq!(client.text().await, r#"{"event":"news","channel":"/c","data":[1]}"#);
}

#[tokio::test]
async fn pushes_that_are_refused() {
    let (api, _) = counting().await;
    let bed = Bed::new(&api.url).await;
    for headers in [vec![], vec![("Authorization", "Bearer wrong-wrong-wrong")]] {
        for (method, path) in [("PUT", "/a"), ("DELETE", "/a"), ("POST", "/_pogo/publish")] {
            let answer = bed.send(method, path, &headers, br#"{"path":"/a"}"#).await;
            assert_eq!(
                (answer.status(), answer.json()["code"].clone()),
                (403, "forbidden".into()),
                "{method}"
            );
        }
    }
    let closed = Bed::with(&api.url, |setup| setup.config.push_token = None).await;
    assert_eq!(closed.push("PUT", "/a", &[], "1").await, 403);
    for body in [
        "",
        "{",
        "{}",
        r#"{"path":"a"}"#,
        r#"{"path":"/a","channel":"c"}"#,
        r#"{"channel":"c"}"#,
        r#"{"paht":"/a"}"#,
    ] {
        assert_eq!(bed.push("POST", "/_pogo/publish", &[], body).await, 400, "{body}");
    }
    assert_eq!(bed.push("PUT", "/a", &[], "<html>").await, 400);
    assert_eq!(bed.push("PUT", "/a", &[], &"1".repeat(2_000_000)).await, 413);
    assert_eq!(bed.push("PATCH", "/a", &[], "1").await, 405);
    assert_eq!(bed.push("PUT", "/_pogo/publish", &[], "1").await, 405);
}

#[tokio::test]
async fn pages_of_other_origins() {
    let (api, _) = counting().await;
    let bed = Bed::with(&api.url, |setup| setup.config.origins = vec!["https://app.example".into()]).await;
    let origin = [("Origin", "https://app.example")];
    let answer = bed.send("GET", "/a", &origin, b"").await;
    assert_eq!((answer.status(), answer.header("access-control-allow-origin")), (200, "https://app.example"));
    assert_eq!(bed.send("OPTIONS", "/a", &origin, b"").await.status(), 204);
    assert!(Client::try_open(bed.address, "/", &origin).await.is_ok());
    assert_eq!(Client::try_open(bed.address, "/a", &origin).await.err().unwrap().status(), 404);
    let other = [("Origin", "https://evil.example")];
    assert_eq!(bed.send("GET", "/a", &other, b"").await.status(), 403);
    assert_eq!(Client::try_open(bed.address, "/", &other).await.err().unwrap().status(), 403);
}
