//! Routers and relays as processes of their own: the harness finds them, and what their death looks like.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use polysocket_tests::client::{Close, Event, Legacy, Message, Session, Settings, Transport};
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::upstream::{Foreign, Upstream};

const SOON: Duration = Duration::from_secs(10);

async fn open(cluster: &TestCluster, target: &str, transport: Transport) -> Session {
    let client = cluster.client();
    let session = Session::open(&client, &cluster.create(target), Settings::on(transport)).await.unwrap();
    assert!(matches!(session.expect_within(SOON).await, Event::Open { .. }));
    session
}

async fn echoes(session: &Session, text: &str) {
    session.send(Message::text(text));
    assert_eq!(
        session.expect_within(SOON).await,
        Event::Message(Message::text(text)),
        "{}",
        session.describe()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transport_reaches_servers_of_others() {
    let cluster = TestCluster::redis(2, 2).await.unwrap();
    for target in [Foreign::ws().await.unwrap(), Foreign::websockets().await.unwrap()] {
        for transport in Transport::ALL {
            let session = open(&cluster, &target.url(), transport).await;
            echoes(&session, "héllo").await;
            session.send(Message::text("close 3005 as asked"));
            let closed = Close { code: 3005, reason: "as asked".into(), clean: true, error: None };
            assert_eq!(session.expect_within(SOON).await, Event::Close(closed), "{transport:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_client_is_served() {
    let cluster = TestCluster::redis(1, 1).await.unwrap();
    let upstream = Upstream::start().await.unwrap();
    let router = cluster.router().to_string();
    let legacy = Legacy::create(&cluster.client(), &router, &upstream.url("/echo"), "").await.unwrap();
    assert_eq!(legacy.send(&Message::text("a & b")).await.status, 201);
    let posted = legacy.post(&Message::binary(vec![0, 255])).await;
    assert_eq!((posted.status, posted.json), (201, serde_json::Value::Null));
    let mut came = Vec::new();
    while came.len() < 2 {
        came.extend(legacy.messages(Duration::from_secs(5)).await.unwrap());
    }
    assert_eq!(came, [Message::text("a & b"), Message::binary(vec![0, 255])]);
    let refused = Legacy::create(&cluster.client(), &router, "http://example.com/", "").await.unwrap_err();
    assert_eq!((refused.status, refused.json["ok"].as_bool()), (200, Some(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_relay_ends_its_sessions_with_1006_as_the_router_says_so() {
    let mut cluster = TestCluster::redis(1, 2).await.unwrap();
    let upstream = Upstream::start().await.unwrap();
    let session = open(&cluster, &upstream.url("/echo"), Transport::Poll).await;
    echoes(&session, "before").await;
    let port: u16 = session.created().relay.rsplit(':').next().unwrap().parse().unwrap();
    let relay = cluster.relays.iter_mut().find(|relay| relay.port == port).unwrap();
    relay.program.kill().await.unwrap();
    // The client asks after 4 s, and gives up by itself only after 20 s.
    assert_eq!(session.expect_within(Duration::from_secs(18)).await, Event::Close(Close::abnormal()));
    relay.restart().await.unwrap();
    let next = open(&cluster, &upstream.url("/echo"), Transport::Poll).await;
    echoes(&next, "after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_registry_sessions_go_on() {
    let mut cluster = TestCluster::redis(1, 1).await.unwrap();
    let upstream = Upstream::start().await.unwrap();
    let session = open(&cluster, &upstream.url("/echo"), Transport::Stream).await;
    cluster.redis.as_mut().unwrap().kill().await.unwrap();
    echoes(&session, "nobody notices").await;
    let (client, wish) = (cluster.client(), cluster.create(&upstream.url("/echo")));
    let error = Session::open(&client, &wish, Settings::default()).await.unwrap_err().to_string();
    assert!(error.contains("unavailable"), "{error}");
    cluster.redis.as_mut().unwrap().restart().await.unwrap();
    session.close(Some(3000), "done");
    let closed = Close { code: 3000, reason: "done".into(), clean: true, error: None };
    assert_eq!(session.expect_within(SOON).await, Event::Close(closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_told_to_stop_closes_with_1001() {
    let mut cluster = TestCluster::redis(1, 1).await.unwrap();
    let upstream = Upstream::start().await.unwrap();
    let session = open(&cluster, &upstream.url("/echo"), Transport::Poll).await;
    let stopping = tokio::spawn(async move {
        cluster.relays[0].program.stop().await.unwrap();
        cluster
    });
    match session.expect_within(Duration::from_secs(15)).await {
        Event::Close(close) => assert_eq!(close.code, 1001, "{close:?}"),
        other => panic!("{other:?}"),
    }
    upstream
        .expect("1001", SOON, |seen| seen.close.as_ref().is_some_and(|close| close.0 == Some(1001)))
        .await;
    session.finished().await;
    stopping.await.unwrap();
}
