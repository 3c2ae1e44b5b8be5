//! SIGTERM of a relay.

use std::time::Duration;

use polysocket_tests::cluster::TestCluster;
use tokio::time::Instant;

use crate::{Bed, creates, turn};

/// How long its sessions may run out.
const DRAIN: Duration = Duration::from_secs(2);
/// From SIGTERM to the end of the process: the drain, the closing handshakes, and what the pages have to take.
const END_MAX: Duration = Duration::from_secs(8);

#[tokio::test(flavor = "multi_thread")]
async fn it_loses_no_message_and_takes_no_more() {
    let _turn = turn().await;
    let drain = format!("drain_timeout = \"{}s\"", DRAIN.as_secs());
    let mut bed = Bed::new(TestCluster::redis_with(2, 3, &[("relayd", &drain)]).await.unwrap()).await;
    bed.load(18).await;
    let leaver = bed.cluster.relays[2].name.clone();
    let process = bed.cluster.relays[2].program.process();
    process.terminate().await.unwrap();
    let told = Instant::now();
    process.wait_for(DRAIN, |line| line.contains("draining").then_some(())).await.unwrap();

    let mut placed = 0;
    while bed.cluster.relays[2].program.process().is_running() {
        let created = creates::many(&bed.routers, 10, 4).await;
        let created = bed.told(created);
        assert!(!created.contains(&leaver), "a create was placed on the relay that leaves");
        placed += created.len();
        assert!(told.elapsed() < END_MAX, "it still runs\n{}", bed.cluster.logs());
    }
    let took = told.elapsed();
    let status = bed.cluster.relays[2].program.process().wait(END_MAX).await.unwrap();
    assert!(status.success(), "{status}\n{}", bed.cluster.logs());
    println!("ended after {took:?} with {status}; {placed} creates went elsewhere");

    let running = std::mem::take(&mut bed.running);
    let (left, others): (Vec<_>, Vec<_>) = running.into_iter().partition(|session| session.node == leaver);
    bed.running = others;
    for session in left {
        let transport = session.transport;
        let ended = session.ended().await;
        let ended = bed.told(ended);
        assert_eq!((ended.close.code, ended.failures), (1001, 0), "{transport:?}: {ended:?}");
        assert!(ended.at - told >= DRAIN, "{transport:?}: it could have run on");
        let arrived = ended.judge(&bed.upstream).await;
        let arrived = bed.told(arrived);
        println!("{transport:?}: {:?}, {arrived} at the target", ended.progress);
        assert!(arrived >= ended.progress.accepted, "{transport:?}: an accepted message is lost: {ended:?}");
        // The target has echoed all it got before it was told to close.
        assert_eq!(arrived, ended.progress.received, "{transport:?}: an echo is lost: {ended:?}");
        assert_eq!(ended.seen(&bed.upstream).await.close.unwrap().0, Some(1001), "{transport:?}");
    }
    bed.advance(50).await;
    bed.finish().await;
}
