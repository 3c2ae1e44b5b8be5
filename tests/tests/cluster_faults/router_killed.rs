//! `kill -9` of a router.

use std::time::Duration;

use polysocket_tests::client::{Create, CreateError};
use polysocket_tests::cluster::TestCluster;
use tokio::sync::watch;

use crate::{Bed, creates, turn};

/// No create may take longer where the router lives.
const CREATE_MAX: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn nobody_notices_and_creates_go_on_at_the_other() {
    let _turn = turn().await;
    let mut bed = Bed::new(TestCluster::redis(2, 3).await.unwrap()).await;
    bed.load(15).await;

    let (stop, stopped) = watch::channel(false);
    let pages: Vec<_> = (0..4)
        .map(|_| tokio::spawn(creating(bed.http.clone(), bed.routers.clone(), stopped.clone())))
        .collect();
    bed.advance(30).await;
    bed.cluster.routers[0].kill().await.unwrap();
    bed.advance(100).await;
    stop.send(true).unwrap();
    let (mut first, mut second, mut longest) = (0, 0, Duration::ZERO);
    for page in pages {
        let created = page.await.unwrap();
        let (at_first, at_second, took) = bed.told(created);
        (first, second, longest) = (first + at_first, second + at_second, longest.max(took));
    }
    println!(
        "creates: {first} at the router that was killed, then {second} at the other, the longest in {longest:?}"
    );
    assert!(first > 0 && second > 0, "{first} and {second}");
    assert!(longest < CREATE_MAX, "{longest:?}");
    bed.finish().await;
}

/// Creates at the first router until that is gone, then, with the same nonce, at the second.
async fn creating(
    http: polysocket_tests::client::HttpClient,
    routers: Vec<String>,
    mut stopped: watch::Receiver<bool>,
) -> Result<(u64, u64, Duration), String> {
    let (mut at, mut counts, mut longest) = (0, [0, 0], Duration::ZERO);
    while !*stopped.borrow_and_update() {
        let mut wish = Create {
            router: routers[at].clone(),
            target: "ws://127.0.0.1:1/".into(),
            nonce: Some(format!("{:032x}", rand::random::<u128>())),
            hold: true,
            ..Create::default()
        };
        let mut done = creates::wished(&http, &wish).await;
        if at == 0 && matches!(done.result, Err(CreateError::Unreachable(_))) {
            at = 1;
            wish.router.clone_from(&routers[at]);
            done = creates::wished(&http, &wish).await;
        }
        done.result.map_err(|error| format!("at router {at}: {error}"))?;
        counts[at] += 1;
        longest = longest.max(done.took);
    }
    Ok((counts[0], counts[1], longest))
}
