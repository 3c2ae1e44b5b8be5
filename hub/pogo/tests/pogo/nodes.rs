//! Two nodes over one broker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::api::{Api, json};
use crate::bed::{Bed, Talks, eventually};

#[tokio::test]
async fn a_write_by_one_node_reaches_binders_of_the_other() {
    let n = Arc::new(AtomicU64::new(1));
    let counter = n.clone();
    let api = Api::new(move |seen| {
        if seen.method == http::Method::PUT {
            counter.fetch_add(1, Ordering::SeqCst);
        }
        json(200, &[], format!(r#"{{"n":{}}}"#, counter.load(Ordering::SeqCst)))
    })
    .await;
    let (one, other) = Bed::two(&api.url).await;
    let (mut writer, mut binder) = (one.client().await, other.client().await);
    assert_eq!(binder.bind("/a").await["n"], 1);
    writer.ask(r#"{"id":1,"event":"update","uri":"/a","data":{}}"#).await;
    assert_eq!(binder.json().await["data"]["n"], 2);
    let reads = api.reads("/a");
    assert_eq!(one.push("PUT", "/a", &[("Cache-Control", "public")], r#"{"n":"pushed"}"#).await, 204);
    assert_eq!(binder.json().await["data"]["n"], "pushed");
    assert_eq!(api.reads("/a"), reads, "a pushed state needs no read on any node");
    assert_eq!(one.push("DELETE", "/a", &[("Cache-Control", "public")], "").await, 204);
    assert_eq!(binder.json().await["status"], 410);
    // Channels are the cluster's.
    binder.say(r#"{"event":"channel:subscribe","channel":"c"}"#).await;
    binder.quiet().await;
    writer.say(r#"{"event":"hello","channel":"c"}"#).await;
    assert_eq!(binder.text().await, r#"{"event":"hello","channel":"c"}"#);
    // A push that no message of the broker can hold is read instead.
    eventually("it is there", async || api.reads("/a") == reads).await;
    let long = format!(r#"{{"n":"{}"}}"#, "x".repeat(500_000));
    assert_eq!(one.push("PUT", "/a", &[("Cache-Control", "public")], &long).await, 204);
    assert_eq!(binder.json().await["data"]["n"], 2);
}
