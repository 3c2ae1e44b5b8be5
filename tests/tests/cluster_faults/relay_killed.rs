//! `kill -9` of a relay.

use std::collections::BTreeMap;
use std::time::Duration;

use polysocket_tests::client::{Create, CreateError, Session, Settings, alive};
use polysocket_tests::cluster::TestCluster;
use tokio::time::{Instant, sleep};

use crate::load::node_of;
use crate::{Bed, creates, turn};

/// Sockets that the token may have.
const SOCKETS: usize = 6;
const SOCKET_LEASE: Duration = Duration::from_secs(6);
/// From the death of the relay until its pages know.
const NOTICED_MAX: Duration = Duration::from_secs(5);
/// Answers and the pauses between questions, on top of a lease.
const GRACE: Duration = Duration::from_millis(1500);
/// Between two questions.
const ASK_PAUSE: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn its_pages_know_soon_and_nobody_else_notices() {
    let _turn = turn().await;
    let mut bed = Bed::new(TestCluster::redis(2, 3).await.unwrap()).await;
    bed.load(18).await;
    let victim = bed.cluster.relays[1].name.clone();
    bed.cluster.relays[1].program.kill().await.unwrap();
    let killed = Instant::now();

    // Its lease stands: routers ask it, find nobody, and go elsewhere.
    let at_once = creates::many(&bed.routers, 60, 6).await;
    let at_once = bed.told(at_once);
    let took = killed.elapsed();
    assert!(!at_once.contains(&victim));
    println!("60 creates within {took:?} of the death: none failed");

    let running = std::mem::take(&mut bed.running);
    let (died, others): (Vec<_>, Vec<_>) = running.into_iter().partition(|session| session.node == victim);
    bed.running = others;
    let mut longest = Duration::ZERO;
    for session in died {
        let transport = session.transport;
        let ended = session.ended().await;
        let ended = bed.told(ended);
        longest = longest.max(ended.at - killed);
        assert_eq!((ended.close.code, ended.close.clean), (1006, false), "{transport:?}: {ended:?}");
        assert!(ended.at - killed < NOTICED_MAX, "{transport:?}: after {:?}", ended.at - killed);
        // The target sees a connection that breaks, and all that was confirmed before.
        let seen = ended.seen(&bed.upstream).await;
        assert_eq!(seen.close, None);
        let arrived = ended.judge(&bed.upstream).await;
        bed.told(arrived);
    }
    println!("1006 at the latest after {longest:?}");
    let created = creates::many(&bed.routers, 200, 10).await;
    let created = bed.told(created);
    assert!(!created.contains(&victim), "a create was placed on the dead relay");
    bed.advance(100).await;
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_sockets_held_of_a_token_is_free_after_their_lease() {
    let _turn = turn().await;
    let tokens = format!(
        "tokens = [{{ name = \"few\", key = \"few: only for tests, long enough\", \
         targets = [\"ws://127.0.0.1:*\"], sockets_max = {SOCKETS} }}]"
    );
    let lease = format!("socket_lease_time = \"{}s\"", SOCKET_LEASE.as_secs());
    let more = [("registry", &*lease), ("auth", &*tokens)];
    let mut bed = Bed::new(TestCluster::redis_with(2, 3, &more).await.unwrap()).await;
    let wish = Create {
        router: bed.routers[0].clone(),
        target: bed.upstream.url("/echo"),
        token: Some("few: only for tests, long enough".into()),
        ..Create::default()
    };
    let mut sessions = BTreeMap::<String, Vec<Session>>::new();
    for _ in 0..SOCKETS {
        let session = opened(&mut bed, &wish).await;
        sessions.entry(node_of(&session.created().socket)).or_default().push(session);
    }
    assert_refused(&mut bed, &wish).await;

    // Of so many sockets over three relays, one has two at least.
    let victim = sessions.iter().max_by_key(|(_, held)| held.len()).unwrap().0.clone();
    let held = sessions.remove(&victim).unwrap().len();
    let relay = bed.cluster.relays.iter_mut().find(|relay| relay.name == victim).unwrap();
    relay.program.kill().await.unwrap();
    let killed = Instant::now();
    // Nobody can tell yet that they are gone for good.
    assert_refused(&mut bed, &wish).await;
    for n in 0..held {
        let session = opened(&mut bed, &wish).await;
        let after = killed.elapsed();
        println!("socket {} of {held} is free again after {after:?}", n + 1);
        assert!(after < SOCKET_LEASE + GRACE, "only after {after:?}");
        sessions.entry(node_of(&session.created().socket)).or_default().push(session);
    }
    // Those of the living are counted as before.
    assert_refused(&mut bed, &wish).await;
    assert!(!sessions.contains_key(&victim));
    let router = bed.routers[1].clone();
    for session in sessions.values().flatten() {
        assert_eq!(alive(&bed.http, &router, &session.created().socket).await, Some(true));
    }
}

/// Asks until there is a socket.
async fn opened(bed: &mut Bed, wish: &Create) -> Session {
    let until = Instant::now() + SOCKET_LEASE + GRACE;
    loop {
        match Session::open(&bed.http, wish, Settings::default()).await {
            Ok(session) => return session,
            Err(CreateError::Refused { code, .. })
                if matches!(code.as_str(), "limit" | "no-capacity") && Instant::now() < until =>
            {
                sleep(ASK_PAUSE).await;
            }
            Err(error) => bed.told(Err(error.to_string())),
        }
    }
}

async fn assert_refused(bed: &mut Bed, wish: &Create) {
    for router in bed.routers.clone() {
        let done = creates::wished(&bed.http, &Create { router, ..wish.clone() }).await;
        match done.result {
            Err(CreateError::Refused { status: 429, code, .. }) if code == "limit" => {}
            other => bed.told(Err(format!("a socket too many: {other:?}"))),
        }
    }
}
