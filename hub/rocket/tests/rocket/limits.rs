//! Every limit has a name, and says it.

use serde_json::json;

use crate::bed::{Bed, Client, user};

async fn subscribe(client: &mut Client, channel: &str) -> String {
    client.ask(&json!({"subscribe": {"channel": channel}}).to_string()).await
}

#[tokio::test]
async fn names_of_channels() {
    let bed =
        Bed::with(|setup| setup.rocket.channel_name_bytes_max = polysocket_config::Size::bytes(8)).await;
    let mut client = bed.backend().await;
    let refused = r#"{"err":"LIMIT_EXCEEDED","limit":"channel_name_bytes_max","max":8}"#;
    assert_eq!(subscribe(&mut client, "123456789").await, refused);
    // Bytes, not characters.
    assert_eq!(subscribe(&mut client, "üüüüü").await, refused);
    assert_eq!(subscribe(&mut client, "üüüü").await, r#"{"subscribed":"üüüü"}"#);
    // One that cannot exist does not.
    let broadcast = r#"{"broadcast":{"event":"e","channel":"123456789"}}"#;
    client.says(broadcast, r#"{"err":"INVALID_CHANNEL"}"#).await;
    client.says(r#"{"unsubscribe":{"channel":"123456789"}}"#, r#"{"unsubscribed":"123456789"}"#).await;
}

#[tokio::test]
async fn channels_of_one_connection() {
    let bed = Bed::with(|setup| setup.rocket.channels_per_connection_max = 3).await;
    let mut client = bed.backend().await;
    for channel in ["a", "b", "c", "c"] {
        client.subscribe(channel).await;
    }
    let refused = r#"{"err":"LIMIT_EXCEEDED","limit":"channels_per_connection_max","max":3}"#;
    assert_eq!(subscribe(&mut client, "d").await, refused);
    client.says(r#"{"unsubscribe":{"channel":"a"}}"#, r#"{"unsubscribed":"a"}"#).await;
    client.subscribe("d").await;
    bed.backend().await.subscribe("e").await;
}

/// 100,000 channels by one user: it is stopped at the burst, others are not, and channels that are there stay usable.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn creations_by_one_user() {
    const TRIED: usize = 100_000;
    const AT_ONCE: usize = 200;
    let bed = Bed::with(|setup| {
        setup.socket.messages_per_second = 0;
        setup.rocket.creations_per_user_per_second_max = 0.0;
        // Not what shall stop it here.
        setup.rocket.channels_per_connection_max = TRIED;
        setup.rocket.hubs[0].users.push(user("other", "o", 3));
    })
    .await;
    let mut client = bed.backend().await;
    let refused = r#"{"err":"LIMIT_EXCEEDED","limit":"creations_per_user_burst_max","max":10000}"#;
    let (mut created, mut stopped) = (0, 0);
    for start in (0..TRIED).step_by(AT_ONCE) {
        let requests =
            (start..start + AT_ONCE).map(|n| format!(r#"{{"subscribe":{{"channel":"flood-{n}"}}}}"#));
        client.send_all(requests).await;
        for _ in 0..AT_ONCE {
            let answer = client.text().await;
            created += usize::from(answer.starts_with(r#"{"subscribed""#));
            stopped += usize::from(answer == refused);
        }
    }
    assert_eq!((created, stopped), (10_000, 90_000));
    // Another connection of the same user is stopped, too; another user is not.
    let mut second = bed.backend().await;
    assert_eq!(subscribe(&mut second, "mine").await, refused);
    assert_eq!(subscribe(&mut second, "flood-7").await, r#"{"subscribed":"flood-7"}"#);
    bed.user("other", "o").await.subscribe("mine").await;
    second.subscribe("mine").await;
}

#[tokio::test]
async fn creations_come_back_with_time() {
    let bed = Bed::with(|setup| {
        setup.rocket.creations_per_user_burst_max = 1;
        setup.rocket.creations_per_user_per_second_max = 20.0;
    })
    .await;
    let mut client = bed.backend().await;
    client.subscribe("a").await;
    let mut refused = 0;
    while subscribe(&mut client, "b").await != r#"{"subscribed":"b"}"# {
        refused += 1;
        assert!(refused < 10_000);
    }
    assert!(refused > 0);
}

/// An inbox is a creation like a channel, whether it is asked for or needed for an answer.
#[tokio::test]
async fn inboxes_by_one_user() {
    let bed = Bed::with(|setup| {
        setup.rocket.creations_per_user_burst_max = 3;
        setup.rocket.creations_per_user_per_second_max = 0.0;
        setup.rocket.hubs[0].users.push(user("other", "o", 3));
    })
    .await;
    let login = r#"{"authenticate":{"user":"backend","secret":"secret","token":true}}"#;
    let refused = r#"{"err":"LIMIT_EXCEEDED","limit":"creations_per_user_burst_max","max":3}"#;
    let mut client = bed.client().await;
    // The first of a connection is free.
    for _ in 0..4 {
        assert_eq!(client.ask_json(login).await["authenticated"], "backend");
        // The same connection has the same.
        assert_eq!(client.ask_json(login).await["authenticated"], "backend");
        client.says(r#"{"logout":true}"#, r#"{"loggedOut":true}"#).await;
    }
    client.says(login, refused).await;
    client.login("backend", "secret").await;
    assert_eq!(subscribe(&mut client, "c").await, refused);
    // Another user may; and who cannot be answered cannot write.
    let other = r#"{"authenticate":{"user":"other","secret":"o","token":true}}"#;
    let mut reached = bed.client().await;
    let token = reached.ask_json(other).await["token"].clone();
    client.says(&json!({"direct": {"event": "e", "client": token}}).to_string(), refused).await;
    reached.hears_nothing().await;
}

#[tokio::test]
async fn refused_logins() {
    let bed = Bed::with(|setup| setup.rocket.logins_refused_max = 3).await;
    let mut client = bed.client().await;
    let wrong = r#"{"authenticate":{"user":"backend","secret":"x"}}"#;
    for _ in 0..4 {
        client.says(wrong, r#"{"err":"INVALID_CREDENTIALS"}"#).await;
    }
    assert_eq!(client.closed().await, (1008, "too many refused logins".into()));
}

#[tokio::test]
async fn messages_the_broker_does_not_take() {
    let bed = Bed::with(|setup| setup.broker.message_bytes_max = polysocket_config::Size::kib(1)).await;
    let mut client = bed.backend().await;
    client.subscribe("c").await;
    let big = json!({"broadcast": {"event": "e", "channel": "c", "data": "x".repeat(1024)}}).to_string();
    client.says(&big, r#"{"err":"LIMIT_EXCEEDED","limit":"message_bytes_max","max":1024}"#).await;
    client.broadcast("c", 1).await;
}

#[tokio::test]
async fn a_drain_says_goodbye() {
    let bed = Bed::start().await;
    let mut client = bed.backend().await;
    client.subscribe("c").await;
    bed.life.drain();
    assert_eq!(client.closed().await.0, 1001);
    assert_eq!(Client::try_connect(&format!("ws://{}/echo", bed.address), None).await.err(), Some(503));
}
