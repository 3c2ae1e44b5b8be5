//! `kill -9` of the primary, and Sentinel's promotion of the replica.

use crate::nodes::Nodes;
use crate::scene::Scene;
use crate::sentinel::Sentinel;
use crate::turn;

/// The replica may lack the last few messages, or have all of them.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_is_told_and_everybody_goes_on() {
    let _turn = turn().await;
    let mut servers = Sentinel::start().await;
    let mut scene = Scene::start(Nodes::start(2, &servers.url(), &[]).await).await;
    servers.primary.kill().await.unwrap();
    scene.until_well().await;
    scene.finish().await;
    assert_connected_or_closed_by_name(&scene);
}

/// It lacks many: whoever has heard them is told that the order of things is another now.
#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_behind_is_noticed() {
    let _turn = turn().await;
    let mut servers = Sentinel::start().await;
    let mut scene = Scene::start(Nodes::start(2, &servers.url(), &[]).await).await;
    servers.cut().await;
    scene.until_well().await;
    servers.primary.kill().await.unwrap();
    scene.until_well().await;
    scene.finish().await;
    assert_connected_or_closed_by_name(&scene);
    for diary in scene.all() {
        assert!(diary.told() > 0, "{}", diary.tail());
    }
}

/// Rocket's followers keep their connection; listeners who have no other way to be told are closed, by name.
fn assert_connected_or_closed_by_name(scene: &Scene) {
    for diary in &scene.rocket {
        assert_eq!(diary.ends(), [], "{}", diary.tail());
    }
    for diary in &scene.sockets {
        let named =
            diary.ends().iter().all(|(code, reason)| *code == Some(4000) && reason == "messages were lost");
        assert!(named, "{}", diary.tail());
    }
}
