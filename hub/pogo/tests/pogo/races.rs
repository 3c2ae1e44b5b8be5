//! Changes that come at once, from several sides.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use polysocket_config::Span;
use tokio::sync::mpsc;

use crate::api::{Api, json};
use crate::bed::{Bed, Talks, eventually};

#[tokio::test]
async fn pushes_that_cross_between_nodes() {
    let api = Api::new(|_| json(200, &[], r#""first""#)).await;
    let (one, other) = Bed::two(&api.url).await;
    let (mut here, mut there) = (one.client().await, other.client().await);
    here.bind("/a").await;
    there.bind("/a").await;
    api.now(|_| json(200, &[], r#""in the end""#));
    let public = [("Cache-Control", "public")];
    let pushes = (one.push("PUT", "/a", &public, r#""one""#), other.push("PUT", "/a", &public, r#""other""#));
    assert_eq!(tokio::join!(pushes.0, pushes.1), (204, 204));
    for client in [&mut here, &mut there] {
        while client.json().await["data"] != "in the end" {}
    }
}

#[tokio::test]
async fn many_events_of_the_api_and_few_readings() {
    const ROUNDS: u32 = 6;
    const SHORTEST: Duration = Duration::from_millis(200);
    let says: Arc<Mutex<Option<mpsc::UnboundedSender<Bytes>>>> = Arc::default();
    let open = says.clone();
    let n = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counter = n.clone();
    let api = Api::new(move |seen| {
        if seen.header("accept") != Some("text/event-stream") {
            return json(200, &[], counter.load(std::sync::atomic::Ordering::SeqCst).to_string());
        }
        let (sender, receiver) = mpsc::unbounded_channel::<Bytes>();
        *open.lock().unwrap() = Some(sender);
        let chunks = stream::unfold(receiver, |mut receiver| async {
            Some((Ok::<_, std::convert::Infallible>(receiver.recv().await?), receiver))
        });
        let response = Response::builder().header("content-type", "text/event-stream");
        response.body(Body::from_stream(chunks)).unwrap()
    })
    .await;
    let bed = Bed::with(&api.url, |setup| {
        setup.config.poll_every = Span::seconds(60);
        setup.config.poll_shortest = Span::millis(200);
        setup.config.event_paths = vec!["/live".into()];
    })
    .await;
    let mut client = bed.client().await;
    client.bind("/live").await;
    eventually("it is listened to", async || says.lock().unwrap().is_some()).await;
    let begun = Instant::now();
    for round in 1..=ROUNDS {
        n.store(round, std::sync::atomic::Ordering::SeqCst);
        says.lock().unwrap().as_ref().unwrap().send(Bytes::from_static(b"data\n\n")).unwrap();
        assert_eq!(client.json().await["data"], round, "none is lost");
    }
    assert!(begun.elapsed() >= SHORTEST * (ROUNDS - 2), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_write_that_is_refused_says_something_about_the_resource() {
    for status in [404, 409, 410, 412] {
        let api = Api::new(|_| json(200, &[], "1")).await;
        let bed = Bed::with(&api.url, |setup| setup.config.poll_every = Span::seconds(60)).await;
        let (mut binder, mut writer) = (bed.client().await, bed.client().await);
        binder.bind("/a").await;
        api.now(move |seen| match seen.method {
            http::Method::PUT => json(status, &[], "{}"),
            _ => json(200, &[], "2"),
        });
        let answer = writer.ask(r#"{"seqId":1,"event":"put","path":"/a","data":{}}"#).await;
        assert!(answer.contains(r#""status":"error""#), "{answer}");
        assert_eq!(binder.json().await["data"], 2, "{status}");
    }
}

/// Anybody can fail to write, above all other paths, too.
#[tokio::test]
async fn a_write_that_is_refused_says_nothing_of_what_is_below() {
    for status in [404, 500] {
        let api = Api::new(|_| json(200, &[], "1")).await;
        let (one, other) = Bed::two(&api.url).await;
        let (mut here, mut there) = (one.client().await, other.client().await);
        for binder in [&mut here, &mut there] {
            binder.bind("/").await;
            binder.bind("/a").await;
        }
        api.now(move |seen| match seen.method {
            http::Method::DELETE => json(status, &[], "{}"),
            _ => json(200, &[], "2"),
        });
        let answer = one.client().await.ask(r#"{"seqId":1,"event":"delete","path":"/"}"#).await;
        assert!(answer.contains(r#""status":"error""#), "{answer}");
        for binder in [&mut here, &mut there] {
            let frame = binder.json().await;
            assert_eq!((&frame["path"], &frame["data"]), (&"/".into(), &2.into()), "{status}");
            // What else was touched would be read before this is.
            assert!(binder.ask(r#"{"id":1,"event":"show","uri":"/b"}"#).await.contains(r#""data":2"#));
        }
        assert_eq!((api.reads("/"), api.reads("/a")), (4, 2), "{status}");
    }
}

#[tokio::test]
async fn many_writes_that_are_refused_and_few_readings() {
    let api = Api::new(|_| json(200, &[], "1")).await;
    let bed = Bed::with(&api.url, |setup| {
        setup.config.poll_every = Span::seconds(60);
        setup.config.poll_shortest = Span::seconds(60);
    })
    .await;
    let (mut binder, mut writer) = (bed.client().await, bed.client().await);
    binder.bind("/a").await;
    api.now(move |seen| match seen.method {
        http::Method::PUT => json(404, &[], "{}"),
        _ => json(200, &[], "2"),
    });
    let put = r#"{"seqId":1,"event":"put","path":"/a","data":{}}"#;
    writer.ask(put).await;
    assert_eq!(binder.json().await["data"], 2, "the first at once");
    for _ in 0..20 {
        writer.ask(put).await;
    }
    assert_eq!(api.reads("/a"), 2);
}

#[tokio::test]
async fn what_cannot_be_said_in_both_encodings() {
    let api = Api::new(|_| json(200, &[], "1")).await;
    let bed = Bed::new(&api.url).await;
    let mut client = bed.client().await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for data in [r#""\ud800""#, "1e999", &deep] {
        let answer =
            client.ask(&format!(r#"{{"seqId":1,"event":"hello","channel":"c","data":{data}}}"#)).await;
        assert!(answer.contains(r#""code":"bad_request""#), "{answer}");
    }
}
