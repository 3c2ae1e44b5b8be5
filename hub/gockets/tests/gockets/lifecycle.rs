//! Hooks of a channel's life: connect, disconnect, empty.

use polysocket_config::Span;
use serde_json::Value;

use crate::bed::{Bed, eventually};
use crate::hook::{Call, Hook};

fn said(call: &Call) -> Value {
    assert_eq!(call.header("content-type"), "application/json");
    let json: Value = serde_json::from_slice(&call.body).unwrap();
    assert_eq!(json["type"], call.header("x-gockets-event"));
    assert_eq!(json["data"]["channel"], call.header("x-gockets-channel"));
    json
}

#[tokio::test]
async fn nobody_is_told_who_did_not_ask() {
    let (bed, mut hook) = (Bed::new().await, Hook::new().await);
    let keys = bed.prepare_with_hook(&hook.url(), "").await;
    let mut client = bed.subscribe(&keys).await;
    client.say("only this").await;
    client.close(1000).await;
    eventually("the listener is gone", async || {
        bed.get(&format!("/channel/{}", keys.publisher)).await.json()["listeners"] == 0
    })
    .await;
    assert_eq!(hook.call().await.text(), "only this");
    assert_eq!((hook.pending(), bed.metric("polysocket_gockets_hook_events_total", "disconnect")), (0, 0));
}

#[tokio::test]
async fn a_listener_comes_says_something_and_goes() {
    let (bed, mut hook) = (Bed::new().await, Hook::new().await);
    let more = ",\"hook_events\":[\"connect\",\"disconnect\",\"empty\"]";
    let keys = bed.prepare_with_hook(&hook.url(), more).await;
    let mut client = bed.subscribe(&keys).await;
    client.say("hello").await;
    client.close(4007).await;
    let (connect, message, disconnect) = (hook.call().await, hook.call().await, hook.call().await);
    let connected = said(&connect);
    assert_eq!(connected["type"], "connect");
    let id = connect.header("x-gockets-client");
    assert_eq!((message.text(), message.header("x-gockets-client")), ("hello", id));
    let gone = said(&disconnect);
    let data = &gone["data"];
    assert_eq!((gone["type"].as_str(), data["client"].as_str()), (Some("disconnect"), Some(id)));
    assert_eq!(
        (&data["code"], &data["reason"], &data["cause"]),
        (&4007.into(), &"bye".into(), &"client".into())
    );
    let empty = hook.call().await;
    assert_eq!(said(&empty)["type"], "empty");
    assert!(empty.head.header("x-gockets-client").is_none());
}

#[tokio::test]
async fn a_connection_that_breaks_is_told_too() {
    let (bed, mut hook) = (Bed::new().await, Hook::new().await);
    let keys = bed.prepare_with_hook(&hook.url(), ",\"hook_events\":[\"disconnect\"]").await;
    drop(bed.subscribe(&keys).await);
    assert_eq!(said(&hook.call().await)["data"]["code"], 1006);
}

#[tokio::test]
async fn a_channel_is_empty_once_when_the_last_has_gone() {
    let bed = Bed::with(|setup| setup.hooks.empty_after = Span::millis(100)).await;
    let mut hook = Hook::new().await;
    let keys = bed.prepare_with_hook(&hook.url(), ",\"hook_events\":[\"connect\",\"empty\"]").await;
    let listeners =
        async || bed.get(&format!("/channel/{}", keys.publisher)).await.json()["listeners"].clone();
    let first = bed.subscribe(&keys).await;
    let second = bed.subscribe(&keys).await;
    first.close(1000).await;
    eventually("one is left", async || listeners().await == 1).await;
    second.close(1000).await;
    eventually("none is left", async || listeners().await == 0).await;
    for event in ["connect", "connect", "empty"] {
        assert_eq!(said(&hook.call().await)["type"], event);
    }
    // Filled and emptied again: told again.
    bed.subscribe(&keys).await.close(1000).await;
    for event in ["connect", "empty"] {
        assert_eq!(said(&hook.call().await)["type"], event);
    }
    assert_eq!(hook.pending(), 0);
}

#[tokio::test]
async fn a_page_that_is_loaded_anew_is_no_news() {
    let bed = Bed::with(|setup| setup.hooks.empty_after = Span::millis(150)).await;
    let (mut quiet, mut other) = (Hook::new().await, Hook::new().await);
    let more = ",\"hook_events\":[\"connect\",\"empty\"]";
    let keys = bed.prepare_with_hook(&quiet.url(), more).await;
    let others = bed.prepare_with_hook(&other.url(), more).await;
    bed.subscribe(&keys).await.close(1000).await;
    let _stays = bed.subscribe(&keys).await;
    for _ in 0..2 {
        assert_eq!(said(&quiet.call().await)["type"], "connect");
    }
    // This one is emptied later; when that is told, the first would have been.
    bed.subscribe(&others).await.close(1000).await;
    for event in ["connect", "empty"] {
        assert_eq!(said(&other.call().await)["type"], event);
    }
    assert_eq!(bed.metric("polysocket_gockets_hook_events_total", "empty"), 1);
}

#[tokio::test]
async fn a_deleted_channel_has_nothing_more_to_tell() {
    let (bed, mut hook) = (Bed::new().await, Hook::new().await);
    let more = ",\"hook_events\":[\"connect\",\"disconnect\",\"empty\"]";
    let keys = bed.prepare_with_hook(&hook.url(), more).await;
    let client = bed.subscribe(&keys).await;
    assert_eq!(said(&hook.call().await)["type"], "connect");
    bed.delete(&keys).await;
    assert_eq!(client.closed().await, (Some(1000), "channel closed".to_owned()));
    assert!(bed.life.finish(crate::bed::PATIENCE).await);
    assert_eq!(hook.pending(), 0);
}
