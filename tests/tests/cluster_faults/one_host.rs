//! One hostname: every socket is reached through the first relay, which passes on what is not its own.

use std::time::{Duration, Instant};

use polysocket_tests::client::http::Request;
use polysocket_tests::client::{Create, create};
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::patience::PATIENCE;

use crate::redis_killed::outage;
use crate::{Bed, turn};

const ANSWER_MAX: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn every_transport_reaches_every_relay_also_without_the_registry() {
    let _turn = turn().await;
    let mut bed = Bed::new(TestCluster::redis_one_host(2, 3, &[]).await.unwrap()).await;
    bed.load(20).await;
    bed.advance(50).await;
    outage(&mut bed).await;
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_knows_no_other_does_not_call_a_socket_gone_while_the_registry_is_away() {
    let _turn = turn().await;
    let mut bed = Bed::new(TestCluster::redis_one_host(1, 2, &[]).await.unwrap()).await;
    let wish =
        Create { router: bed.routers[0].clone(), target: bed.upstream.url("/echo"), ..Create::default() };
    let created = create(&bed.http, &wish).await.map_err(|e| e.to_string());
    let socket = bed.told(created).socket;
    let other =
        bed.cluster.relays.iter_mut().find(|relay| relay.name != crate::load::node_of(&socket)).unwrap();
    // It comes back knowing nobody.
    other.program.kill().await.unwrap();
    other.restart().await.unwrap();
    let url = format!("127.0.0.1:{}/j/{socket}?v=1&ack=0&ttl=1000", other.port);
    let redis = bed.cluster.redis.as_ref().unwrap();
    redis.freeze().await.unwrap();
    let answer = bed.http.request(&Request::get(&url), ANSWER_MAX).await.unwrap();
    assert!(String::from_utf8_lossy(&answer.body).contains(r#""code":"busy""#), "{answer:?}");
    bed.cluster.redis.as_ref().unwrap().thaw().await.unwrap();
    assert_eq!(status(&mut bed, &url, "j").await, 200);
    bed.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_were_never_issued_are_refused_everywhere() {
    let _turn = turn().await;
    let mut bed = Bed::new(TestCluster::redis_one_host(1, 3, &[]).await.unwrap()).await;
    let front = format!("127.0.0.1:{}", bed.cluster.relays[0].port);
    let mut sockets: Vec<(String, String)> = Vec::new();
    // The router may not have heard of all relays yet.
    let until = Instant::now() + PATIENCE;
    while !bed.cluster.relays.iter().all(|relay| sockets.iter().any(|(node, _)| *node == relay.name)) {
        let wish =
            Create { router: bed.routers[0].clone(), target: bed.upstream.url("/echo"), ..Create::default() };
        let created = create(&bed.http, &wish).await.map_err(|e| e.to_string());
        let created = bed.told(created);
        let node = crate::load::node_of(&created.socket);
        assert_eq!(created.relay, format!("{front}/r/{node}"));
        if !sockets.iter().any(|(known, _)| *known == node) {
            sockets.push((node, created.socket));
        }
        assert!(Instant::now() < until, "a relay gets none");
    }
    let relays: Vec<_> = bed.cluster.relays.iter().map(|relay| (relay.name.clone(), relay.port)).collect();
    let mut asked = 0;
    for (node, socket) in &sockets {
        // The socket says where it lives, not the prefix.
        for prefix in [format!("/r/{node}"), "/r/relay0".into(), "/r/nobody".into(), String::new()] {
            assert_eq!(status(&mut bed, &format!("{front}{prefix}/s/{socket}?v=1&ack=0"), "").await, 201);
        }
        for forged in forgeries(node, socket) {
            for (name, port) in &relays {
                // The node that holds the session looks at the key alone: whoever has it, has the session.
                if name == node && has_key_of(&forged, socket) {
                    continue;
                }
                for path in ["s", "j", "x", "e", "w"] {
                    let url = format!("127.0.0.1:{port}/r/{node}/{path}/{forged}?v=1&ack=0");
                    assert_eq!(status(&mut bed, &url, path).await, 403, "{url}");
                    asked += 1;
                }
            }
        }
    }
    println!("{asked} requests with ids that were never issued: all 403");
}

/// The key is the first 16 bytes of the secret: 21 characters, and a part of the next.
fn has_key_of(forged: &str, socket: &str) -> bool {
    let key = |id: &str| id.split_once('.').and_then(|(_, secret)| secret.get(..22)).map(String::from);
    key(forged).is_some_and(|forged| Some(forged) == key(socket))
}

/// Ids that are near to a real one, and some that are not.
fn forgeries(node: &str, socket: &str) -> Vec<String> {
    let secret = &socket[node.len() + 1..];
    let changed = |at: usize| {
        let other = if &secret[at..=at] == "A" { "B" } else { "A" };
        format!("{node}.{}{other}{}", &secret[..at], &secret[at + 1..])
    };
    let other_node = if node == "relay1" { "relay2" } else { "relay1" };
    vec![
        // In the key, the boot id and the MAC: 16, 8 and 8 bytes at 6 bits per character.
        changed(0),
        changed(25),
        changed(36),
        changed(41),
        format!("{other_node}.{secret}"),
        format!("nobody.{secret}"),
        format!("{node}."),
        format!("{node}.{}", &secret[1..]),
        format!("{node}.{}", "A".repeat(secret.len())),
        "garbage".into(),
        "%00%ff".into(),
        "a".repeat(3000),
    ]
}

async fn status(bed: &mut Bed, url: &str, path: &str) -> u16 {
    let request = match path {
        "" | "s" => Request::post(url, ""),
        _ => Request::get(url),
    };
    let answer = bed.http.request(&request, ANSWER_MAX).await.map_err(|e| format!("{url}: {e}"));
    bed.told(answer).head.status()
}
