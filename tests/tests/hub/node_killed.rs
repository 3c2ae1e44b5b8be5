//! `kill -9` of a node.

use polysocket_tests::redis_server::RedisServer;

use crate::nodes::Nodes;
use crate::scene::Scene;
use crate::turn;

#[tokio::test(flavor = "multi_thread")]
async fn its_followers_go_on_elsewhere_and_miss_nothing() {
    let _turn = turn().await;
    let redis = RedisServer::start().await.unwrap();
    let mut scene = Scene::start(Nodes::start(2, &redis.url(), &[]).await).await;
    scene.nodes.nodes[0].program.kill().await.unwrap();
    scene.until_well().await;
    scene.finish().await;
    // Each half: those of the dead node, and those of the other, who notice nothing.
    let halves = |diaries: &[_]| diaries.len() / 2;
    for diaries in [&scene.rocket, &scene.sockets, &scene.events] {
        let (dead, living) = diaries.split_at(halves(diaries));
        for diary in dead {
            assert_eq!(diary.ends().len(), 1, "{}", diary.tail());
        }
        for diary in living {
            assert_eq!((diary.ends(), diary.told()), (Vec::new(), 0), "{}", diary.tail());
        }
    }
    // Whoever can say where it was has everything: the history is long enough.
    for diary in scene.rocket.iter().chain(&scene.events) {
        assert_eq!(diary.told(), 0, "{}", diary.tail());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_missed_more_than_is_kept_is_told() {
    let _turn = turn().await;
    let redis = RedisServer::start().await.unwrap();
    // Less than is published until a client is back.
    let nodes = Nodes::start(2, &redis.url(), &[("broker", "history_count = 1")]).await;
    let mut scene = Scene::start(nodes).await;
    scene.nodes.nodes[0].program.kill().await.unwrap();
    scene.until_well().await;
    scene.finish().await;
    // The verdict is that nobody has missed anything untold; here some have missed something.
    for diaries in [&scene.rocket, &scene.events] {
        let told: Vec<usize> = diaries.iter().map(|diary| diary.told()).collect();
        let (dead, living) = told.split_at(told.len() / 2);
        assert!(dead.contains(&1), "{told:?}");
        assert!(living.iter().all(|told| *told == 0), "{told:?}");
    }
}
