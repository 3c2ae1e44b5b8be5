//! Two nodes over one Redis.

use std::time::Duration;

use polysocket_tests::patience::eventually;
use polysocket_tests::redis_server::RedisServer;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::bed::Bed;

async fn two(redis: &RedisServer) -> (Bed, Bed) {
    let url = redis.url();
    let start = || Bed::with(|setup| setup.broker.url.clone_from(&url));
    (start().await, start().await)
}

#[tokio::test]
async fn a_channel_is_one_on_all_nodes() {
    let redis = RedisServer::start().await.unwrap();
    let (here, there) = two(&redis).await;
    let (mut anna, mut otto) = (here.backend().await, there.backend().await);
    anna.subscribe("c").await;
    // It exists there, too, though nobody has subscribed there.
    otto.broadcast("c", 1).await;
    anna.hears(r#"{"channel":"c","data":1,"event":"e"}"#).await;
    otto.subscribe("c").await;
    for n in 2..100 {
        let (from, to) = if n % 2 == 0 { (&mut anna, &mut otto) } else { (&mut otto, &mut anna) };
        from.broadcast("c", n).await;
        let copy = format!(r#"{{"channel":"c","data":{n},"event":"e"}}"#);
        from.hears(&copy).await;
        to.hears(&copy).await;
    }
}

#[tokio::test]
async fn direct_messages_reach_other_nodes() {
    let redis = RedisServer::start().await.unwrap();
    let (here, there) = two(&redis).await;
    let (mut anna, mut otto) = (here.client().await, there.backend().await);
    let login = r#"{"authenticate":{"user":"backend","secret":"secret","token":true}}"#;
    let token = anna.ask_json(login).await["token"].as_str().unwrap().to_owned();
    let direct = format!(r#"{{"direct":{{"event":"e","client":"{token}"}}}}"#);
    otto.says(&direct, &format!(r#"{{"directSent":"{token}"}}"#)).await;
    let from = anna.json().await["from"].as_str().unwrap().to_owned();
    let back = format!(r#"{{"direct":{{"event":"back","client":"{from}"}}}}"#);
    anna.says(&back, &format!(r#"{{"directSent":"{from}"}}"#)).await;
    otto.hears(&format!(r#"{{"event":"back","from":"{token}"}}"#)).await;
    drop(anna);
    here.metric_becomes("polysocket_socket_connections", 0.0).await;
    // It is gone when the other node's conversation has ended, which is a moment after its connection has.
    let gone = r#"{"err":"INVALID_CLIENT"}"#;
    eventually("the client is unknown", async || otto.ask(&direct).await == gone).await;
}

/// Redis' answer to a command that is answered with a number.
async fn number(redis: &RedisServer, command: &str) -> i64 {
    let mut stream = BufReader::new(TcpStream::connect(("127.0.0.1", redis.port())).await.unwrap());
    stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_line(&mut answer).await.unwrap();
    answer.trim().strip_prefix(':').unwrap_or_else(|| panic!("{command}: {answer}")).parse().unwrap()
}

/// Connections come and go, and each has an inbox with a name that never comes again.
#[tokio::test]
async fn a_closed_inbox_leaves_little_in_redis() {
    let redis = RedisServer::start().await.unwrap();
    let (here, there) = two(&redis).await;
    let (mut anna, mut otto) = (here.client().await, there.backend().await);
    let login = r#"{"authenticate":{"user":"backend","secret":"secret","token":true}}"#;
    let token = anna.ask_json(login).await["token"].as_str().unwrap().to_owned();
    let direct = format!(r#"{{"direct":{{"event":"e","client":"{token}"}}}}"#);
    let sent = format!(r#"{{"directSent":"{token}"}}"#);
    otto.says(&direct, &sent).await;
    assert_eq!(anna.json().await["event"], "e");
    anna.says(r#"{"logout":true}"#, r#"{"loggedOut":true}"#).await;
    let key = |name: &str| format!("polysocket:hub:{{rocket-direct:/echo|{token}}}:{name}");
    let short = Duration::from_secs(2 * 60).as_millis().try_into().unwrap();
    assert!((1..short).contains(&number(&redis, &format!("PTTL {}", key("meta"))).await));
    // The other node still believes in it for moments; what comes late is not kept, nor does it keep the mark.
    let late = otto.ask(&direct).await;
    assert!(late == sent || late.contains("INVALID_CLIENT"), "{late}");
    assert!((1..short).contains(&number(&redis, &format!("PTTL {}", key("meta"))).await));
    assert_eq!(number(&redis, &format!("EXISTS {}", key("log"))).await, 0);
}

#[tokio::test]
async fn what_was_missed_can_be_had_from_another_node() {
    let redis = RedisServer::start().await.unwrap();
    let (here, there) = two(&redis).await;
    let mut anna = here.user("reader", "r").await;
    let begun = anna.ask_json(r#"{"subscribe":{"channel":"c","since":null}}"#).await;
    drop(anna);
    let mut otto = here.backend().await;
    for n in 1..=3 {
        otto.broadcast("c", n).await;
    }
    let mut anna = there.user("reader", "r").await;
    let since = json!({"epoch": begun["epoch"], "offset": begun["offset"]});
    let again = anna.ask_json(&json!({"subscribe": {"channel": "c", "since": since}}).to_string()).await;
    assert_eq!((&again["recovered"], &again["offset"]), (&json!(true), &json!(3)));
    for n in 1..=3 {
        anna.hears(&format!(r#"{{"channel":"c","data":{n},"event":"e","offset":{n}}}"#)).await;
    }
}

/// Redis is gone: who asks is told so, and connections live. It comes back empty: who was subscribed hears again, and
/// who counts is told that the count is another.
#[tokio::test]
async fn without_redis_and_with_it_again() {
    let mut redis = RedisServer::start().await.unwrap();
    let (here, there) = two(&redis).await;
    let (mut anna, mut otto) = (here.backend().await, there.user("reader", "r").await);
    anna.subscribe("c").await;
    let begun = otto.ask_json(r#"{"subscribe":{"channel":"c","since":null}}"#).await;
    anna.broadcast("c", 1).await;
    anna.text().await;
    otto.hears(r#"{"channel":"c","data":1,"event":"e","offset":1}"#).await;
    redis.kill().await.unwrap();
    let broadcast = r#"{"broadcast":{"event":"e","channel":"c","data":2}}"#;
    anna.says(broadcast, r#"{"err":"UNAVAILABLE"}"#).await;
    anna.says(r#"{"unsubscribe":{"channel":"d"}}"#, r#"{"unsubscribed":"d"}"#).await;
    redis.restart().await.unwrap();
    let again = async { while anna.ask(broadcast).await != r#"{"broadcasted":"c"}"# {} };
    tokio::time::timeout(crate::bed::SOON, again).await.unwrap();
    anna.hears(r#"{"event":"e","channel":"c","data":2}"#).await;
    // First that something may have been lost, then the message.
    let mut heard = Vec::new();
    while heard.last().is_none_or(|frame: &Value| frame.get("event").is_none()) {
        heard.push(otto.json().await);
    }
    assert!(heard.len() > 1, "{heard:?}");
    assert!(
        heard[..heard.len() - 1].iter().all(|frame| frame["gap"] == "c" && frame["recovered"] == false),
        "{heard:?}"
    );
    assert_ne!(heard[heard.len() - 2]["epoch"], begun["epoch"]);
    assert_eq!(heard.last().unwrap()["data"], 2);
}
