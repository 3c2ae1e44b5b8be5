//! Where sockets are placed: evenly, and not where there is no room or no future.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use polysocket_tests::client::{Create, CreateError, Event, HttpClient, Message, Session, Settings, create};
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::upstream::Upstream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Creates of one router under way at the same time.
const AT_ONCE: usize = 16;
const SOON: Duration = Duration::from_secs(10);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);
/// Longer than the test: what is held needs no receiver.
const HELD: &str = "first_receiver_time = \"120s\"";

type Counts = BTreeMap<String, usize>;

/// Held creates need a relay and no target.
async fn held(http: &HttpClient, router: &str) -> Result<String, CreateError> {
    let target = "ws://127.0.0.1:1/".into();
    let wish = Create { router: router.into(), target, hold: true, ..Create::default() };
    Ok(node_of(&create(http, &wish).await?.socket))
}

fn node_of(socket: &str) -> String {
    socket.split_once('.').map_or(socket, |(node, _)| node).to_owned()
}

/// So many creates at every router at the same time; where they went.
async fn at_all_routers(cluster: &mut TestCluster, each: usize) -> Counts {
    let mut tasks = JoinSet::new();
    for router in &cluster.routers {
        for n in 0..AT_ONCE {
            let (http, router) = (cluster.client(), router.address().to_string());
            let count = each / AT_ONCE + usize::from(n < each % AT_ONCE);
            tasks.spawn(async move {
                let mut nodes = Vec::with_capacity(count);
                for _ in 0..count {
                    nodes.push(held(&http, &router).await?);
                }
                Ok::<_, CreateError>(nodes)
            });
        }
    }
    let mut counts = Counts::new();
    while let Some(nodes) = tasks.join_next().await {
        let nodes = nodes.unwrap().unwrap_or_else(|error| panic!("{error}\n{}", cluster.logs()));
        for node in nodes {
            *counts.entry(node).or_default() += 1;
        }
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn routers_that_do_not_know_of_each_other_fill_relays_evenly() {
    const CREATES: usize = 3000;
    let mut cluster = TestCluster::redis_with(2, 4, &[("limits", HELD)]).await.unwrap();
    // Evenness is among relays that both routers know.
    all_known(&mut cluster).await;
    let begun = Instant::now();
    let counts = at_all_routers(&mut cluster, CREATES / 2).await;
    let took = begun.elapsed();
    let (least, most) = (counts.values().min().unwrap(), counts.values().max().unwrap());
    println!("{CREATES} creates in {took:?}, {:.0}/s: {counts:?}", CREATES as f64 / took.as_secs_f64());
    assert_eq!((counts.len(), counts.values().sum::<usize>()), (4, CREATES));
    assert!(*most * 10 <= *least * 11, "more than 10 % apart: {counts:?}\n{}", cluster.logs());
}

/// Until each router has placed something on every relay.
async fn all_known(cluster: &mut TestCluster) {
    let (http, until) = (cluster.client(), Instant::now() + SOON);
    for router in cluster.routers.iter().map(|router| router.address().to_string()).collect::<Vec<_>>() {
        let mut known = Counts::new();
        while known.len() < cluster.relays.len() {
            match held(&http, &router).await {
                Ok(node) => *known.entry(node).or_default() += 1,
                Err(CreateError::Refused { code, .. }) if code == "no-capacity" => sleep(PAUSE).await,
                Err(error) => panic!("{error}\n{}", cluster.logs()),
            }
            assert!(Instant::now() < until, "{router} knows {known:?} only\n{}", cluster.logs());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_relay_and_one_that_leaves_get_none() {
    const ROOM: usize = 60;
    let room = format!("sessions_max = {ROOM}\ndrain_timeout = \"60s\"");
    let more = [("relayd", &*room), ("limits", HELD)];
    let mut cluster = TestCluster::redis_with(2, 4, &more).await.unwrap();
    let (http, upstream) = (cluster.client(), Upstream::start().await.unwrap());
    let router = cluster.router().to_string();

    // Alone, the first relay is filled to its last place.
    for relay in &mut cluster.relays[1..] {
        relay.program.stop().await.unwrap();
    }
    let until = Instant::now() + SOON;
    let mut filled = 0;
    loop {
        match held(&http, &router).await {
            Ok(node) => {
                assert_eq!(node, "relay0");
                filled += 1;
            }
            Err(CreateError::Refused { status: 503, code, .. }) if code == "no-capacity" => {
                if filled == ROOM {
                    break;
                }
                // The router has just found two of those that left.
                sleep(PAUSE).await;
            }
            Err(error) => panic!("{error}\n{}", cluster.logs()),
        }
        assert!(
            filled <= ROOM && Instant::now() < until,
            "{filled} sessions where {ROOM} are allowed\n{}",
            cluster.logs()
        );
    }
    println!("full with {filled} of {ROOM} sessions");

    // The others come back, and one of them has a session when it is told to leave.
    for relay in &mut cluster.relays[1..] {
        relay.restart().await.unwrap();
    }
    let session = session_on(&mut cluster, &upstream, "relay1").await;
    let process = cluster.relays[1].program.process();
    process.terminate().await.unwrap();
    process.wait_for(SOON, |line| line.contains("draining").then_some(())).await.unwrap();

    // A router that has not read it yet asks such a relay, is refused, and goes elsewhere, twice at most.
    for router in cluster.routers.iter().map(|router| router.address().to_string()).collect::<Vec<_>>() {
        settled(&cluster, &router).await;
    }
    let counts = at_all_routers(&mut cluster, 30).await;
    println!("then: {counts:?}");
    assert_eq!(counts.values().sum::<usize>(), 60);
    let expected: Vec<_> = ["relay2", "relay3"].map(String::from).into();
    assert_eq!(counts.keys().cloned().collect::<Vec<_>>(), expected, "{}", cluster.logs());

    // The session lives as long as it likes, and the relay leaves with it.
    session.send(Message::text("still here"));
    assert_eq!(session.expect_within(SOON).await, Event::Message(Message::text("still here")));
    session.close(Some(3000), "done");
    assert!(
        matches!(session.expect_within(SOON).await, Event::Close(close) if close.code == 3000 && close.clean)
    );
    session.finished().await;
    let leaving = Instant::now();
    let status = cluster.relays[1].program.process().wait(SOON).await.unwrap();
    println!("the relay left {:?} after its last session: {status}", leaving.elapsed());
    assert!(status.success(), "{status}\n{}", cluster.logs());
}

/// Until so many creates in a row have succeeded, none of them on the relays that take no more.
async fn settled(cluster: &TestCluster, router: &str) {
    let (http, until, mut in_a_row) = (cluster.client(), Instant::now() + SOON, 0);
    while in_a_row < 10 {
        match held(&http, router).await {
            Ok(node) => {
                assert!(node != "relay0" && node != "relay1", "a create was placed on {node}");
                in_a_row += 1;
            }
            Err(CreateError::Refused { code, .. }) if code == "no-capacity" && Instant::now() < until => {
                in_a_row = 0;
                sleep(PAUSE).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// A session on this relay; those on others are given up.
async fn session_on(cluster: &mut TestCluster, upstream: &Upstream, node: &str) -> Session {
    let (http, until) = (cluster.client(), Instant::now() + SOON);
    let wish =
        Create { router: cluster.router().to_string(), target: upstream.url("/echo"), ..Create::default() };
    while Instant::now() < until {
        match Session::open(&http, &wish, Settings::default()).await {
            Ok(session) if node_of(&session.created().socket) == node => {
                assert!(matches!(session.expect_within(SOON).await, Event::Open { .. }));
                return session;
            }
            Ok(other) => {
                other.close(Some(3000), "elsewhere");
                other.finished().await;
            }
            Err(CreateError::Refused { code, .. }) if code == "no-capacity" => sleep(PAUSE).await,
            Err(error) => panic!("{error}\n{}", cluster.logs()),
        }
    }
    panic!("no session on {node}\n{}", cluster.logs());
}
