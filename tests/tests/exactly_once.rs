//! More than 100,000 messages through a bad network: each exactly once, in order, complete, in both directions.
//!
//! `SEED=n` repeats a run; the seed is printed, and named where a test fails.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use polysocket_tests::client::{Dialer, Form, HttpClient, Settings, Transport};
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::duplex::{Duplex, End, run};
use polysocket_tests::fault::{FaultProxy, Plan, Rates};
use polysocket_tests::upstream::Upstream;
use tokio::task::JoinSet;

/// Sessions of one test, at the same time.
const SESSIONS: u64 = 6;
/// Messages of one session, up and down together.
const MESSAGES: u64 = 3000;
/// The tests in this file that carry [`SESSIONS`] sessions each.
const TESTS: u64 = 6;
const _: () = assert!(SESSIONS * MESSAGES * TESTS >= 100_000);

/// One test may take this long; on two idle cores the longest takes 40 s, and all of them 90 s, two at a time.
const TEST_MAX: Duration = Duration::from_secs(120);

fn seed() -> u64 {
    let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    // Small enough to be typed again.
    given.unwrap_or_else(|| rand::random::<u64>() % 1_000_000)
}

/// Long answers instead of many: what happens to a stream must happen more often to be met at all.
fn rough_for_streams() -> Rates {
    Rates {
        drop_answer: 60,
        repeat: 100,
        cut_answer: 250,
        truncate: 60,
        hold: 150,
        tunnel_bytes_max: 40_000,
        ..Rates::rough()
    }
}

/// The session with this number: each uses the protocol in another way.
fn plan(number: u64, seed: u64, transport: Transport, change_every: u32) -> Duplex {
    let half = MESSAGES / 2;
    let (up, down, end) = match number % 4 {
        0 => (half, half, End::Page),
        1 => (half, half, End::Target),
        // Nothing comes down that a closing target would have to send first.
        2 => (MESSAGES, 0, End::PageAtOnce),
        // Nothing goes up that the target would wait for: its close follows its last message at once.
        _ => (0, MESSAGES, End::Target),
    };
    let forms = match number % 3 {
        0 => vec![Form::Frames],
        1 => vec![Form::Frames64, Form::Frames, Form::Raw, Form::Fields, Form::Base64],
        _ => vec![Form::Raw, Form::Fields, Form::Base64],
    };
    let settings = Settings {
        forms,
        in_flight: if number.is_multiple_of(2) { 1 } else { 6 },
        unit_bytes: [16 * 1024, 1024, 40_000][usize::try_from(number % 3).unwrap()],
        poll_bytes: [Some(2048), None, Some(16 * 1024)][usize::try_from(number % 3).unwrap()],
        ttl: Duration::from_secs(5),
        seed: seed + number,
        ..Settings::on(transport)
    };
    Duplex { seed: seed + number, up, down, end, transports: Transport::ALL.to_vec(), change_every, settings }
}

async fn exactly_once(transport: Transport, change_every: u32, rates: Rates) {
    let seed = seed();
    println!("SEED={seed}");
    let begin = Instant::now();
    let upstream = std::sync::Arc::new(Upstream::start().await.unwrap());
    let mut cluster = TestCluster::dev(&[]).await.unwrap();
    let proxy = FaultProxy::start(cluster.router(), Plan::new(seed, rates)).await.unwrap();
    let router = cluster.router().to_string();
    let mut sessions = JoinSet::new();
    for number in 0..SESSIONS {
        let plan = plan(number, seed, transport, change_every);
        let http = HttpClient::new(Dialer::through(proxy.address()));
        let (router, upstream) = (router.clone(), upstream.clone());
        sessions.spawn(async move { run(&http, &router, &upstream, &plan).await });
    }
    let all = tokio::time::timeout(TEST_MAX, async {
        while let Some(done) = sessions.join_next().await {
            let statistics =
                done.unwrap().unwrap_or_else(|error| panic!("SEED={seed}: {error}\n{}", cluster.logs()));
            println!("{statistics:?}");
        }
    });
    assert!(all.await.is_ok(), "SEED={seed}: not done within {TEST_MAX:?}: {:?}", proxy.counts());
    let counts = proxy.counts();
    println!("{transport:?} in {:?}: {counts:?}", begin.elapsed());
    // A run that met no faults has proved nothing.
    let faults: u64 =
        counts.iter().filter(|(name, _)| !["pass", "tunnel"].contains(name)).map(|(_, n)| n).sum();
    assert!(faults >= 10, "SEED={seed}: {counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn by_polls() {
    exactly_once(Transport::Poll, 0, Rates::rough()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_scripts() {
    exactly_once(Transport::Jsonp, 0, Rates::rough()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_streams() {
    exactly_once(Transport::Stream, 0, rough_for_streams()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_event_streams() {
    exactly_once(Transport::Sse, 0, rough_for_streams()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_websockets() {
    exactly_once(Transport::WebSocket, 0, rough_for_streams()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_one_transport_after_another() {
    exactly_once(Transport::Poll, 30, Rates::rough()).await;
}
