//! Direct messages, which the original never built.

use crate::bed::Bed;

const LOGIN: &str = r#"{"authenticate":{"user":"backend","secret":"secret","token":true}}"#;

fn direct(client: &str) -> String {
    format!(r#"{{"direct":{{"event":"event-name","client":"{client}","data":{{"foo":"bar"}}}}}}"#)
}

#[tokio::test]
async fn from_one_to_another_and_back() {
    let bed = Bed::start().await;
    let (mut anna, mut otto, mut other) = (bed.client().await, bed.backend().await, bed.backend().await);
    let answer = anna.ask_json(LOGIN).await;
    let token = answer["token"].as_str().unwrap().to_owned();
    assert_eq!(answer, serde_json::json!({"authenticated": "backend", "token": token}));
    assert_eq!(token.len(), 40);
    assert!(token.bytes().all(|byte| b"0123456789abcdef".contains(&byte)), "{token}");
    // The same connection, the same token.
    assert_eq!(anna.ask_json(LOGIN).await["token"], token);

    otto.says(&direct(&token), &format!(r#"{{"directSent":"{token}"}}"#)).await;
    let message = anna.json().await;
    let from = message["from"].as_str().unwrap().to_owned();
    assert_eq!(message, serde_json::json!({"event":"event-name","data":{"foo":"bar"},"from":from}));
    assert_ne!(from, token);
    // Who has written can be answered, without having asked for a token.
    anna.says(&direct(&from), &format!(r#"{{"directSent":"{from}"}}"#)).await;
    otto.hears(&format!(r#"{{"event":"event-name","data":{{"foo":"bar"}},"from":"{token}"}}"#)).await;
    // To oneself: the ack, then the message. Data may be left out.
    let to_itself = format!(r#"{{"direct":{{"client":"{token}","event":""}}}}"#);
    anna.says(&to_itself, &format!(r#"{{"directSent":"{token}"}}"#)).await;
    anna.hears(&format!(r#"{{"event":"","from":"{token}"}}"#)).await;
    other.hears_nothing().await;
}

#[tokio::test]
async fn errors() {
    let bed = Bed::start().await;
    let mut anna = bed.client().await;
    let token = anna.ask_json(LOGIN).await["token"].as_str().unwrap().to_owned();
    let mut client = bed.client().await;
    client.says(&direct(&token), r#"{"err":"ACCESS_DENIED"}"#).await;
    client.login("reader", "r").await;
    client.says(&direct(&token), r#"{"err":"ACCESS_DENIED"}"#).await;
    client.login("writer", "w").await;
    let payload = r#"{"err":"INVALID_PAYLOAD"}"#;
    for (request, answer) in [
        (r#"{"direct":true}"#.to_owned(), payload),
        (r#"{"direct":{}}"#.to_owned(), payload),
        (format!(r#"{{"direct":{{"client":"{token}"}}}}"#), payload),
        (format!(r#"{{"direct":{{"client":"{token}","event":1}}}}"#), payload),
        (r#"{"direct":{"event":"e"}}"#.to_owned(), payload),
        (r#"{"direct":{"event":"e","client":7}}"#.to_owned(), payload),
        (direct(""), r#"{"err":"INVALID_CLIENT"}"#),
        (direct("anna"), r#"{"err":"INVALID_CLIENT"}"#),
        (direct(&"0".repeat(40)), r#"{"err":"INVALID_CLIENT"}"#),
        (direct(&token.to_uppercase().replace(char::is_numeric, "A")), r#"{"err":"INVALID_CLIENT"}"#),
    ] {
        client.says(&request, answer).await;
    }
    anna.hears_nothing().await;
    // Tokens are of one hub.
    let mut stranger = bed.client_at("/other/").await;
    stranger.login("backend", "other").await;
    stranger.says(&direct(&token), r#"{"err":"INVALID_CLIENT"}"#).await;
}

#[tokio::test]
async fn an_address_ends_with_the_session_and_with_the_connection() {
    let bed = Bed::start().await;
    let (mut anna, mut otto) = (bed.client().await, bed.backend().await);
    let first = anna.ask_json(LOGIN).await["token"].as_str().unwrap().to_owned();
    anna.says(r#"{"logout":true}"#, r#"{"loggedOut":true}"#).await;
    otto.says(&direct(&first), r#"{"err":"INVALID_CLIENT"}"#).await;
    let second = anna.ask_json(LOGIN).await["token"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    otto.says(&direct(&second), &format!(r#"{{"directSent":"{second}"}}"#)).await;
    anna.json().await;
    anna.send(r#"{"disconnect":true}"#).await;
    anna.closed().await;
    drop(anna);
    bed.metric_becomes("polysocket_socket_connections", 1.0).await;
    otto.says(&direct(&second), r#"{"err":"INVALID_CLIENT"}"#).await;
}

/// Nobody subscribes to it again, so it is not followed for some time yet as a channel is.
#[tokio::test]
async fn a_closed_inbox_is_given_up_at_once() {
    let bed = Bed::with(|setup| setup.broker.topics_max = 2).await;
    let mut client = bed.backend().await;
    client.subscribe("c").await;
    client.says(r#"{"unsubscribe":{"channel":"c"}}"#, r#"{"unsubscribed":"c"}"#).await;
    for _ in 0..10 {
        assert_eq!(client.ask_json(LOGIN).await["authenticated"], "backend");
        client.says(r#"{"logout":true}"#, r#"{"loggedOut":true}"#).await;
    }
    // None of them took the place of the channel.
    client.login("backend", "secret").await;
    client.broadcast("c", 1).await;
}

#[tokio::test]
async fn inboxes_cannot_be_subscribed_to() {
    let bed = Bed::start().await;
    let (mut anna, mut spy) = (bed.client().await, bed.backend().await);
    let token = anna.ask_json(LOGIN).await["token"].as_str().unwrap().to_owned();
    spy.subscribe(&token).await;
    let mut otto = bed.backend().await;
    otto.says(&direct(&token), &format!(r#"{{"directSent":"{token}"}}"#)).await;
    anna.json().await;
    spy.hears_nothing().await;
}
