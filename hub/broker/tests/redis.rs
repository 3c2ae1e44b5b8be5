//! What can go wrong with Redis: killed, restarted with and without its data, frozen, absent, failed over, resharded.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use common::ask::Ask;
use common::recorder::{Heard, Recorder, listen, listen_as, listen_since};
use common::redis_cluster::Cluster;
use common::redis_sentinel::Sentinel;
use common::rig::Rig;
use common::way::Way;
use common::{config, open, publish, topic};
use polysocket_broker::{BrokerConfig, Kind, Position, PresenceChange, SubscribeOptions};
use polysocket_config::Span;
use polysocket_tests::patience::eventually;
use polysocket_tests::redis_server::RedisServer;
use tokio::time::Instant;

/// Enough history for any outage here.
fn long(url: &str) -> BrokerConfig {
    BrokerConfig { history_count: 10_000, ..config(url) }
}

const ALWAYS: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];
const EVERY_SECOND: &[&str] = &["--appendonly", "yes", "--appendfsync", "everysec"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_restarted_with_all_its_data() {
    let mut server = RedisServer::with(ALWAYS).await.unwrap();
    let mut rig = Rig::start(&long(&server.url()), "always").await;
    for _ in 0..2 {
        server.kill().await.unwrap();
        server.run().await.unwrap();
        rig.until_well().await;
    }
    let confirmed = rig.finish().await;
    rig.assert_nothing_is_lost(&confirmed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_restarted_with_most_of_its_data() {
    let mut server = RedisServer::with(EVERY_SECOND).await.unwrap();
    let mut rig = Rig::start(&long(&server.url()), "everysec").await;
    server.kill().await.unwrap();
    server.run().await.unwrap();
    rig.until_well().await;
    let confirmed = rig.finish().await;
    rig.assert_nothing_is_lost_untold(&confirmed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_restarted_without_its_data() {
    let mut server = RedisServer::start().await.unwrap();
    let mut rig = Rig::start(&long(&server.url()), "wiped").await;
    server.kill().await.unwrap();
    server.run().await.unwrap();
    rig.until_well().await;
    let confirmed = rig.finish().await;
    rig.assert_nothing_is_lost_untold(&confirmed);
    assert!(rig.one.gaps() > 0 && rig.two.gaps() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frozen_for_some_time() {
    let server = RedisServer::start().await.unwrap();
    let mut rig = Rig::start(&long(&server.url()), "frozen").await;
    rig.until_connected(true).await;
    server.freeze().await.unwrap();
    rig.until_connected(false).await;
    server.thaw().await.unwrap();
    rig.until_well().await;
    let confirmed = rig.finish().await;
    rig.assert_nothing_is_lost(&confirmed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_are_caught_up() {
    let server = RedisServer::start().await.unwrap();
    let mut rig = Rig::start(&long(&server.url()), "cut").await;
    for _ in 0..5 {
        for kind in ["pubsub", "normal"] {
            let _: u64 = server.ask(&["CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes"]).await;
        }
        rig.until_well().await;
    }
    let confirmed = rig.finish().await;
    rig.assert_nothing_is_lost(&confirmed);
}

/// What a node misses while the way to Redis is cut, for it alone.
async fn misses(history_count: usize) -> Arc<Recorder> {
    let server = RedisServer::start().await.unwrap();
    let way = Way::to(server.port()).await;
    let config = BrokerConfig { history_count, ..config(&server.url()) };
    let a = open(&config).await;
    let b = open(&BrokerConfig { url: way.url(), ..config }).await;
    let t = topic("cut off");
    let (listener, _held) = listen(&b, &t).await;
    publish(&a, &t, "1").await;
    listener.until_text("1").await;
    way.cut(true);
    for n in 2..=40 {
        publish(&a, &t, &n.to_string()).await;
    }
    way.cut(false);
    listener.until_text("40").await;
    listener.assert_in_order();
    listener
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_is_caught_up() {
    let listener = misses(100).await;
    assert_eq!(listener.gaps(), 0);
    assert_eq!(listener.texts(), (1..=40).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_missed_than_is_kept_is_told() {
    let listener = misses(10).await;
    assert_eq!(listener.gaps(), 1);
    let expected: Vec<String> = [1].into_iter().chain(31..=40).map(|n| n.to_string()).collect();
    assert_eq!(listener.texts(), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failover_with_sentinel() {
    let mut servers = Sentinel::start().await;
    let mut rig = Rig::start(&long(&servers.url()), "failover").await;
    servers.primary.kill().await.unwrap();
    rig.until_well().await;
    let confirmed = rig.finish().await;
    rig.assert_nothing_is_lost_untold(&confirmed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failover_of_a_replica_that_has_everything() {
    let mut servers = Sentinel::start().await;
    let config = long(&servers.url());
    let (a, b) = (open(&config).await, open(&config).await);
    let t = topic("handover");
    let (listener, _held) = listen(&b, &t).await;
    let first = publish(&a, &t, "1").await.position;
    publish(&a, &t, "2").await;
    listener.until_text("2").await;
    servers.replicated().await;
    servers.primary.kill().await.unwrap();
    let mut number = 2;
    eventually("the replica has taken over", async || {
        number += 1;
        let text = number.to_string();
        a.publish(&t, Kind::Text, Bytes::from(text)).await.is_ok()
    })
    .await;
    let last = number.to_string();
    listener.until_text(&last).await;
    assert_eq!((listener.texts(), listener.gaps()), (vec!["1".to_owned(), "2".to_owned(), last.clone()], 0));
    listener.assert_in_order();
    // A position of before is still good.
    let (back, subscription) = listen_since(&a, &t, &first).await;
    assert_eq!(subscription.at().recovered, Some(true));
    assert_eq!(back.texts(), ["2".to_owned(), last]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failover_in_a_cluster() {
    let mut servers = Cluster::start().await;
    let config = long(&servers.url());
    // A topic of the first primary, which has a replica; and one of another, which must not notice.
    let mut names = (0..).map(|n| format!("t{n}"));
    let mut of_first = Vec::new();
    let mut of_others = Vec::new();
    while of_first.is_empty() || of_others.is_empty() {
        let name = names.next().unwrap();
        let tag = format!("{{test:/|{name}}}");
        let slot: u32 = servers.nodes[0].ask(&["CLUSTER", "KEYSLOT", &tag]).await;
        if slot <= 5460 { of_first.push(name) } else { of_others.push(name) }
    }
    let mut rig = Rig::start(&config, &of_first[0]).await;
    let mut other = Rig::start(&config, &of_others[0]).await;
    servers.nodes[0].kill().await.unwrap();
    rig.until_well().await;
    let confirmed = rig.finish().await;
    rig.assert_nothing_is_lost_untold(&confirmed);
    let confirmed = other.finish().await;
    other.assert_nothing_is_lost(&confirmed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_to_another_server() {
    let servers = Cluster::start().await;
    let name = "moving";
    let slot: u32 = servers.nodes[0].ask(&["CLUSTER", "KEYSLOT", &format!("{{test:/|{name}}}")]).await;
    let from = match slot {
        0..=5460 => 0,
        5461..=10922 => 1,
        _ => 2,
    };
    let to = (from + 1) % 3;
    let mut rig = Rig::start(&long(&servers.url()), name).await;
    let (from, to) = (&servers.nodes[from], &servers.nodes[to]);
    let (from_id, to_id): (String, String) =
        (from.ask(&["CLUSTER", "MYID"]).await, to.ask(&["CLUSTER", "MYID"]).await);
    let slot = slot.to_string();
    let _: String = to.ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]).await;
    let _: String = from.ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]).await;
    let port = to.port().to_string();
    loop {
        let keys: Vec<String> = from.ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]).await;
        if keys.is_empty() {
            break;
        }
        let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        words.extend(keys.iter().map(String::as_str));
        let _: String = from.ask(&words).await;
    }
    for node in [to, from] {
        let _: String = node.ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]).await;
    }
    rig.until_well().await;
    let confirmed = rig.finish().await;
    rig.assert_nothing_is_lost(&confirmed);
}

/// What only its publisher knows of: the server comes back without a message that nobody was there to hear.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmed_message_that_is_lost_is_told() {
    let mut server = RedisServer::start().await.unwrap();
    let (a, b) = (open(&long(&server.url())).await, open(&long(&server.url())).await);
    let t = topic("lost");
    let kept = publish(&a, &t, "kept").await.position;
    let _: String = server.ask(&["SAVE"]).await;
    assert_eq!(publish(&a, &t, "lost").await.position.offset, 2);
    server.kill().await.unwrap();
    server.run().await.unwrap();
    // Whether it subscribes before or after the publisher has said so.
    let mut subscribed = None;
    eventually("subscribed", async || {
        let recorder = Recorder::new();
        let options = SubscribeOptions { since: Some(kept.clone()), member: None };
        subscribed = b
            .subscribe(&t, recorder.clone(), options)
            .await
            .ok()
            .map(|subscription| (recorder, subscription));
        subscribed.is_some()
    })
    .await;
    let (recorder, subscription) = subscribed.unwrap();
    if subscription.at().recovered == Some(true) {
        recorder.until("a gap", |log| log.iter().any(|heard| matches!(heard, Heard::Gap(_)))).await;
    }
    publish(&a, &t, "next").await;
    recorder.until_text("next").await;
    assert_eq!(recorder.texts(), ["next"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_before_redis_does() {
    let mut server = RedisServer::stopped(&[] as &[&str]).unwrap();
    let config = BrokerConfig { command_timeout: Span::millis(300), ..config(&server.url()) };
    let broker = open(&config).await;
    let t = topic("early");
    let begun = Instant::now();
    let refused = broker.publish(&t, Kind::Text, Bytes::new()).await.unwrap_err();
    assert!(refused.is_unavailable() && refused.to_string().contains("broker.url"), "{refused}");
    let refused = broker.subscribe(&t, Recorder::new(), SubscribeOptions::default()).await.unwrap_err();
    assert!(refused.is_unavailable());
    assert!(broker.ping().await.is_err() && broker.subscribers(&t).await.is_err());
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    server.run().await.unwrap();
    eventually("it is there", async || broker.ping().await.is_ok()).await;
    let (listener, _held) = listen(&broker, &t).await;
    publish(&broker, &t, "1").await;
    listener.until_text("1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_is_told_at_once() {
    let mut server = RedisServer::start().await.unwrap();
    let config = BrokerConfig { command_timeout: Span::millis(300), ..config(&server.url()) };
    let broker = open(&config).await;
    let t = topic("outage");
    let (_listener, _held) = listen(&broker, &t).await;
    server.kill().await.unwrap();
    eventually("it is noticed", async || broker.ping().await.is_err()).await;
    let begun = Instant::now();
    for _ in 0..100 {
        assert!(broker.publish(&t, Kind::Text, Bytes::new()).await.is_err());
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    // Who needs nothing of Redis is not kept waiting either.
    let (other, _held) = listen(&broker, &t).await;
    server.run().await.unwrap();
    eventually("it is back", async || broker.ping().await.is_ok()).await;
    publish(&broker, &t, "back").await;
    other.until_text("back").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_dies_is_forgotten() {
    let server = RedisServer::start().await.unwrap();
    let (a, b) = (open(&config(&server.url())).await, open(&config(&server.url())).await);
    let t = topic("dead");
    let (watcher, _watcher) = listen(&a, &t).await;
    let (_, subscription) = listen_as(&b, &t, "1", "info").await;
    eventually("both are counted", async || a.subscribers(&t).await.unwrap() == 2).await;
    // A process that is gone says nothing any more, not even good-bye.
    std::mem::forget(subscription);
    b.sever().await;
    let left = |heard: &Heard| matches!(heard, Heard::Presence(PresenceChange::Left(m)) if &*m.id == "1");
    watcher.until("the member has left", |log| log.iter().any(left)).await;
    eventually("one is left", async || a.subscribers(&t).await.unwrap() == 1).await;
    assert!(a.members(&t).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_is_forgotten_at_once() {
    let server = RedisServer::start().await.unwrap();
    let config = BrokerConfig { lease_time: Span::seconds(60), ..config(&server.url()) };
    let (a, b) = (open(&config).await, open(&config).await);
    let t = topic("stops");
    let (watcher, _watcher) = listen(&a, &t).await;
    let (_, _subscription) = listen_as(&b, &t, "1", "info").await;
    eventually("both are counted", async || a.subscribers(&t).await.unwrap() == 2).await;
    b.stop().await;
    assert_eq!(a.subscribers(&t).await.unwrap(), 1);
    assert!(a.members(&t).await.unwrap().is_empty());
    watcher
        .until("two changes", |log| log.iter().filter(|h| matches!(h, Heard::Presence(_))).count() == 2)
        .await;
    assert!(b.publish(&t, Kind::Text, Bytes::new()).await.is_err());
}

/// A message that was published while nobody could hear, and after which nothing more comes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_stays_deaf() {
    let server = RedisServer::start().await.unwrap();
    let (a, b) = (open(&config(&server.url())).await, open(&config(&server.url())).await);
    let t = topic("deaf");
    let (listener, _held) = listen(&b, &t).await;
    let first = publish(&a, &t, "1").await.position;
    listener.until_text("1").await;
    // As if it had been written by a server that did not tell anybody.
    let key = |name: &str| format!("polysocket:hub:{{test:/|deaf}}:{name}");
    let (meta, log) = (key("meta"), key("log"));
    let _: String = server.ask(&["XADD", &log, "2-0", "t", "99999999999999", "k", "t", "p", "2"]).await;
    let _: u64 = server.ask(&["HSET", &meta, "offset", "2"]).await;
    listener.until_text("2").await;
    assert_eq!(listener.messages()[1].0, Position { offset: 2, ..first });
    assert_eq!(listener.gaps(), 0);
}

/// Names that never come again would fill a server that remembered each for a day.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retired_topic_leaves_a_mark_for_a_short_time() {
    let server = RedisServer::start().await.unwrap();
    let config = config(&server.url());
    let (a, b) = (open(&config).await, open(&config).await);
    let t = topic("retired");
    let (_, of_a) = listen(&a, &t).await;
    let (two, of_b) = listen(&b, &t).await;
    publish(&a, &t, "1").await;
    drop(of_a);
    a.retire(&t).await.unwrap();
    two.until("removed", |log| log.last() == Some(&Heard::Removed)).await;
    let meta = "polysocket:hub:{test:/|retired}:meta";
    let leases = config.lease_time.as_duration() * 4;
    let mark = i64::try_from((leases + config.topic_linger.as_duration()).as_millis()).unwrap() + 5_000;
    let left = async |key: &str| server.ask::<i64>(&["PTTL", key]).await;
    assert!((1..=mark).contains(&left(meta).await), "{} of {mark} ms", left(meta).await);
    // Neither a late message, nor one who is late to read, nor what nodes say when they let go keeps it longer.
    publish(&b, &t, "late").await;
    b.history(&t, None, 10).await.unwrap();
    drop(of_b);
    a.stop().await;
    b.stop().await;
    for key in server.ask::<Vec<String>>(&["KEYS", "*"]).await {
        assert!(left(&key).await <= mark, "{key}: {} of {mark} ms", left(&key).await);
    }
}

/// It protects who did not hear of it at the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_cut_off_learns_that_a_topic_was_retired() {
    let server = RedisServer::start().await.unwrap();
    let way = Way::to(server.port()).await;
    // Long enough for the mark, whatever the machine is busy with.
    let config = BrokerConfig { lease_time: Span::seconds(30), ..config(&server.url()) };
    let a = open(&config).await;
    let b = open(&BrokerConfig { url: way.url(), ..config }).await;
    let t = topic("cut off");
    let (listener, _held) = listen(&b, &t).await;
    publish(&a, &t, "1").await;
    listener.until_text("1").await;
    way.cut(true);
    a.retire(&t).await.unwrap();
    way.cut(false);
    listener.until("removed", |log| log.last() == Some(&Heard::Removed)).await;
    assert_eq!((listener.texts(), listener.gaps()), (vec!["1".to_owned()], 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_used_and_never_told() {
    let server = RedisServer::with(&["--requirepass", "hunter2"]).await.unwrap();
    let with = |user: &str| config(&server.url().replace("redis://", &format!("redis://{user}@")));
    let broker = open(&with(":hunter2")).await;
    let t = topic("secret");
    let (listener, _held) = listen(&broker, &t).await;
    publish(&broker, &t, "1").await;
    listener.until_text("1").await;
    let wrong = open(&BrokerConfig { command_timeout: Span::millis(300), ..with(":hunter3") }).await;
    let refused = wrong.publish(&t, Kind::Text, Bytes::new()).await.unwrap_err().to_string();
    assert!(refused.contains("127.0.0.1") && !refused.contains("hunter"), "{refused}");
}

/// A server that has lost everything, members too: those who are there say so again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_come_back_after_a_loss() {
    let mut server = RedisServer::start().await.unwrap();
    let (a, b) = (open(&config(&server.url())).await, open(&config(&server.url())).await);
    let t = topic("members");
    let (watcher, _watcher) = listen(&a, &t).await;
    let (_, _one) = listen_as(&b, &t, "1", "info").await;
    server.kill().await.unwrap();
    server.run().await.unwrap();
    let unknown = |heard: &Heard| matches!(heard, Heard::Presence(PresenceChange::Unknown));
    watcher.until("that changes may have been missed", |log| log.iter().any(unknown)).await;
    eventually("it is back", async || a.members(&t).await.is_ok_and(|members| members.len() == 1)).await;
    eventually("both are counted", async || a.subscribers(&t).await.is_ok_and(|n| n == 2)).await;
}
