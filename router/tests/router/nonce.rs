//! Repeats.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::Request;
use polysocket_config::Tables;
use polysocket_registry::Registry;
use polysocket_tokens::{AuthConfig, Keyring, StaticToken};

use crate::bed::{Bed, CREATE, CREATE_V1, memory, send, time_passes};
use crate::relay::{Does, Relay, lease};

const NONCE: &str = "&nonce=0123456789abcdef";

fn create() -> String {
    format!("{CREATE_V1}{NONCE}")
}

#[tokio::test(start_paused = true)]
async fn a_repeat_finds_the_same_socket() {
    let registry = memory();
    let (bed, other) = (Bed::with(registry.clone(), |_| ()), Bed::with(registry.clone(), |_| ()));
    let mut tom = Relay::start(&registry, "tom", Does::Open).await;
    let mut ann = Relay::start(&registry, "ann", Does::Open).await;
    let first = bed.get(&create()).await;
    let socket = first.socket();
    let (asked, here) = tokio::select! {
        asked = tom.asked() => (asked, &mut tom),
        asked = ann.asked() => (asked, &mut ann),
    };
    // Also by a script, and by another router.
    for _ in 0..4 {
        assert_eq!(other.get(&create()).await.body, first.body);
        assert_eq!(here.asked().await.request_id, asked.request_id);
    }
    let script = bed.get(&format!("{}&cb=go", create())).await;
    assert_eq!(script.body, format!("/**/go({});", first.body));
    // Another nonce, another target, and no nonce are other sockets.
    for other in [
        format!("{CREATE_V1}&nonce=0123456789abcdeF"),
        format!("/create?v=1&target=ws://target.example/other{NONCE}"),
        CREATE_V1.to_owned(),
    ] {
        assert_ne!(bed.get(&other).await.socket(), socket, "{other}");
    }
    // It is forgotten before the relay forgets the request.
    time_passes(Duration::from_secs(15)).await;
    assert_ne!(bed.get(&create()).await.socket(), socket);
}

#[tokio::test(start_paused = true)]
async fn another_token_has_other_nonces() {
    let token = |name: &str| StaticToken {
        name: name.to_owned(),
        key: Some(format!("static-for-tests-{name}")),
        targets: vec!["*".to_owned()],
        sockets_max: Some(1),
        ..StaticToken::default()
    };
    let auth = AuthConfig { tokens: Tables::from(vec![token("one"), token("two")]), ..AuthConfig::default() };
    let bed = Bed::with(memory(), |parts| parts.keyring = Some(Keyring::new(&auth).unwrap()));
    let mut relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    let one = bed.get(&format!("{}&token=static-for-tests-one", create())).await.socket();
    let two = bed.get(&format!("{}&token=static-for-tests-two", create())).await.socket();
    assert_ne!(one, two);
    // A repeat is no second socket of the token.
    assert_eq!(bed.get(&format!("{}&token=static-for-tests-one", create())).await.socket(), one);
    assert_eq!(relay.asked().await.socket_lease.unwrap().holder, "key:one");
    bed.get(&format!("{CREATE}&token=static-for-tests-one")).await.refused("limit");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_hangs_up_finds_its_socket_when_it_comes_again() {
    let bed = Bed::open();
    let mut relay = Relay::start(&bed.registry, "tom", Does::Wait).await;
    let request = Request::get(create()).body(Body::empty()).unwrap();
    let hung_up = tokio::spawn(send(bed.app.clone(), request));
    let asked = relay.asked().await;
    hung_up.abort();
    assert!(hung_up.await.unwrap_err().is_cancelled());
    let again = tokio::spawn(send(bed.app.clone(), Request::get(create()).body(Body::empty()).unwrap()));
    assert_eq!(relay.asked().await.request_id, asked.request_id, "no cancel came before");
    relay.tell(Does::Open);
    let socket = again.await.unwrap().socket();
    assert_eq!(bed.get(&create()).await.socket(), socket);
    assert_eq!(bed.creates("hung-up"), 0, "it went on without its client");
    assert_eq!(bed.creates("opened"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_nonce_moves_when_its_node_is_gone() {
    let registry = memory();
    let bed = Bed::with(registry.clone(), |_| ());
    let tom = Relay::start(&registry, "tom", Does::Open).await;
    let socket = bed.get(&create()).await.socket();
    assert!(socket.starts_with("tom."));
    // Its process ends, and nobody knows yet; another relay is there.
    drop(tom);
    let mut ann = Relay::start(&registry, "ann", Does::Open).await;
    until_known(&bed, &registry).await;
    let moved = bed.get(&create()).await.socket();
    assert!(moved.starts_with("ann."), "{moved}");
    assert_eq!(bed.metric("polysocket_router_placements_retried_total", ""), 1);
    let asked = ann.asked().await;
    // From then on it is there, for every router.
    let other = Bed::with(registry.clone(), |_| ());
    assert_eq!(other.get(&create()).await.socket(), moved);
    assert_eq!(ann.asked().await.request_id, asked.request_id);
}

#[tokio::test(start_paused = true)]
async fn a_nonce_moves_when_its_node_has_a_later_life() {
    let registry = memory();
    let bed = Bed::with(registry.clone(), |_| ());
    let tom = Relay::start(&registry, "tom", Does::Open).await;
    let socket = bed.get(&create()).await.socket();
    drop(tom);
    let mut tom = Relay::with(&registry, lease("tom", 2), Does::Open).await;
    until_known(&bed, &registry).await;
    let moved = bed.get(&create()).await.socket();
    assert_ne!(moved, socket);
    assert_eq!(tom.boot, 2);
    tom.asked().await;
}

#[tokio::test(start_paused = true)]
async fn a_repeat_needs_no_place_of_its_own() {
    let bed = Bed::open();
    let mut last = lease("tom", 1);
    last.capacity = 1;
    let _relay = Relay::with(&bed.registry, last, Does::Open).await;
    let socket = bed.get(&create()).await.socket();
    bed.get(&format!("{CREATE_V1}&nonce=fedcba9876543210")).await.refused("no-capacity");
    assert_eq!(bed.get(&create()).await.socket(), socket);
}

/// Until the router's table is what the registry's is now: it is read twice a second.
async fn until_known(bed: &Bed, registry: &Arc<dyn Registry>) {
    let nodes = registry.nodes().await.unwrap().len();
    time_passes(Duration::from_millis(600)).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(bed.metric("polysocket_router_nodes", ""), i64::try_from(nodes).unwrap());
}
