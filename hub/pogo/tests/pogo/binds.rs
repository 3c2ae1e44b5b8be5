//! Binding: what is sent when, and what is asked of the API for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use polysocket_config::Span;
use serde_json::Value;

use crate::api::{Api, json};
use crate::bed::{Bed, Talks, eventually};

/// An API with a number in it that the test changes, and an `ETag`.
async fn counting() -> (Api, Arc<AtomicU64>) {
    let n = Arc::new(AtomicU64::new(0));
    let counter = n.clone();
    let long = "x".repeat(200);
    let api = Api::new(move |seen| {
        let n = counter.load(Ordering::SeqCst);
        let etag = format!("\"{n}\"");
        if seen.header("if-none-match") == Some(etag.as_str()) {
            return json(304, &[("etag", &etag)], "");
        }
        json(200, &[("etag", &etag)], format!(r#"{{"n":{n},"long":"{long}"}}"#))
    })
    .await;
    (api, n)
}

#[tokio::test]
async fn many_binders_and_one_poll() {
    let (api, n) = counting().await;
    let bed = Bed::with(&api.url, |setup| setup.config.poll_every = Span::seconds(60)).await;
    let mut clients = Vec::new();
    for _ in 0..200 {
        let mut client = bed.client().await;
        assert_eq!(client.bind("/a").await["n"], 0);
        clients.push(client);
    }
    assert_eq!(api.reads("/a"), 1, "one read for all");
    n.store(1, Ordering::SeqCst);
    assert_eq!(bed.push("POST", "/_pogo/publish", &[], r#"{"path":"/a"}"#).await, 204);
    for client in &mut clients {
        assert_eq!(client.json().await["data"]["n"], 1);
    }
    assert_eq!(api.reads("/a"), 2, "and one for the change");
    assert_eq!((bed.metric("polysocket_pogo_binds", ""), bed.metric("polysocket_pogo_feeds", "")), (200, 1));
    drop(clients);
    eventually("nobody is bound", async || bed.metric("polysocket_pogo_feeds", "") == 0).await;
    assert_eq!(bed.metric("polysocket_pogo_binds", ""), 0);
}

#[tokio::test]
async fn without_binders_nothing_is_asked() {
    let (api, _) = counting().await;
    let bed = Bed::new(&api.url).await;
    let mut client = bed.client().await;
    client.bind("/a").await;
    eventually("it is polled", async || api.reads("/a") > 3).await;
    assert_eq!(
        client.ask(r#"{"seqId":1,"event":"unbind","path":"/a"}"#).await,
        r#"{"seqId":1,"status":"ok"}"#
    );
    assert_eq!(bed.metric("polysocket_pogo_feeds", ""), 0);
    // A read that was under way may still arrive; after it, whatever is asked for is another path.
    let mut other = bed.client().await;
    other.bind("/b").await;
    let then = api.reads("/a");
    eventually("another path is polled for a while", async || api.reads("/b") > 10).await;
    assert_eq!(api.reads("/a"), then);
}

#[tokio::test]
async fn polls_are_conditional_and_nothing_is_sent_when_nothing_changed() {
    let (api, n) = counting().await;
    let bed = Bed::new(&api.url).await;
    let mut client = bed.client().await;
    client.bind("/a").await;
    eventually("it is polled", async || api.reads("/a") > 5).await;
    let conditional = api.seen().iter().filter(|seen| seen.header("if-none-match") == Some("\"0\"")).count();
    assert!(conditional >= 4, "{conditional}");
    client.quiet().await;
    n.store(1, Ordering::SeqCst);
    assert_eq!(client.json().await["data"]["n"], 1);
    // The same in other words, without a validator.
    api.now(|seen| match seen.path.as_str() {
        "/a" => json(200, &[], format!("{{ \"long\" : \"{}\",\n \"n\":1.0 }}", "x".repeat(200))),
        _ => json(404, &[], ""),
    });
    eventually("it is polled", async || bed.metric("polysocket_pogo_readings_total", "unchanged") > 3).await;
    client.quiet().await;
}

#[tokio::test]
async fn the_pause_is_what_the_api_says() {
    let (api, _) = counting().await;
    api.now(|seen| {
        let age = if seen.path == "/slow" { "max-age=60" } else { "max-age=0" };
        json(200, &[("cache-control", age)], "1")
    });
    let bed = Bed::with(&api.url, |setup| setup.config.poll_every = Span::seconds(60)).await;
    let mut client = bed.client().await;
    client.bind("/slow").await;
    client.bind("/fast").await;
    eventually("one is polled", async || api.reads("/fast") > 5).await;
    assert_eq!(api.reads("/slow"), 1);
}

#[tokio::test]
async fn options() {
    let (api, n) = counting().await;
    let bed = Bed::new(&api.url).await;
    let mut client = bed.client().await;
    let ack = r#"{"seqId":1,"status":"ok"}"#;
    // Without the first state.
    assert_eq!(client.ask(r#"{"seqId":1,"event":"bind","path":"/a","data":{"snapshot":false}}"#).await, ack);
    client.quiet().await;
    n.store(1, Ordering::SeqCst);
    assert_eq!(client.json().await["data"]["n"], 1);
    client.ask(r#"{"seqId":2,"event":"unbind","path":"/a"}"#).await;
    // Numbered.
    assert_eq!(client.ask(r#"{"seqId":1,"event":"bind","path":"/a","data":{"seq":true}}"#).await, ack);
    let first = client.json().await;
    assert_eq!((&first["seq"], &first["data"]["n"]), (&1.into(), &1.into()), "{first}");
    n.store(2, Ordering::SeqCst);
    let second = client.json().await;
    assert_eq!(second["seq"], 2, "{second}");
    let version = second["version"].as_str().unwrap().to_owned();
    // What it has is not sent again, also not by another node: a version says what, not when.
    let other_bed = Bed::new(&api.url).await;
    let mut other = other_bed.client().await;
    let bind = format!(r#"{{"seqId":1,"event":"bind","path":"/a","data":{{"since":"{version}"}}}}"#);
    assert_eq!(other.ask(&bind).await, ack);
    other.quiet().await;
    n.store(3, Ordering::SeqCst);
    assert_eq!(other.json().await["data"]["n"], 3);
    let mut late = other_bed.client().await;
    assert_eq!(late.ask(&bind).await, ack);
    assert_eq!(late.json().await["data"]["n"], 3, "it has missed something");
    // For a while.
    assert_eq!(
        late.ask(r#"{"seqId":1,"event":"bind","path":"/b","data":{"ttl":0.05,"snapshot":false}}"#).await,
        ack
    );
    assert_eq!(late.text().await, r#"{"event":"bind:expired","path":"/b"}"#);
}

#[tokio::test]
async fn patches() {
    for (kind, patch) in [("merge", r#"{"n":1}"#), ("json", r#"[{"op":"replace","path":"/n","value":1}]"#)] {
        let (api, n) = counting().await;
        let bed = Bed::new(&api.url).await;
        let mut client = bed.client().await;
        let bind = format!(r#"{{"seqId":1,"event":"bind","path":"/a","data":{{"patch":"{kind}"}}}}"#);
        assert_eq!(client.ask(&bind).await, r#"{"seqId":1,"status":"ok"}"#);
        let first = client.json().await;
        assert_eq!(first["data"]["n"], 0);
        n.store(1, Ordering::SeqCst);
        let second = client.json().await;
        assert_eq!(second["base"], first["version"], "{second}");
        let name = if kind == "merge" { "merge" } else { "patch" };
        assert_eq!(second[name], serde_json::from_str::<Value>(patch).unwrap(), "{second}");
        assert_eq!(second.get("data"), None);
    }
}

#[tokio::test]
async fn twice_and_not_at_all() {
    let (api, _) = counting().await;
    let bed = Bed::with(&api.url, |setup| setup.config.binds_max = 2).await;
    let mut client = bed.client().await;
    client.bind("/a").await;
    client.bind("/a").await;
    assert_eq!(bed.metric("polysocket_pogo_binds", ""), 1, "a second bind takes the place of the first");
    client.bind("/b").await;
    let answer = client.ask(r#"{"seqId":1,"event":"bind","path":"/c"}"#).await;
    assert!(answer.contains(r#""code":"too_many_binds""#), "{answer}");
    client.ask(r#"{"seqId":1,"event":"unbind","path":"/b"}"#).await;
    client.bind("/c").await;
    assert_eq!(client.ask(r#"{"event":"unbind","path":"/never"}"#).await, r#"{"status":"ok"}"#);
}

#[tokio::test]
async fn a_bind_that_fails_is_none() {
    let api = Api::new(|_| json(404, &[], "{}")).await;
    let bed = Bed::new(&api.url).await;
    let mut client = bed.client().await;
    let answer = client.ask(r#"{"id":1,"event":"bind","uri":"/a"}"#).await;
    assert!(answer.contains(r#"{"id":1,"status":"error","code":"not_found","httpStatus":404"#), "{answer}");
    assert_eq!((bed.metric("polysocket_pogo_binds", ""), bed.metric("polysocket_pogo_feeds", "")), (0, 0));
    for path in ["a", "/../a", "http://127.0.0.1/", "/a b", "/%2e%2e/x"] {
        let answer = client.ask(&format!(r#"{{"seqId":1,"event":"bind","path":"{path}"}}"#)).await;
        assert!(answer.contains(r#""code":"bad_request""#), "{path}: {answer}");
    }
}

#[tokio::test]
async fn reads_run_at_the_same_time_and_writes_wait_for_them() {
    let (api, _) = counting().await;
    let bed = Bed::new(&api.url).await;
    let mut client = bed.client().await;
    for id in 0..30 {
        client.say(&format!(r#"{{"id":{id},"event":"get","uri":"/a?{id}"}}"#)).await;
    }
    client.say(r#"{"id":"put","event":"put","uri":"/a","data":{}}"#).await;
    let mut answered = Vec::new();
    for _ in 0..30 {
        answered.push(client.json().await["id"].as_u64().unwrap());
    }
    answered.sort_unstable();
    assert_eq!(answered, (0..30).collect::<Vec<u64>>());
    assert_eq!(client.text().await, r#"{"id":"put","status":"ok"}"#);
    let writes = api.seen().iter().position(|seen| seen.method == http::Method::PUT).unwrap();
    assert_eq!(writes, 30);
}
