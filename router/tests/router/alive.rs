//! `/alive/{socket}`.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use polysocket_protocol::SocketId;

use crate::bed::{Bed, cluster_key, memory, time_passes};
use crate::relay::{Does, Relay, lease};

fn id(node: &str, boot: u64) -> String {
    SocketId::issue(node, boot, 42, |bytes| cluster_key().sign(bytes)).to_string()
}

#[tokio::test(start_paused = true)]
async fn as_long_as_the_node_has_its_lease() {
    let registry = memory();
    let bed = Bed::with(registry.clone(), |_| ());
    let tom = Relay::start(&registry, "tom", Does::Open).await;
    let answer = bed.get(&format!("/alive/{}", id("tom", 1))).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"ok":true,"alive":true}"#));
    assert_eq!(
        (answer.header("content-type"), answer.header("cache-control")),
        ("application/json", "no-store")
    );
    for other in [id("tom", 2), id("ann", 1)] {
        assert_eq!(bed.get(&format!("/alive/{other}")).await.body, r#"{"ok":true,"alive":false}"#);
    }
    // It dies, and its lease after it; half a second later every router knows.
    drop(tom);
    time_passes(Duration::from_millis(3000 + 1)).await;
    let answer = bed.get(&format!("/alive/{}?cb=go", id("tom", 1))).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"/**/go({"ok":true,"alive":false});"#));
    assert_eq!(bed.metric("polysocket_router_alive_total", "dead"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_drains_is_alive() {
    let bed = Bed::open();
    let mut draining = lease("tom", 1);
    draining.draining = true;
    let _relay = Relay::with(&bed.registry, draining, Does::Open).await;
    assert_eq!(bed.get(&format!("/alive/{}", id("tom", 1))).await.body, r#"{"ok":true,"alive":true}"#);
}

#[tokio::test(start_paused = true)]
async fn what_was_never_ours() {
    let bed = Bed::open();
    let _relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    let forged = SocketId::issue("tom", 1, 42, |_| [0; 8]).to_string();
    for socket in ["x", "tom.x", &forged, &id("tom", 1).replace("tom", "ann")] {
        let answer = bed.get(&format!("/alive/{socket}?v=1")).await;
        answer.refused("gone");
        assert_eq!(answer.body, r#"{"ok":false,"error":"gone: there is no such socket","code":"gone"}"#);
        let answer = bed.get(&format!("/alive/{socket}?cb=go")).await;
        assert_eq!(answer.body, r#"/**/go({"ok":false,"error":"gone: there is no such socket"});"#);
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test(start_paused = true)]
async fn read_as_create_is() {
    let bed = Bed::open();
    let _relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    let path = format!("/alive/{}", id("tom", 1));
    let answer = bed.get_from(&path, "origin", "https://page.example").await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://page.example");
    bed.get(&format!("{path}?cb=a-b")).await.refused("bad-request");
    for method in ["HEAD", "POST"] {
        let request = Request::builder().method(method).uri(&path).body(Body::empty()).unwrap();
        assert_eq!(bed.send(request).await.status, 405);
    }
}
