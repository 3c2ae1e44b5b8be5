//! Two nodes over one Redis.

use polysocket_config::Span;
use polysocket_tests::redis_server::RedisServer;
use serde_json::json;

use crate::bed::{Bed, eventually};
use crate::hook::Hook;

async fn node(redis: &RedisServer) -> Bed {
    let url = redis.url();
    Bed::with(move |setup| {
        setup.broker.url = url;
        setup.config.cache_time = Span::millis(50);
        setup.hooks.empty_after = Span::seconds(1);
    })
    .await
}

#[tokio::test]
async fn what_one_node_does_the_other_sees() {
    let redis = RedisServer::start().await.unwrap();
    let (one, two) = (node(&redis).await, node(&redis).await);
    let keys = one.prepare(r#"{"tag":"shared"}"#).await;
    let (mut here, mut there) = (one.subscribe(&keys).await, two.subscribe(&keys).await);
    for number in 0..100 {
        let node = if number % 2 == 0 { &one } else { &two };
        node.publish(&keys, number.to_string()).await;
    }
    for number in 0..100 {
        assert_eq!(here.text().await, number.to_string());
        assert_eq!(there.text().await, number.to_string());
    }
    for node in [&one, &two] {
        let path = format!("/channel/{}", keys.publisher);
        eventually("both listeners are counted", async || node.get(&path).await.json()["listeners"] == 2)
            .await;
        let found = node.get("/channel/show?search=shared").await.json();
        assert_eq!(found["channels"].as_array().unwrap().len(), 1);
    }
    two.delete(&keys).await;
    for client in [here, there] {
        assert_eq!(client.closed().await, (Some(1000), "channel closed".to_owned()));
    }
    for node in [&one, &two] {
        assert_eq!(node.post(&format!("/channel/publish/{}", keys.publisher), "x").await.status(), 404);
    }
}

#[tokio::test]
async fn an_edit_counts_on_every_node_and_channels_outlive_them() {
    let redis = RedisServer::start().await.unwrap();
    let (one, two) = (node(&redis).await, node(&redis).await);
    let (mut old, mut new) = (Hook::new().await, Hook::new().await);
    let keys = one.prepare_with_hook(&old.url(), ",\"tag\":\"kept\"").await;
    let mut client = two.subscribe(&keys).await;
    client.say("first").await;
    assert_eq!(old.call().await.text(), "first");
    let body = json!({ "subscriber_message_hook_url": new.url(), "tag": "kept" }).to_string();
    let path = format!("/channel/edit/{}", keys.publisher);
    assert_eq!(one.send("PATCH", &path, &[], body.as_bytes()).await.status(), 200);
    let mut number = 0;
    eventually("the new hook is called", async || {
        number += 1;
        client.say(&number.to_string()).await;
        new.pending() > 0
    })
    .await;
    assert!(one.life.finish(crate::bed::PATIENCE).await && two.life.finish(crate::bed::PATIENCE).await);
    let three = node(&redis).await;
    let shown = three.get(&format!("/channel/{}", keys.publisher)).await.json();
    assert_eq!(
        (shown["tag"].as_str(), shown["subscriber_message_hook_url"].as_str()),
        (Some("kept"), Some(&*new.url()))
    );
}

#[tokio::test]
async fn a_channel_of_two_nodes_is_empty_once() {
    let redis = RedisServer::start().await.unwrap();
    let (one, two) = (node(&redis).await, node(&redis).await);
    let mut hook = Hook::new().await;
    let keys = one.prepare_with_hook(&hook.url(), ",\"hook_events\":[\"disconnect\",\"empty\"]").await;
    let (here, there) = (one.subscribe(&keys).await, two.subscribe(&keys).await);
    here.close(1000).await;
    there.close(1000).await;
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(hook.call().await.header("x-gockets-event").to_owned());
    }
    assert_eq!(events, ["disconnect", "disconnect", "empty"]);
    let empty = |node: &Bed| node.metric("polysocket_gockets_hook_events_total", "empty");
    assert_eq!(empty(&one) + empty(&two), 1);
}

#[tokio::test]
async fn without_redis_requests_are_told_to_come_back() {
    let mut redis = RedisServer::start().await.unwrap();
    let url = redis.url();
    let bed = Bed::with(move |setup| {
        setup.broker.url = url;
        setup.broker.command_timeout = Span::millis(300);
    })
    .await;
    let mut hook = Hook::new().await;
    let keys = bed.prepare_with_hook(&hook.url(), "").await;
    let mut client = bed.subscribe(&keys).await;
    client.say("before").await;
    assert_eq!(hook.call().await.text(), "before");
    redis.kill().await.unwrap();
    for (method, path) in [
        ("POST", "/channel/prepare".to_owned()),
        ("GET", "/channel".into()),
        ("POST", format!("/channel/publish/{}", keys.publisher)),
        ("DELETE", format!("/channel/publish/{}", keys.publisher)),
    ] {
        let answer = bed.send(method, &path, &[], b"").await;
        let expected = r#"{"type":"ERR","message":"Not available now, try again"}"#;
        assert_eq!((answer.status(), answer.text()), (503, expected), "{method} {path}");
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert!(bed.gockets.ready().await.is_err());
    // Who is connected stays, and the hook hears it.
    client.say("meanwhile").await;
    assert_eq!(hook.call().await.text(), "meanwhile");
    redis.restart().await.unwrap();
    eventually("it works again", async || bed.post("/channel/prepare", "").await.status() == 200).await;
    eventually("it is ready again", async || bed.gockets.ready().await.is_ok()).await;
}
