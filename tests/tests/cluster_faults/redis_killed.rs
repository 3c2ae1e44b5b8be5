//! `kill -9` of Redis, and its return without any data.

use std::time::Duration;

use polysocket_tests::client::CreateError;
use polysocket_tests::cluster::TestCluster;
use tokio::time::Instant;

use crate::creates::Done;
use crate::{Bed, creates, turn};

/// A router says within 1 s that it cannot; the rest is for a busy machine.
const ANSWER_MAX: Duration = Duration::from_millis(1500);
/// Longer than any lease of a node (3 s), so that none survives in anybody's memory.
const OUTAGE: Duration = Duration::from_secs(4);
/// From the return of Redis until sockets can be created again: a reconnect (0.5 s), a renewal (1 s), a reading (0.5 s).
const BACK_MAX: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn sessions_go_on_and_creates_say_so_until_it_is_back() {
    let _turn = turn().await;
    let mut bed = Bed::new(TestCluster::redis(2, 3).await.unwrap()).await;
    bed.load(15).await;
    outage(&mut bed).await;
    bed.finish().await;
}

/// Redis dies, is away for a while, and comes back empty. Ends when creates work again.
pub async fn outage(bed: &mut Bed) {
    let routers = bed.routers.clone();
    let caught = (0..20).map(|n| {
        let router = routers[n % routers.len()].clone();
        tokio::spawn(async move { creates::once(&router).await })
    });
    let caught: Vec<_> = caught.collect();
    bed.cluster.redis.as_mut().unwrap().kill().await.unwrap();
    let killed = Instant::now();
    let (mut longest, mut refused, mut lucky) = (Duration::ZERO, 0, 0);
    for done in caught {
        let done = done.await.unwrap();
        longest = longest.max(done.took);
        if done.result.is_ok() {
            lucky += 1;
        } else {
            judge(bed, &done);
        }
    }
    println!("of 20 creates that were under way {lucky} succeeded; the longest took {longest:?}");
    longest = Duration::ZERO;
    while killed.elapsed() < OUTAGE {
        for router in &routers {
            let done = creates::once(router).await;
            longest = longest.max(done.took);
            judge(bed, &done);
            refused += 1;
        }
        bed.advance(1).await;
    }
    println!("{refused} creates were refused, the longest in {longest:?}");
    bed.advance(50).await;

    bed.cluster.redis.as_mut().unwrap().restart().await.unwrap();
    let back = Instant::now();
    for router in &routers {
        loop {
            let done = creates::once(router).await;
            match done.result {
                Ok(_) => break,
                Err(CreateError::Refused { code, .. })
                    if matches!(code.as_str(), "unavailable" | "no-capacity")
                        && back.elapsed() < BACK_MAX => {}
                Err(error) => bed.told(Err(format!("{:?} after the return: {error}", back.elapsed()))),
            }
            bed.advance(1).await;
        }
        println!("{router} creates again after {:?}", back.elapsed());
    }
    bed.advance(50).await;
    // Each relay finds its way back by itself, in a time of its own.
    let mut missing: Vec<String> = bed.cluster.relays.iter().map(|relay| relay.name.clone()).collect();
    while !missing.is_empty() {
        let created = creates::many(&routers, 60, 6).await;
        let created = bed.told(created);
        missing.retain(|name| !created.contains(name));
        assert!(missing.is_empty() || back.elapsed() < BACK_MAX, "{missing:?} get none after the return");
    }
}

fn judge(bed: &mut Bed, done: &Done) {
    match &done.result {
        Err(CreateError::Refused { status: 503, code, .. }) if code == "unavailable" => {}
        other => bed.told(Err(format!("without Redis: {other:?} after {:?}", done.took))),
    }
    if done.took > ANSWER_MAX {
        bed.told::<()>(Err(format!("a refusal took {:?}", done.took)));
    }
}
