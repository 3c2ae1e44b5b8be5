//! What another program sees on Redis: `fred`, a client that shares no code with ours, reads what we wrote, and plays
//! a relay by the letter of the messages.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{PATIENCE, config, lease, next_establish, opened, request, socket_lease};
use fred::clients::Client;
use fred::interfaces::{
    ClientLike, EventInterface, HashesInterface, KeysInterface, PubsubInterface, SortedSetsInterface,
};
use fred::types::config::Config;
use fred::types::{Builder, CustomCommand, Message};
use polysocket_registry::{Admission, Claim, NodeLease, Outcome, Registry, RegistryConfig, Verdict, open};
use polysocket_tests::patience::eventually;
use polysocket_tests::redis_server::RedisServer;
use serde_json::{Value, json};
use tokio::sync::broadcast;
use tokio::time::timeout;

struct Oracle {
    client: Client,
    server: RedisServer,
    registry: Arc<dyn Registry>,
    config: RegistryConfig,
}

impl Oracle {
    async fn new() -> Self {
        let server = RedisServer::start().await.unwrap();
        let config = RegistryConfig {
            lease_time: polysocket_config::Span::seconds(30),
            socket_lease_time: polysocket_config::Span::seconds(60),
            ..config(&server)
        };
        let registry = open(&config).await.unwrap();
        let client = Builder::from_config(Config::from_url(&server.url()).unwrap()).build().unwrap();
        client.init().await.unwrap();
        Self { client, server, registry, config }
    }

    async fn subscribed(&self, channel: &str) -> (Client, broadcast::Receiver<Message>) {
        let subscriber = Builder::from_config(Config::from_url(&self.server.url()).unwrap()).build().unwrap();
        subscriber.init().await.unwrap();
        let messages = subscriber.message_rx();
        subscriber.subscribe(channel).await.unwrap();
        (subscriber, messages)
    }

    async fn command<T: fred::types::FromValue>(&self, words: &[&str]) -> T {
        let command = CustomCommand::new(words[0].to_owned(), None::<u16>, false);
        let arguments: Vec<String> = words[1..].iter().map(ToString::to_string).collect();
        self.client.custom(command, arguments).await.unwrap()
    }

    async fn now_ms(&self) -> f64 {
        let time: Vec<f64> = self.command(&["TIME"]).await;
        time[0] * 1000.0 + (time[1] / 1000.0).floor()
    }

    /// Checks that a time lies so far ahead, give or take what has passed since.
    async fn ends_in(&self, ends: f64, span: Duration) {
        let left = ends - self.now_ms().await;
        let span = span.as_secs_f64() * 1000.0;
        assert!(left <= span && left > span - 10_000.0, "{left} ms left of {span}");
    }

    async fn lives(&self, key: &str, span: Duration) {
        let left: i64 = self.client.pttl(key).await.unwrap();
        let span = i64::try_from(span.as_millis()).unwrap();
        assert!(left <= span && left > span - 10_000, "{key}: {left} ms left of {span}");
    }
}

async fn json(messages: &mut broadcast::Receiver<Message>) -> Value {
    let message = timeout(PATIENCE, messages.recv()).await.expect("a message").unwrap();
    serde_json::from_str(&message.value.convert::<String>().unwrap()).unwrap()
}

#[tokio::test]
async fn leases_of_nodes() {
    let oracle = Oracle::new().await;
    let tom = lease("tom", 7);
    oracle.registry.announce(&tom).await.unwrap();
    let written: String = oracle.client.hget("polysocket:{nodes}:leases", "tom").await.unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(&written).unwrap(),
        json!({
            "node": "tom", "boot": 7, "address": "tom.example.com:8443/relay", "label_hosts": true,
            "internal_url": "http://10.0.0.7:8081", "sessions": 17, "capacity": 50_000, "cpu_permille": 250,
            "buffered_bytes": 1_099_511_627_776_u64, "draining": false, "version": "0.1.0", "renewals": 3, "opened": 40,
        })
    );
    let boot: String = oracle.client.hget("polysocket:{nodes}:boots", "tom").await.unwrap();
    assert_eq!(boot, "00000000000000000007");
    let ends: f64 = oracle.client.zscore("polysocket:{nodes}:expiries", "tom").await.unwrap();
    let lease_time = oracle.config.lease_time.as_duration();
    oracle.ends_in(ends, lease_time).await;
    for key in ["leases", "boots", "expiries"] {
        oracle.lives(&format!("polysocket:{{nodes}}:{key}"), lease_time).await;
    }

    // A node of another release: fields we do not know, and one we cannot read, which hides nobody.
    let mut other = serde_json::to_value(NodeLease { node: "anna".to_owned(), ..tom.clone() }).unwrap();
    other["since_1_9"] = json!({"a": 1});
    for (node, text) in [("anna", other.to_string()), ("zoe", "{}".to_owned())] {
        let () = oracle.client.hset("polysocket:{nodes}:leases", (node, text)).await.unwrap();
        let () = oracle
            .client
            .zadd("polysocket:{nodes}:expiries", None, None, false, false, (ends, node))
            .await
            .unwrap();
    }
    let names: Vec<String> =
        oracle.registry.nodes().await.unwrap().into_iter().map(|lease| lease.node).collect();
    assert_eq!(names, ["anna", "tom"]);

    oracle.registry.withdraw("tom", 7).await.unwrap();
    let left: Option<String> = oracle.client.hget("polysocket:{nodes}:leases", "tom").await.unwrap();
    assert_eq!(left, None);
    let left: Option<f64> = oracle.client.zscore("polysocket:{nodes}:expiries", "tom").await.unwrap();
    assert_eq!(left, None);
}

#[tokio::test]
async fn what_tokens_have_and_claims() {
    let oracle = Oracle::new().await;
    let admission = Admission {
        lease: socket_lease("ac{me}", "l1"),
        sockets_max: Some(5),
        creates_per_second: Some(0.1),
    };
    assert_eq!(oracle.registry.admit(&admission).await.unwrap(), Verdict::Admitted);
    let sockets = "polysocket:{ac%7Bme%7D}:sockets";
    let ends: f64 = oracle.client.zscore(sockets, "l1").await.unwrap();
    oracle.ends_in(ends, oracle.config.socket_lease_time.as_duration()).await;
    oracle.lives(sockets, oracle.config.socket_lease_time.as_duration()).await;
    // One each 10 s: the next is due in 10 s, and then nothing need be remembered.
    let creates = "polysocket:{ac%7Bme%7D}:creates";
    let due_us: String = oracle.client.get(creates).await.unwrap();
    assert!(due_us.bytes().all(|b| b.is_ascii_digit()), "{due_us} keeps every digit");
    oracle.ends_in(due_us.parse::<f64>().unwrap() / 1000.0, Duration::from_millis(10_001)).await;
    oracle.lives(creates, Duration::from_millis(10_001)).await;

    // A clock that was set back, or a primary that lags: the wait has a bound.
    let far = (oracle.now_ms().await + 3.6e6) * 1000.0;
    let () = oracle.command(&["SET", creates, &format!("{far:.0}")]).await;
    let second = Admission { lease: socket_lease("ac{me}", "l2"), ..admission };
    let verdict = oracle.registry.admit(&second).await.unwrap();
    assert!(matches!(verdict, Verdict::TooManyCreates { retry_after_ms: 9_000..=10_000 }), "{verdict:?}");

    let claim = Claim { node: "tom".to_owned(), boot: u64::MAX, request_id: "r1".to_owned() };
    oracle.registry.claim("nonce-0123456789", &claim, Duration::from_secs(20)).await.unwrap();
    let key = "polysocket:{nonce-0123456789}:claim";
    let fields: Vec<String> = oracle.client.hmget(key, vec!["node", "boot", "request_id"]).await.unwrap();
    assert_eq!(fields, ["tom", "18446744073709551615", "r1"]);
    oracle.lives(key, Duration::from_secs(20)).await;

    oracle.registry.announce(&lease("tom", 1)).await.unwrap();
    oracle.registry.renew(&[socket_lease("other", "1")]).await.unwrap();
    let keys: Vec<String> = oracle.command(&["KEYS", "*"]).await;
    assert_eq!(keys.len(), 7, "{keys:?}");
    for key in keys {
        assert!(key.starts_with("polysocket:"), "{key}");
        if key != creates {
            assert!(oracle.client.pttl::<i64, _>(&key).await.unwrap() > 0, "{key} ends by itself");
        }
    }
}

#[tokio::test]
async fn asks_by_the_letter() {
    let oracle = Oracle::new().await;
    let (_relay, mut messages) = oracle.subscribed("polysocket:{tom}:7:asks").await;
    let registry = oracle.registry.clone();
    let ask =
        tokio::spawn(async move { registry.ask("tom", 7, &request("r1"), Duration::from_secs(8)).await });
    let establish = json(&mut messages).await;
    let reply_to = establish["reply_to"].as_str().unwrap().to_owned();
    assert!(reply_to.starts_with("polysocket:{") && reply_to.ends_with("}:replies"), "{reply_to}");
    assert_eq!(
        establish,
        json!({
            "type": "establish", "reply_to": reply_to, "ask": 0,
            "establish": {
                "request_id": "r1", "target": "wss://chat.example.com/room?name=\"ü\u{1f}\u{2028}",
                "protocols": ["chat.v2", "chat"], "origin": "https://page.example.com", "page_origin": null,
                "hold": false,
                "socket_lease": {"holder": "acme", "id": "r1"},
                "bytes_per_second_max": 1_048_576, "holder": "anna", "budget_ms": 4500,
            },
        })
    );
    let reply = |ask: u64, socket: &str| {
        json!({"ask": ask, "outcome": {
            "type": "opened", "socket": socket, "label": "x7", "protocol": "chat", "extensions": "", "serial": 7, "new": 1,
        }})
        .to_string()
    };
    // Answers to nobody, something else altogether, the answer, and the answer again.
    for text in [&reply(99, "other"), "no JSON", r#"{"ask":0}"#, &reply(0, "s1"), &reply(0, "s2")] {
        let received: i64 = oracle.client.publish(&reply_to, text).await.unwrap();
        assert_eq!(received, 1);
    }
    assert_eq!(ask.await.unwrap().unwrap(), opened("s1"));
    eventually("what could not be read is counted", async || oracle.registry.stats().messages_ignored == 2)
        .await;

    // A refusal.
    let registry = oracle.registry.clone();
    let ask =
        tokio::spawn(async move { registry.ask("tom", 7, &request("r2"), Duration::from_secs(8)).await });
    assert_eq!(json(&mut messages).await["ask"], 1);
    let refusal = json!({"ask": 1, "outcome": {"type": "failed", "word": "timeout", "detail": "5 s"}});
    let _: i64 = oracle.client.publish(&reply_to, refusal.to_string()).await.unwrap();
    let failed = Outcome::Failed { word: "timeout".to_owned(), detail: "5 s".to_owned() };
    assert_eq!(ask.await.unwrap().unwrap(), failed);

    // And a cancel.
    let _ = oracle.registry.ask("tom", 7, &request("r3"), Duration::from_millis(200)).await;
    assert_eq!(json(&mut messages).await["establish"]["budget_ms"], 200);
    let cancel = json!({"type": "cancel", "reply_to": reply_to, "ask": 2, "request_id": "r3"});
    assert_eq!(json(&mut messages).await, cancel);
}

#[tokio::test]
async fn a_router_by_the_letter() {
    let oracle = Oracle::new().await;
    let mut asks = oracle.registry.serve("tom", 7).await.unwrap();
    let replies = "polysocket:{0123}:replies";
    let (_router, mut messages) = oracle.subscribed(replies).await;
    let channel = "polysocket:{tom}:7:asks";
    // The least a router may say, and what it may not: a channel of somebody else.
    let least = |reply_to: &str| {
        json!({"type": "establish", "reply_to": reply_to, "ask": 5, "establish": {
            "request_id": "r1", "target": "ws://example.com/", "budget_ms": 5000,
        }})
        .to_string()
    };
    for text in ["[]".to_owned(), least("polysocket:{anna}:1:asks"), "x".repeat(300 * 1024), least(replies)] {
        let received: i64 = oracle.client.publish(channel, text).await.unwrap();
        assert_eq!(received, 1);
    }
    let (establish, replier) = next_establish(&mut asks).await;
    assert_eq!((&*establish.request_id, establish.hold, establish.origin), ("r1", false, None));
    assert_eq!(oracle.registry.stats().messages_ignored, 3);
    assert!(replier.reply(opened("s1")).await);
    let outcome = json!({"type": "opened", "socket": "s1", "label": "x7", "protocol": "chat", "extensions": "", "serial": 7});
    assert_eq!(json(&mut messages).await, json!({"ask": 5, "outcome": outcome}));
}

#[tokio::test]
async fn an_answer_is_sent_until_somebody_hears_it() {
    let oracle = Oracle::new().await;
    let mut asks = oracle.registry.serve("tom", 7).await.unwrap();
    let replies = "polysocket:{0123}:replies";
    // The router's subscription is not back yet after an interruption.
    let establish = json!({"type": "establish", "reply_to": replies, "ask": 5, "establish": {
        "request_id": "r1", "target": "ws://example.com/", "budget_ms": 30_000,
    }});
    let _: i64 = oracle.client.publish("polysocket:{tom}:7:asks", establish.to_string()).await.unwrap();
    let (_, replier) = next_establish(&mut asks).await;
    let reply = tokio::spawn(replier.reply(opened("s1")));
    eventually("it was sent to nobody, and again", async || {
        let info: String = oracle.command(&["INFO", "commandstats"]).await;
        let calls = info.split("cmdstat_publish:calls=").nth(1).and_then(|rest| rest.split(',').next());
        // One is the establish message.
        calls.is_some_and(|calls| calls.parse::<u32>().unwrap() >= 3)
    })
    .await;
    assert!(!reply.is_finished());
    let (_router, mut messages) = oracle.subscribed(replies).await;
    assert_eq!(json(&mut messages).await["ask"], 5);
    assert!(reply.await.unwrap());
}
