//! How much a token may have, and a router.

use polysocket_config::Tables;
use polysocket_registry::{Admission, Registry, SocketLease, Verdict};
use polysocket_tokens::{AuthConfig, Keyring, StaticToken};

use crate::bed::{Bed, CREATE, CREATE_V1, memory, send, time_passes};
use crate::relay::{Does, Heard, Relay};

const KEY: &str = "static-for-tests-only";

fn bed(sockets_max: Option<u32>, creates_per_second_max: Option<f64>) -> Bed {
    let token = StaticToken {
        name: "page".to_owned(),
        key: Some(KEY.to_owned()),
        targets: vec!["*".to_owned()],
        sockets_max,
        creates_per_second_max,
        ..StaticToken::default()
    };
    let auth = AuthConfig { tokens: Tables::from(vec![token]), ..AuthConfig::default() };
    Bed::with(memory(), |parts| parts.keyring = Some(Keyring::new(&auth).unwrap()))
}

fn create() -> String {
    format!("{CREATE_V1}&token={KEY}")
}

/// Waits until the token has room again; gives back what it took to find out.
async fn has_room(registry: &dyn Registry, sockets_max: u32) {
    let lease = SocketLease { holder: "key:page".to_owned(), id: "probe".to_owned() };
    let admission =
        Admission { lease: lease.clone(), sockets_max: Some(sockets_max), creates_per_second: None };
    for _ in 0..100 {
        if registry.admit(&admission).await.unwrap() == Verdict::Admitted {
            registry.release(&[lease]).await.unwrap();
            return;
        }
        tokio::task::yield_now().await;
    }
    panic!("no room");
}

#[tokio::test(start_paused = true)]
async fn sockets_at_the_same_time() {
    let bed = bed(Some(2), None);
    let mut relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    assert_eq!(bed.get(&create()).await.status, 200);
    let asked = relay.asked().await;
    let lease = asked.socket_lease.unwrap();
    assert_eq!((lease.holder.as_str(), &lease.id), ("key:page", &asked.request_id));
    assert_eq!(bed.get(&create()).await.status, 200);
    let second = relay.asked().await.socket_lease.unwrap();
    assert_ne!(lease.id, second.id);

    let answer = bed.get_from(&create(), "origin", "https://page.example").await;
    answer.refused("limit");
    assert_eq!(answer.header("retry-after"), "15");
    assert_eq!(answer.header("access-control-expose-headers"), "retry-after");
    let answer = bed.get(&format!("{}&cb=go", create())).await;
    assert!(answer.status == 200 && answer.body.contains(r#""code":"limit""#), "{}", answer.body);
    assert_eq!(answer.header("retry-after"), "");
    assert!(relay.heard_nothing());

    bed.registry.release(&[lease]).await.unwrap();
    assert_eq!(bed.get(&create()).await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn creates_per_second() {
    let bed = bed(None, Some(0.5));
    let _relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    assert_eq!(bed.get(&create()).await.status, 200);
    let answer = bed.get(&create()).await;
    answer.refused("limit");
    assert_eq!(answer.header("retry-after"), "2");
    time_passes(std::time::Duration::from_secs(2)).await;
    assert_eq!(bed.get(&create()).await.status, 200);
    // A token that may never create is not told so in centuries.
    let never = self::bed(None, Some(0.0));
    let _relay = Relay::start(&never.registry, "tom", Does::Open).await;
    assert_eq!(never.get(&create()).await.header("retry-after"), "3600");
}

#[tokio::test(start_paused = true)]
async fn what_came_to_nothing_is_not_counted() {
    let bed = bed(Some(1), None);
    let mut relay = Relay::start(&bed.registry, "tom", Does::Fail("upstream-refused")).await;
    bed.get(&create()).await.refused("upstream-refused");
    has_room(&*bed.registry, 1).await;

    // A client that hangs up while the target is dialled.
    relay.tell(Does::Wait);
    relay.asked().await;
    let request = http::Request::get(create()).body(axum::body::Body::empty()).unwrap();
    let hung_up = tokio::spawn(send(bed.app.clone(), request));
    let asked = relay.asked().await;
    hung_up.abort();
    assert!(hung_up.await.unwrap_err().is_cancelled());
    assert!(matches!(relay.hears().await, Heard::Cancelled(id) if id == asked.request_id));
    has_room(&*bed.registry, 1).await;
    assert_eq!(bed.creates("hung-up"), 1);
    assert_eq!(bed.metric("polysocket_router_creates_in_flight", ""), 0);
}

#[tokio::test(start_paused = true)]
async fn creates_at_once() {
    let bed = Bed::with(memory(), |parts| parts.config.creates_at_once_max = 1);
    let mut relay = Relay::start(&bed.registry, "tom", Does::Wait).await;
    let request = http::Request::get(CREATE).body(axum::body::Body::empty()).unwrap();
    let first = tokio::spawn(send(bed.app.clone(), request));
    relay.asked().await;
    bed.get(CREATE).await.refused("no-capacity");
    relay.tell(Does::Open);
    assert_eq!(first.await.unwrap().status, 200);
    assert_eq!(bed.get(CREATE).await.status, 200);
}
