//! When a reading may be answered "not modified".

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use polysocket_config::Span;

use crate::api::{Api, json};
use crate::bed::{Bed, Talks, eventually};

/// An API whose only validator is `Last-Modified`, which two changes within one second do not change.
async fn by_the_second(modified: SystemTime) -> (Api, Arc<AtomicU64>) {
    let n = Arc::new(AtomicU64::new(1));
    let (counter, modified) = (n.clone(), httpdate::fmt_http_date(modified));
    let api = Api::new(move |seen| {
        if seen.method == http::Method::PUT {
            counter.fetch_add(1, Ordering::SeqCst);
            return json(204, &[], "");
        }
        let headers = [("last-modified", modified.as_str())];
        match seen.header("if-modified-since") {
            Some(_) => json(304, &headers, ""),
            None => json(200, &headers, counter.load(Ordering::SeqCst).to_string()),
        }
    })
    .await;
    (api, n)
}

#[tokio::test]
async fn after_a_write_it_is_read_whole() {
    let (api, _) = by_the_second(SystemTime::now() - Duration::from_secs(60)).await;
    let bed = Bed::new(&api.url).await;
    let (mut binder, mut writer) = (bed.client().await, bed.client().await);
    assert_eq!(binder.bind("/a").await, 1);
    eventually("polls are conditional", async || {
        api.seen().iter().any(|seen| seen.header("if-modified-since").is_some())
    })
    .await;
    for n in 2..5 {
        writer.ask(r#"{"id":1,"event":"update","uri":"/a","data":{}}"#).await;
        assert_eq!(binder.json().await["data"], n);
    }
}

#[tokio::test]
async fn a_date_that_is_too_young_is_no_validator() {
    let (api, n) = by_the_second(SystemTime::now() + Duration::from_secs(60)).await;
    let bed = Bed::new(&api.url).await;
    let mut binder = bed.client().await;
    assert_eq!(binder.bind("/a").await, 1);
    eventually("it is polled", async || api.reads("/a") > 3).await;
    n.store(2, Ordering::SeqCst);
    assert_eq!(binder.json().await["data"], 2);
}

#[tokio::test]
async fn not_modified_without_having_been_asked() {
    let api = Api::new(|_| json(304, &[("etag", "\"1\"")], "")).await;
    let bed = Bed::with(&api.url, |setup| setup.config.poll_every = Span::seconds(60)).await;
    let mut client = bed.client().await;
    let answer = client.ask(r#"{"seqId":1,"event":"bind","path":"/a"}"#).await;
    assert!(answer.contains(r#""code":"upstream_error","httpStatus":304"#), "{answer}");
}
