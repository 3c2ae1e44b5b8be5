//! Writes: they pass through, and whoever is bound is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::response::Response;
use polysocket_config::Span;
use polysocket_tests::patience::eventually;
use serde_json::{Value, json as value};
use tokio::sync::Notify;

use crate::api::{Api, json};
use crate::bed::{Bed, Talks};
use crate::json_server::JsonServer;

const POSTS: &str = r#"{"posts":[{"id":1,"n":1}]}"#;

/// No polls within a test: what is told is told because of a write.
async fn quiet_bed(url: &str) -> Bed {
    Bed::with(url, |setup| setup.config.poll_every = Span::seconds(60)).await
}

#[tokio::test]
async fn others_and_the_collection_are_told() {
    let api = JsonServer::with(POSTS).await;
    let bed = quiet_bed(&api.url).await;
    let (mut writer, mut item, mut list) = (bed.client().await, bed.client().await, bed.client().await);
    item.bind("/posts/1").await;
    list.bind("/posts").await;
    list.bind("/posts?_sort=n").await;
    assert_eq!(
        writer.ask(r#"{"id":1,"event":"update","uri":"/posts/1","data":{"n":2}}"#).await,
        r#"{"id":1,"status":"ok"}"#
    );
    assert_eq!(item.json().await["data"]["n"], 2);
    let mut paths: Vec<Value> = Vec::new();
    for _ in 0..2 {
        let frame = list.json().await;
        assert_eq!(frame["data"][0]["n"], 2, "{frame}");
        paths.push(frame["path"].clone());
    }
    paths.sort_by_key(Value::to_string);
    assert_eq!(paths, ["/posts", "/posts?_sort=n"]);
    writer.ask(r#"{"id":2,"event":"create","uri":"/posts","data":{"n":5}}"#).await;
    for _ in 0..2 {
        assert_eq!(list.json().await["data"].as_array().unwrap().len(), 2);
    }
    writer.ask(r#"{"id":3,"event":"delete","uri":"/posts/1"}"#).await;
    assert_eq!(item.text().await, r#"{"event":"response","path":"/posts/1","status":410,"data":null}"#);
    for _ in 0..2 {
        assert_eq!(list.json().await["data"].as_array().unwrap().len(), 1);
    }
    item.quiet().await;
    list.quiet().await;
}

#[tokio::test]
async fn a_writers_own_frame_is_sent_once() {
    let api = JsonServer::with(POSTS).await;
    let bed = quiet_bed(&api.url).await;
    let (mut writer, mut other) = (bed.client().await, bed.client().await);
    writer.bind("/posts/1").await;
    other.bind("/posts/1").await;
    for n in 2..10 {
        writer.say(&format!(r#"{{"seqId":1,"event":"put","path":"/posts/1","data":{{"n":{n}}}}}"#)).await;
        let frame = writer.json().await;
        assert_eq!((&frame["event"], &frame["data"]["n"]), (&"response".into(), &n.into()));
        assert_eq!(writer.text().await, r#"{"seqId":1,"status":"ok"}"#);
        assert_eq!(other.json().await["data"]["n"], n);
        writer.quiet().await;
    }
    // The same once more is answered, and is no news for others.
    writer.say(r#"{"seqId":1,"event":"put","path":"/posts/1","data":{"n":9}}"#).await;
    assert_eq!(writer.json().await["data"]["n"], 9);
    assert_eq!(writer.text().await, r#"{"seqId":1,"status":"ok"}"#);
    other.quiet().await;
}

/// A change that a poll finds before its own write is answered is sent once.
#[tokio::test]
async fn a_poll_that_is_faster_than_the_answer() {
    let state = Arc::new(Mutex::new(BTreeMap::from([("n", 1)])));
    let answered = Arc::new(Notify::new());
    let (shown, until) = (state.clone(), answered.clone());
    let api = Api::new(move |seen| {
        let text = |n| serde_json::to_string(&BTreeMap::from([("n", n)])).unwrap();
        if seen.method != http::Method::PUT {
            return json(200, &[], text(shown.lock().unwrap()["n"]));
        }
        // It is done, and the answer takes its time.
        shown.lock().unwrap().insert("n", 2);
        let until = until.clone();
        let body = futures_util::stream::once(async move {
            until.notified().await;
            Ok::<_, std::convert::Infallible>(text(2))
        });
        let response = Response::builder().header("content-type", "application/json");
        response.body(Body::from_stream(body)).unwrap()
    })
    .await;
    let bed = Bed::new(&api.url).await;
    let mut writer = bed.client().await;
    assert_eq!(writer.bind("/a").await["n"], 1);
    writer.say(r#"{"seqId":1,"event":"put","path":"/a","data":{"n":2}}"#).await;
    // The poll has found it, and more polls have found nothing new.
    assert_eq!(writer.json().await, value!({"event": "response", "path": "/a", "data": {"n": 2}}));
    let reads = api.reads("/a");
    eventually("more polls", async || api.reads("/a") > reads + 2).await;
    answered.notify_one();
    assert_eq!(writer.text().await, r#"{"seqId":1,"status":"ok"}"#);
    writer.quiet().await;
}

/// What a write is answered with is not always what is there then.
#[tokio::test]
async fn an_answer_that_is_not_true() {
    for status in [200, 304] {
        let api = Api::new(move |seen| {
            if seen.method == http::Method::PUT {
                return json(200, &[], r#"{"n":"as if"}"#);
            }
            let again = seen.header("if-none-match").is_some() && status == 304;
            json(if again { 304 } else { 200 }, &[("etag", "\"1\"")], if again { "" } else { r#"{"n":1}"# })
        })
        .await;
        let bed = quiet_bed(&api.url).await;
        let (mut writer, mut other) = (bed.client().await, bed.client().await);
        writer.bind("/a").await;
        other.bind("/a").await;
        writer.say(r#"{"seqId":1,"event":"put","path":"/a","data":{}}"#).await;
        assert_eq!(writer.json().await["data"]["n"], "as if");
        assert_eq!(writer.text().await, r#"{"seqId":1,"status":"ok"}"#);
        assert_eq!(writer.json().await["data"]["n"], 1, "it is told what is there");
        other.quiet().await;
        writer.quiet().await;
    }
}

#[tokio::test]
async fn a_write_whose_answer_is_lost() {
    let n = Arc::new(Mutex::new(1));
    let state = n.clone();
    let api = Api::new(move |seen| {
        if seen.method == http::Method::GET {
            return json(200, &[], state.lock().unwrap().to_string());
        }
        *state.lock().unwrap() += 1;
        http::Response::builder().header("content-type", "text/plain").body("done".into()).unwrap()
    })
    .await;
    let bed = quiet_bed(&api.url).await;
    let (mut writer, mut other) = (bed.client().await, bed.client().await);
    other.bind("/a").await;
    let answer = writer.ask(r#"{"seqId":1,"event":"put","path":"/a","data":1}"#).await;
    assert!(answer.contains(r#""code":"upstream_error","httpStatus":200"#), "{answer}");
    assert_eq!(other.json().await["data"], 2, "it was done all the same");
    let answer = writer.ask(r#"{"seqId":1,"event":"delete","path":"/a"}"#).await;
    assert_eq!(answer, r#"{"seqId":1,"status":"ok"}"#, "nobody wants to know what a deletion says");
    assert_eq!(other.json().await["status"], 410);
    assert_eq!(other.json().await["data"], 3, "this API has it still, and that is told as well");
}

#[tokio::test]
async fn what_the_api_is_sent() {
    let api = Api::new(|seen| match seen.method {
        http::Method::POST => json(201, &[("location", "/posts/9")], &*seen.body),
        http::Method::DELETE => json(204, &[], ""),
        _ => json(200, &[], "{}"),
    })
    .await;
    let bed = quiet_bed(&api.url).await;
    let mut client = bed.user("token-of-anna").await;
    // Numbers and order are the client's.
    let data = r#"{"z":1.50,"a":12345678901234567890123}"#;
    client.say(&format!(r#"{{"seqId":1,"event":"post","path":"/posts?x=1","data":{data}}}"#)).await;
    let frame = client.text().await;
    assert_eq!(frame, format!(r#"{{"event":"response","path":"/posts?x=1","status":201,"data":{data}}}"#));
    assert_eq!(client.text().await, r#"{"seqId":1,"status":"ok"}"#);
    assert_eq!(
        client.ask(r#"{"seqId":2,"event":"delete","path":"/posts/9","data":{"why":"x"}}"#).await,
        r#"{"seqId":2,"status":"ok"}"#
    );
    assert_eq!(
        client.ask(r#"{"seqId":3,"event":"delete","path":"/posts/9"}"#).await,
        r#"{"seqId":3,"status":"ok"}"#
    );
    let seen = api.seen();
    assert_eq!((seen[0].path.as_str(), seen[0].body.as_str()), ("/posts?x=1", data));
    assert_eq!(seen[0].header("content-type"), Some("application/json"));
    assert_eq!(seen[0].header("authorization"), Some("Bearer token-of-anna"));
    assert_eq!(seen[0].header("x-forwarded-for"), Some("127.0.0.1"));
    assert_eq!((seen[1].body.as_str(), seen[2].body.as_str()), (r#"{"why":"x"}"#, ""));
    assert_eq!(seen[2].header("content-type"), None);
}

#[tokio::test]
async fn errors_by_their_codes() {
    let api = Api::new(|seen| {
        let status = seen.path[1..].parse().unwrap();
        json(status, &[], r#"{"title":"is missing"}"#)
    })
    .await;
    let bed = quiet_bed(&api.url).await;
    let mut client = bed.client().await;
    for (status, code, tells) in [
        (400, "bad_request", true),
        (401, "unauthorized", false),
        (403, "forbidden", false),
        (404, "not_found", false),
        (405, "bad_request", true),
        (409, "conflict", true),
        (410, "not_found", false),
        (422, "unprocessable", true),
        (429, "rate_limited", false),
        (500, "upstream_error", false),
        (503, "upstream_error", false),
        (504, "timeout", false),
    ] {
        client.say(&format!(r#"{{"seqId":1,"event":"post","path":"/{status}","data":{{}}}}"#)).await;
        let answer = client.json().await;
        assert_eq!(
            (&answer["status"], &answer["code"], &answer["httpStatus"]),
            (&"error".into(), &code.into(), &status.into())
        );
        assert_eq!(answer.get("data").is_some(), tells, "{answer}");
    }
}

#[tokio::test]
async fn a_post_that_is_said_twice_is_done_once() {
    let api = JsonServer::with(POSTS).await;
    let bed = quiet_bed(&api.url).await;
    let mut client = bed.client().await;
    let post = r#"{"seqId":5,"event":"post","path":"/posts","idempotent":true,"data":{"n":7}}"#;
    let (frame, ack) = (client.ask(post).await, client.text().await);
    assert_eq!((client.ask(post).await, client.text().await), (frame, ack));
    let posts = client.ask(r#"{"id":1,"event":"index","uri":"/posts"}"#).await;
    assert_eq!(serde_json::from_str::<Value>(&posts).unwrap()["data"].as_array().unwrap().len(), 2);
    let other = client.ask(&post.replace("\"n\":7", "\"n\":8")).await;
    assert!(other.contains(r#""status":"error","code":"conflict""#), "{other}");
    // Without it a number may come again.
    for _ in 0..2 {
        client.ask(r#"{"seqId":6,"event":"post","path":"/posts","data":{"n":7}}"#).await;
        assert_eq!(client.text().await, r#"{"seqId":6,"status":"ok"}"#);
    }
}
