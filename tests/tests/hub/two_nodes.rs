//! Two nodes, one Redis, and nothing that goes wrong.

use polysocket_tests::redis_server::RedisServer;

use crate::nodes::Nodes;
use crate::scene::Scene;
use crate::turn;

#[tokio::test(flavor = "multi_thread")]
async fn what_one_publishes_all_hear_once_and_in_one_order() {
    let _turn = turn().await;
    let redis = RedisServer::start().await.unwrap();
    let mut scene = Scene::start(Nodes::start(2, &redis.url(), &[]).await).await;
    for _ in 0..4 {
        scene.until_well().await;
    }
    let (rocket, gockets) = scene.finish().await;
    for diary in scene.all() {
        assert_eq!((diary.told(), diary.ends()), (0, Vec::new()), "{}", diary.tail());
    }
    for (diaries, published) in
        [(&scene.rocket, &rocket), (&scene.sockets, &gockets), (&scene.events, &gockets)]
    {
        let all: usize = published.iter().map(|source| source.confirmed.len()).sum();
        assert!(published.iter().all(|source| source.confirmed.len() >= 200), "{published:?}");
        for diary in diaries {
            assert_eq!(diary.messages().len(), all, "{}", diary.name);
        }
    }
}
