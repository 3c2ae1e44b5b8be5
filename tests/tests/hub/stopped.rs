//! SIGTERM of a node.

use std::time::Duration;

use polysocket_tests::patience::eventually;
use polysocket_tests::redis_server::RedisServer;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::diary::Diary;
use crate::gockets::{Keys, Rest, json};
use crate::nodes::{Node, Nodes};
use crate::rocket::{CHANNEL, Client};
use crate::scene::Scene;
use crate::socket::{Said, Socket};
use crate::turn;

/// Connections of each protocol on the node that stops, beside those of the scene.
const CONNECTIONS: u32 = 100;
/// From SIGTERM to the end of the process: two seconds of closing, and what a busy machine adds.
const END_MAX: Duration = Duration::from_secs(15);
/// Until other nodes know that it has left: well below the lease of one that dies (`broker.lease_time`, 15 s).
const COUNTED_MAX: Duration = Duration::from_secs(8);
const GOING: (Option<u16>, &str) = (Some(1001), "the server is going away");

/// Those who listen until the end: when it came, and how.
type Crowd = JoinSet<(Instant, Option<u16>, String)>;

async fn end_of(mut socket: Socket) -> (Instant, Option<u16>, String) {
    loop {
        if let Said::Ended(code, reason) = socket.hear().await {
            return (Instant::now(), code, reason);
        }
    }
}

/// Subscribers of Rocket, and listeners of Gockets.
async fn crowds(node: &Node, keys: &Keys) -> [Crowd; 2] {
    let (mut rocket, mut gockets) = (JoinSet::new(), JoinSet::new());
    let path = format!("/channel/subscribe/{}", keys.subscriber);
    for _ in 0..CONNECTIONS {
        let mut client = Client::login(node.rocket).await.unwrap();
        client.ask(&serde_json::json!({"subscribe": {"channel": CHANNEL}})).await.unwrap();
        rocket.spawn(end_of(client.0));
        gockets.spawn(end_of(Socket::open(node.gockets, &path).await.unwrap()));
    }
    [rocket, gockets]
}

/// Stops it: its exit code is 0, and all of each crowd were told why. Gives the time between the first and the last.
async fn stop(node: &mut Node, crowds: [Crowd; 2]) -> [Duration; 2] {
    let process = node.program.process();
    process.terminate().await.unwrap();
    let told = Instant::now();
    let status = process.wait(END_MAX).await.unwrap();
    assert_eq!(status.code(), Some(0), "{}", process.tail());
    let mut spreads = [Duration::ZERO; 2];
    for (crowd, spread) in crowds.into_iter().zip(&mut spreads) {
        let ends = crowd.join_all().await;
        for (_, code, reason) in &ends {
            assert_eq!((*code, reason.as_str()), GOING);
        }
        let (first, last) = (ends.iter().map(|end| end.0).min(), ends.iter().map(|end| end.0).max());
        *spread = last.unwrap() - first.unwrap();
    }
    println!("ended after {:?} with {status}; closed within {spreads:?}", told.elapsed());
    spreads
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_all_are_told_and_nothing_is_missed() {
    let _turn = turn().await;
    let redis = RedisServer::start().await.unwrap();
    let mut scene = Scene::start(Nodes::start(2, &redis.url(), &[]).await).await;
    let crowds = crowds(&scene.nodes.nodes[0], &scene.keys).await;
    scene.until_well().await;
    stop(&mut scene.nodes.nodes[0], crowds).await;
    scene.until_well().await;
    scene.finish().await;
    let halves = |diaries: &[_]| diaries.len() / 2;
    for diaries in [&scene.rocket, &scene.sockets] {
        let (left, others) = diaries.split_at(halves(diaries));
        for diary in left {
            assert_eq!(diary.ends(), [(GOING.0, GOING.1.to_owned())], "{}", diary.tail());
        }
        for diary in others {
            assert_eq!(diary.ends(), [], "{}", diary.tail());
        }
    }
    let untold = |diary: &Diary| assert_eq!(diary.told(), 0, "{}", diary.tail());
    scene.rocket.iter().chain(&scene.events).for_each(|diary| untold(diary));
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_closed_at_the_pace_that_is_set() {
    let _turn = turn().await;
    let mut nodes = Nodes::start(1, "memory", &[("socket", "drain_closes_per_second = 50")]).await;
    let keys = Rest::new().prepare(nodes.nodes[0].gockets, "").await;
    let crowds = crowds(&nodes.nodes[0], &keys).await;
    for spread in stop(&mut nodes.nodes[0], crowds).await {
        // 100 in two seconds; some are closed at once.
        assert!(spread > Duration::from_millis(1500), "{CONNECTIONS} were closed within {spread:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_on_it_is_soon_not_counted_any_more() {
    let _turn = turn().await;
    let redis = RedisServer::start().await.unwrap();
    let mut nodes = Nodes::start(2, &redis.url(), &[]).await;
    let rest = Rest::new();
    let keys = rest.prepare(nodes.nodes[0].gockets, "").await;
    let crowds = crowds(&nodes.nodes[0], &keys).await;
    let (other, path) = (nodes.nodes[1].gockets, format!("/channel/{}", keys.publisher));
    let counted = async |count: u32| {
        eventually("the other node counts them", async || {
            json(&rest.send("GET", other, &path, "").await.unwrap())["listeners"] == count
        })
        .await;
    };
    counted(CONNECTIONS).await;
    stop(&mut nodes.nodes[0], crowds).await;
    let ended = Instant::now();
    counted(0).await;
    let took = ended.elapsed();
    assert!(took < COUNTED_MAX, "they were counted for {took:?} after the end of their node");
}
