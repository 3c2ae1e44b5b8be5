//! `kill -9` of Redis, and its return with its data, and without.

use polysocket_tests::redis_server::RedisServer;

use crate::diary::Heard;
use crate::gockets::Rest;
use crate::nodes::Nodes;
use crate::scene::Scene;
use crate::socket::{Said, Socket};
use crate::turn;

/// What Gockets' listeners are closed with when messages are lost.
const LOST: (Option<u16>, &str) = (Some(4000), "messages were lost");

#[tokio::test(flavor = "multi_thread")]
async fn with_its_data_nobody_misses_anything() {
    let _turn = turn().await;
    let options = ["--appendonly", "yes", "--appendfsync", "always"];
    let mut redis = RedisServer::with(&options).await.unwrap();
    let mut scene = Scene::start(Nodes::start(2, &redis.url(), &[]).await).await;
    for _ in 0..2 {
        redis.restart().await.unwrap();
        scene.until_well().await;
    }
    scene.finish().await;
    for diary in scene.all() {
        assert_eq!((diary.told(), diary.ends()), (0, Vec::new()), "{}", diary.tail());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_data_everybody_is_told() {
    let _turn = turn().await;
    let mut redis = RedisServer::start().await.unwrap();
    let mut scene = Scene::start(Nodes::start(2, &redis.url(), &[]).await).await;
    redis.restart().await.unwrap();
    scene.until_well_on(false).await;
    // The channel of Gockets was data as well: its listeners are closed, and find nothing when they come back.
    for diary in scene.sockets.iter().chain(&scene.events) {
        diary.until("that the channel is gone", |heard| *heard == Heard::Gone).await;
    }
    // A new one is as good as the old one was.
    let (rest, at) = (Rest::new(), scene.nodes.gockets());
    let keys = rest.prepare(at[0], "").await;
    let mut listener = Socket::open(at[1], &format!("/channel/subscribe/{}", keys.subscriber)).await.unwrap();
    assert_eq!(rest.publish(at[0], &keys, "anew".into()).await, Some(200));
    assert_eq!(listener.hear_soon().await, Said::Text("anew".into()));
    let (_, gockets) = scene.finish().await;
    assert!(gockets.iter().all(|source| !source.is_there));
    for diary in scene.all() {
        assert!(diary.told() > 0, "{}", diary.tail());
    }
    for diary in &scene.rocket {
        assert_eq!(diary.ends(), [], "{}", diary.tail());
    }
    for diary in &scene.sockets {
        assert_eq!(diary.ends(), [(LOST.0, LOST.1.to_owned())], "{}", diary.tail());
    }
}
