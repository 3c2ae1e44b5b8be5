//! Numbered subscriptions: what was missed comes again, or it is said that it cannot.

use serde_json::{Value, json};

use crate::bed::{Bed, Client};

fn since(position: &Value) -> String {
    json!({"subscribe": {"channel": "c", "since": position}}).to_string()
}

async fn resubscribe(client: &mut Client, position: &Value) -> Value {
    client.ask_json(&since(position)).await
}

#[tokio::test]
async fn what_was_missed_comes_first() {
    let bed = Bed::start().await;
    let mut backend = bed.backend().await;
    let mut client = bed.user("reader", "r").await;
    let begun = resubscribe(&mut client, &Value::Null).await;
    let epoch = begun["epoch"].as_str().unwrap().to_owned();
    assert_eq!(begun, json!({"subscribed": "c", "epoch": epoch, "offset": 0}));
    backend.broadcast("c", 1).await;
    client.hears(r#"{"channel":"c","data":1,"event":"e","offset":1}"#).await;
    drop(client);
    for n in 2..=5 {
        backend.broadcast("c", n).await;
    }
    let mut client = bed.user("reader", "r").await;
    let begun = resubscribe(&mut client, &json!({"epoch": epoch, "offset": 1})).await;
    assert_eq!(begun, json!({"subscribed": "c", "recovered": true, "epoch": epoch, "offset": 5}));
    for n in 2..=5 {
        client.hears(&format!(r#"{{"channel":"c","data":{n},"event":"e","offset":{n}}}"#)).await;
    }
    backend.broadcast("c", 6).await;
    client.hears(r#"{"channel":"c","data":6,"event":"e","offset":6}"#).await;
    // The same connection again, with another wish: from there on, and nothing twice.
    let begun = resubscribe(&mut client, &json!({"epoch": epoch, "offset": 5})).await;
    assert_eq!(begun["recovered"], true);
    client.hears(r#"{"channel":"c","data":6,"event":"e","offset":6}"#).await;
    backend.broadcast("c", 7).await;
    client.hears(r#"{"channel":"c","data":7,"event":"e","offset":7}"#).await;
    client.hears_nothing().await;
}

#[tokio::test]
async fn what_cannot_be_had_is_said() {
    let bed = Bed::with(|setup| setup.broker.history_count = 2).await;
    let mut backend = bed.backend().await;
    backend.subscribe("c").await;
    for n in 1..=5 {
        backend.broadcast("c", n).await;
        backend.text().await;
    }
    let mut client = bed.user("reader", "r").await;
    let now = resubscribe(&mut client, &Value::Null).await;
    let epoch = now["epoch"].as_str().unwrap();
    for (position, recovered, missed) in [
        (json!({"epoch": epoch, "offset": 3}), true, 2),
        (json!({"epoch": epoch, "offset": 5}), true, 0),
        (json!({"epoch": epoch, "offset": 1}), false, 0),
        (json!({"epoch": epoch, "offset": 99}), false, 0),
        (json!({"epoch": "another", "offset": 3}), false, 0),
        (json!({"epoch": "no epoch!", "offset": 3}), false, 0),
        (json!({"epoch": "", "offset": 0}), false, 0),
    ] {
        let begun = resubscribe(&mut client, &position).await;
        let expected = json!({"subscribed": "c", "recovered": recovered, "epoch": epoch, "offset": 5});
        assert_eq!(begun, expected, "{position}");
        for _ in 0..missed {
            assert!(client.json().await["offset"].is_u64());
        }
        client.hears_nothing().await;
    }
}

/// Being given more than may be queued would end the connection, which would come back and ask for the same.
#[tokio::test]
async fn more_than_may_be_queued_is_not_recovered() {
    let bed = Bed::with(|setup| setup.socket.queue_bytes_max = polysocket_config::Size::kib(16)).await;
    let mut backend = bed.backend().await;
    backend.subscribe("c").await;
    let mut client = bed.user("reader", "r").await;
    let start = resubscribe(&mut client, &Value::Null).await;
    let start = json!({"epoch": start["epoch"], "offset": start["offset"]});
    drop(client);
    let data = "x".repeat(3000);
    let big = json!({"broadcast": {"event": "e", "channel": "c", "data": data}}).to_string();
    for missed in 1..=6 {
        backend.ask(&big).await;
        backend.text().await;
        let mut client = bed.user("reader", "r").await;
        let begun = resubscribe(&mut client, &start).await;
        // Half of 16 KiB has room for two of 3 KiB and a little.
        assert_eq!(begun["recovered"], json!(missed <= 2), "{missed}");
        assert_eq!(begun["offset"], json!(missed));
        for offset in 1..=missed {
            if missed <= 2 {
                assert_eq!(client.json().await["offset"], json!(offset));
            }
        }
        client.hears_nothing().await;
    }
}

#[tokio::test]
async fn ids_ask_for_fuller_answers() {
    let bed = Bed::start().await;
    let mut client = bed.backend().await;
    let mut other = bed.backend().await;
    for (request, answer) in [
        (r#"{"subscribe":{"channel":"c","id":1}}"#, r#"{"subscribed":"c","id":1}"#),
        (
            r#"{"broadcast":{"event":"e","channel":"c","id":"x-1"}}"#,
            r#"{"broadcasted":"c","id":"x-1","offset":1,"subscribers":1}"#,
        ),
        // The copy is what was written.
        (r#"{"unsubscribe":{"channel":"d","id":2}}"#, r#"{"event":"e","channel":"c","id":"x-1"}"#),
    ] {
        client.says(request, answer).await;
    }
    client.hears(r#"{"unsubscribed":"d","id":2}"#).await;
    other.subscribe("c").await;
    other
        .says(
            r#"{"broadcast":{"event":"e","channel":"c","id":-1.5}}"#,
            r#"{"broadcasted":"c","id":-1.5,"offset":2,"subscribers":2}"#,
        )
        .await;
    other.text().await;
    client.text().await;
    for (request, answer) in [
        (r#"{"broadcast":{"event":"e","channel":"d","id":3}}"#, r#"{"err":"INVALID_CHANNEL","id":3}"#),
        (r#"{"authenticate":{"user":"x","secret":"","id":4}}"#, r#"{"err":"INVALID_USER","id":4}"#),
        (r#"{"logout":{"id":5}}"#, r#"{"loggedOut":true,"id":5}"#),
        // Anything else is no id.
        (r#"{"unsubscribe":{"channel":"d","id":{}}}"#, r#"{"unsubscribed":"d"}"#),
        (r#"{"unsubscribe":{"channel":"d","id":null}}"#, r#"{"unsubscribed":"d"}"#),
    ] {
        client.says(request, answer).await;
    }
}
