//! Every payload and every error of the original's documentation, byte for byte, and the edges of them.

use tokio_tungstenite::tungstenite::Message;

use crate::bed::Bed;

const LOGIN: &str = r#"{"authenticate":{"user":"backend","secret":"secret"}}"#;
const DENIED: &str = r#"{"err":"ACCESS_DENIED"}"#;
const PAYLOAD: &str = r#"{"err":"INVALID_PAYLOAD"}"#;

#[tokio::test]
async fn authenticate() {
    let bed = Bed::start().await;
    let mut client = bed.client().await;
    for (request, answer) in [
        (LOGIN, r#"{"authenticated":"backend"}"#),
        // The format of the documentation, with its line ends and tabs.
        (
            "{\n    \"authenticate\": {\n\t    \"user\": \"frontend\", \n\t\t\"secret\": \"any\"\n\t}\n}",
            r#"{"authenticated":"frontend"}"#,
        ),
        (r#"{"authenticate":{"user":"frontend","secret":""}}"#, r#"{"authenticated":"frontend"}"#),
        (r#"{"authenticate":{"user":"backend","secret":"wrong"}}"#, r#"{"err":"INVALID_CREDENTIALS"}"#),
        (r#"{"authenticate":{"user":"backend","secret":""}}"#, r#"{"err":"INVALID_CREDENTIALS"}"#),
        (r#"{"authenticate":{"user":"stranger","secret":"secret"}}"#, r#"{"err":"INVALID_USER"}"#),
        (r#"{"authenticate":{"user":"Backend","secret":"secret"}}"#, r#"{"err":"INVALID_USER"}"#),
        (r#"{"authenticate":{"user":"","secret":""}}"#, r#"{"err":"INVALID_USER"}"#),
        (r#"{"authenticate":{"user":"backend"}}"#, PAYLOAD),
        (r#"{"authenticate":{"secret":"secret"}}"#, PAYLOAD),
        (r#"{"authenticate":{"user":1,"secret":"secret"}}"#, PAYLOAD),
        (r#"{"authenticate":{"user":"backend","secret":1}}"#, PAYLOAD),
        (r#"{"authenticate":{"user":null,"secret":null}}"#, PAYLOAD),
        (r#"{"authenticate":{}}"#, PAYLOAD),
        (r#"{"authenticate":true}"#, PAYLOAD),
        (r#"{"authenticate":"backend"}"#, PAYLOAD),
        (r#"{"authenticate":["backend","secret"]}"#, PAYLOAD),
    ] {
        client.says(request, answer).await;
    }
}

#[tokio::test]
async fn subscribe() {
    let bed = Bed::start().await;
    let mut client = bed.client().await;
    let subscribe = r#"{"subscribe":{"channel":"channel-name"}}"#;
    client.says(subscribe, DENIED).await;
    // The shape comes before the right, and the right before the fields.
    client.says(r#"{"subscribe":"channel-name"}"#, PAYLOAD).await;
    client.says(r#"{"subscribe":true}"#, PAYLOAD).await;
    client.says(r#"{"subscribe":{}}"#, DENIED).await;
    client.login("writer", "w").await;
    client.says(subscribe, DENIED).await;
    client.login("reader", "r").await;
    for (request, answer) in [
        (subscribe, r#"{"subscribed":"channel-name"}"#),
        (subscribe, r#"{"subscribed":"channel-name"}"#),
        (r#"{"subscribe": {"channel": "channel-name"}}"#, r#"{"subscribed":"channel-name"}"#),
        (r#"{"subscribe":{"channel":"\u00fc \" \\ /","x":[1]}}"#, r#"{"subscribed":"ü \" \\ /"}"#),
        (r#"{"subscribe":{}}"#, PAYLOAD),
        (r#"{"subscribe":{"channel":""}}"#, PAYLOAD),
        (r#"{"subscribe":{"channel":7}}"#, PAYLOAD),
        (r#"{"subscribe":{"channel":null}}"#, PAYLOAD),
        (r#"{"subscribe":{"channel":["a"]}}"#, PAYLOAD),
        (r#"{"subscribe":["channel-name"]}"#, PAYLOAD),
        (r#"{"subscribe":false}"#, PAYLOAD),
    ] {
        client.says(request, answer).await;
    }
}

#[tokio::test]
async fn unsubscribe() {
    let bed = Bed::start().await;
    let mut client = bed.client().await;
    // No login is needed, nor a subscription, nor a channel.
    let unsubscribe = r#"{"unsubscribe":{"channel":"channel-name"}}"#;
    for (request, answer) in [
        (unsubscribe, r#"{"unsubscribed":"channel-name"}"#),
        (r#"{"unsubscribe":{}}"#, PAYLOAD),
        (r#"{"unsubscribe":{"channel":""}}"#, PAYLOAD),
        (r#"{"unsubscribe":{"channel":{}}}"#, PAYLOAD),
        (r#"{"unsubscribe":true}"#, PAYLOAD),
        (r#"{"unsubscribe":"channel-name"}"#, PAYLOAD),
    ] {
        client.says(request, answer).await;
    }
    client.login("backend", "secret").await;
    client.subscribe("channel-name").await;
    client.says(unsubscribe, r#"{"unsubscribed":"channel-name"}"#).await;
    client.broadcast("channel-name", 1).await;
    client.hears_nothing().await;
}

#[tokio::test]
async fn broadcast() {
    let bed = Bed::start().await;
    let mut subscriber = bed.user("reader", "r").await;
    subscriber.subscribe("channel-name").await;
    let mut client = bed.client().await;
    let request = r#"{"broadcast":{"event":"event-name","channel":"channel-name","data":{"foo":"bar"}}}"#;
    client.says(request, DENIED).await;
    client.says(r#"{"broadcast":{}}"#, DENIED).await;
    client.says(r#"{"broadcast":true}"#, PAYLOAD).await;
    client.login("reader", "r").await;
    client.says(request, DENIED).await;
    // Writing is enough, and so is not being subscribed.
    client.login("writer", "w").await;
    client.says(request, r#"{"broadcasted":"channel-name"}"#).await;
    subscriber.hears(r#"{"event":"event-name","channel":"channel-name","data":{"foo":"bar"}}"#).await;
    // What is inside is passed on as it was written.
    for inside in [
        r#"{"event":"e","channel":"channel-name"}"#,
        r#"{"event":"","channel":"channel-name","data":null}"#,
        r#"{ "data" : [1.0, 1e400, "\ud83d", true], "extra":{"k":[]}, "channel":"channel-name", "event":"e" }"#,
        r#"{"event":"é","channel":"channel-name","data":"text"}"#,
    ] {
        client.says(&format!(r#"{{"broadcast":{inside}}}"#), r#"{"broadcasted":"channel-name"}"#).await;
        subscriber.hears(inside).await;
    }
    for (request, answer) in [
        (r#"{"broadcast":{"event":"e","channel":"never-heard-of"}}"#, r#"{"err":"INVALID_CHANNEL"}"#),
        (r#"{"broadcast":{"event":"e","channel":""}}"#, r#"{"err":"INVALID_CHANNEL"}"#),
        (r#"{"broadcast":{"event":"e","channel":"Channel-Name"}}"#, r#"{"err":"INVALID_CHANNEL"}"#),
        (r#"{"broadcast":{"event":1,"channel":"never-heard-of"}}"#, PAYLOAD),
        (r#"{"broadcast":{"channel":"channel-name"}}"#, PAYLOAD),
        (r#"{"broadcast":{"event":null,"channel":"channel-name"}}"#, PAYLOAD),
        (r#"{"broadcast":{"event":"e"}}"#, PAYLOAD),
        (r#"{"broadcast":{"event":"e","channel":1}}"#, PAYLOAD),
        (r#"{"broadcast":{}}"#, PAYLOAD),
        (r#"{"broadcast":[]}"#, PAYLOAD),
    ] {
        client.says(request, answer).await;
    }
    subscriber.hears_nothing().await;
}

#[tokio::test]
async fn who_is_subscribed_gets_the_ack_and_then_the_copy() {
    let bed = Bed::start().await;
    let mut client = bed.backend().await;
    client.subscribe("c").await;
    client.subscribe("c").await;
    for n in 0..200 {
        client.broadcast("c", n).await;
        client.hears(&format!(r#"{{"channel":"c","data":{n},"event":"e"}}"#)).await;
    }
    // Each only once, although it was subscribed to twice.
    client.hears_nothing().await;
}

#[tokio::test]
async fn a_channel_stays_when_everybody_has_left() {
    let bed = Bed::start().await;
    let mut client = bed.backend().await;
    client.subscribe("c").await;
    client.says(r#"{"unsubscribe":{"channel":"c"}}"#, r#"{"unsubscribed":"c"}"#).await;
    client.broadcast("c", 1).await;
    client.hears_nothing().await;
}

#[tokio::test]
async fn logout() {
    let bed = Bed::start().await;
    let mut client = bed.client().await;
    for value in ["true", "false", "{}", r#"{"x":1}"#] {
        client.says(&format!(r#"{{"logout":{value}}}"#), r#"{"loggedOut":true}"#).await;
    }
    for value in ["null", "1", "\"true\"", "[]"] {
        client.says(&format!(r#"{{"logout":{value}}}"#), PAYLOAD).await;
    }
    client.login("backend", "secret").await;
    client.subscribe("c").await;
    client.says(r#"{"logout":true}"#, r#"{"loggedOut":true}"#).await;
    client.says(r#"{"subscribe":{"channel":"c"}}"#, DENIED).await;
    bed.backend().await.broadcast("c", 1).await;
    client.hears_nothing().await;
}

#[tokio::test]
async fn disconnect() {
    let bed = Bed::start().await;
    for value in ["true", "false", "{}"] {
        let mut client = bed.client().await;
        client.send(&format!(r#"{{"disconnect":{value}}}"#)).await;
        assert_eq!(client.closed().await, (1000, String::new()), "{value}");
    }
    let mut client = bed.client().await;
    for value in ["null", "1", "\"true\"", "[]"] {
        client.says(&format!(r#"{{"disconnect":{value}}}"#), PAYLOAD).await;
    }
}

#[tokio::test]
async fn what_is_no_message_of_the_protocol() {
    let bed = Bed::start().await;
    let mut client = bed.client().await;
    for text in
        ["", "x", "{", "{}", "[]", "null", "1", r#"{"logout":true,"disconnect":true}"#, r#"{"logout":true}}"#]
    {
        client.says(text, PAYLOAD).await;
    }
    for (text, answer) in [
        (r#"{"ping":{}}"#, r#"{"err":"UNDEFINED_EVENT","event":"ping"}"#),
        (r#"{"SUBSCRIBE":{"channel":"c"}}"#, r#"{"err":"UNDEFINED_EVENT","event":"SUBSCRIBE"}"#),
        (r#"{"\"\n<":true}"#, r#"{"err":"UNDEFINED_EVENT","event":"\"\n<"}"#),
        (r#"{"ping":1}"#, PAYLOAD),
    ] {
        client.says(text, answer).await;
    }
    client.send_message(Message::binary(LOGIN.as_bytes().to_vec())).await;
    client.hears(PAYLOAD).await;
    // The connection has lived through all of it.
    client.says(LOGIN, r#"{"authenticated":"backend"}"#).await;
}

#[tokio::test]
async fn hubs_are_worlds_of_their_own() {
    let bed = Bed::start().await;
    let mut here = bed.backend().await;
    here.subscribe("c").await;
    let mut there = bed.client_at("/other/place").await;
    there.says(LOGIN, r#"{"err":"INVALID_CREDENTIALS"}"#).await;
    there.says(r#"{"authenticate":{"user":"frontend","secret":""}}"#, r#"{"err":"INVALID_USER"}"#).await;
    there.login("backend", "other").await;
    let broadcast = r#"{"broadcast":{"event":"e","channel":"c"}}"#;
    there.says(broadcast, r#"{"err":"INVALID_CHANNEL"}"#).await;
    there.subscribe("c").await;
    there.says(broadcast, r#"{"broadcasted":"c"}"#).await;
    there.hears(r#"{"event":"e","channel":"c"}"#).await;
    here.hears_nothing().await;
}

#[tokio::test]
async fn the_other_dialect() {
    let bed = Bed::with(|setup| setup.rocket.dialect = polysocket_rocket::Dialect::Dev).await;
    let mut client = bed.client().await;
    for (request, answer) in [
        (r#"{"unsubscribe":{"channel":"c"}}"#, DENIED),
        (r#"{"logout":true}"#, DENIED),
        (r#"{"authenticate":{"user":"stranger","secret":""}}"#, r#"{"err":"USER_NOT_FOUND"}"#),
        (r#"{"authenticate":{"secret":""}}"#, r#"{"err":"INVALID_USER_NAME"}"#),
        (r#"{"authenticate":{"user":""}}"#, r#"{"err":"INVALID_USER_NAME"}"#),
        (r#"{"authenticate":{"user":"backend"}}"#, r#"{"err":"INVALID_CREDENTIALS"}"#),
        (r#"{"authenticate":{"user":"frontend"}}"#, r#"{"authenticated":"frontend"}"#),
        (r#"{"subscribe":{}}"#, r#"{"err":"INVALID_CHANNEL_NAME"}"#),
        (r#"{"unsubscribe":{"channel":"c"}}"#, r#"{"err":"CHANNEL_NOT_FOUND"}"#),
        (r#"{"subscribe":{"channel":"c"}}"#, r#"{"subscribed":"c"}"#),
        (r#"{"unsubscribe":{"channel":"c"}}"#, r#"{"unsubscribed":"c"}"#),
        (r#"{"unsubscribe":{"channel":"c"}}"#, r#"{"unsubscribed":"c"}"#),
        (r#"{"broadcast":{"event":"","channel":"c"}}"#, r#"{"err":"INVALID_EVENT_NAME"}"#),
        (r#"{"broadcast":{"event":"e","channel":""}}"#, r#"{"err":"INVALID_CHANNEL_NAME"}"#),
        (r#"{"broadcast":{"event":"e","channel":"d"}}"#, r#"{"err":"CHANNEL_NOT_FOUND"}"#),
        // A wrong secret leaves the session.
        (r#"{"authenticate":{"user":"backend","secret":"x"}}"#, r#"{"err":"INVALID_CREDENTIALS"}"#),
        (r#"{"broadcast":{"event":"e","channel":"c"}}"#, r#"{"broadcasted":"c"}"#),
        (r#"{"ping":true}"#, r#"{"err":"UNDEFINED_EVENT","event":"ping"}"#),
        ("{", PAYLOAD),
        (r#"{"logout":true}"#, r#"{"loggedOut":true}"#),
    ] {
        client.says(request, answer).await;
    }
}

/// What another part of the hub publishes for Rocket's clients is like a broadcast.
#[tokio::test]
async fn what_no_client_has_broadcast() {
    let bed = Bed::start().await;
    let mut client = bed.backend().await;
    client.subscribe("c").await;
    let topic = polysocket_rocket::topic("/echo", "c");
    let payload = polysocket_rocket::broadcast_payload("e", "c", Some("[1]"));
    bed.broker.publish(&topic, polysocket_broker::Kind::Text, payload.into()).await.unwrap();
    client.hears(r#"{"event":"e","channel":"c","data":[1]}"#).await;
}
