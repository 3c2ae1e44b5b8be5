//! Where changes are learned from beside writes, pushes and polls: events of the API; and the demo API.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use polysocket_config::Span;
use polysocket_pogo::demo::Demo;
use polysocket_service::Lifecycle;
use polysocket_service::http::{HttpConfig, HttpMetrics, Routes, Server, bind};
use prometheus::Registry;
use tokio::sync::mpsc;

use crate::api::{Api, Seen, json};
use crate::bed::{Bed, Talks, eventually};

type Says = mpsc::UnboundedSender<&'static str>;

/// An API with one resource and a stream of events of it.
async fn streaming(state: &Arc<Mutex<String>>) -> (Api, Arc<Mutex<Vec<Says>>>) {
    let says: Arc<Mutex<Vec<Says>>> = Arc::default();
    let (open, shown) = (says.clone(), state.clone());
    let api = Api::new(move |seen: &Seen| {
        if seen.header("accept") != Some("text/event-stream") {
            return json(200, &[], shown.lock().unwrap().clone());
        }
        stream_to(&open)
    })
    .await;
    (api, says)
}

/// An answer that goes on with whatever is said.
fn stream_to(open: &Mutex<Vec<Says>>) -> Response {
    let (sender, receiver) = mpsc::unbounded_channel::<&'static str>();
    open.lock().unwrap().push(sender);
    let chunks = stream::unfold(receiver, |mut receiver| async {
        let chunk = receiver.recv().await?;
        Some((Ok::<_, std::convert::Infallible>(Bytes::from_static(chunk.as_bytes())), receiver))
    });
    Response::builder().header("content-type", "text/event-stream").body(Body::from_stream(chunks)).unwrap()
}

#[tokio::test]
async fn events_of_the_api() {
    for values in [false, true] {
        let state = Arc::new(Mutex::new(r#"{"n":1}"#.to_owned()));
        let (api, says) = streaming(&state).await;
        let bed = Bed::with(&api.url, |setup| {
            setup.config.poll_every = Span::seconds(60);
            setup.config.event_paths = vec!["/live".into()];
            setup.config.event_values = values;
        })
        .await;
        let mut client = bed.client().await;
        client.bind("/live/a").await;
        client.bind("/else").await;
        eventually("it is listened to", async || says.lock().unwrap().len() == 1).await;
        *state.lock().unwrap() = r#"{"n":2}"#.to_owned();
        says.lock().unwrap()[0].send("data: {\"n\":2}\n\n").unwrap();
        assert_eq!(client.text().await, r#"{"event":"response","path":"/live/a","data":{"n":2}}"#);
        *state.lock().unwrap() = r#"{"n":3}"#.to_owned();
        says.lock().unwrap()[0].send(": ping\n\nevent: changed\ndata\n\n").unwrap();
        assert_eq!(
            client.json().await["data"]["n"],
            3,
            "an event without a value says that there is another"
        );
        // It breaks off: what changed meanwhile is found, and the stream opened again.
        *state.lock().unwrap() = r#"{"n":4}"#.to_owned();
        says.lock().unwrap().remove(0);
        assert_eq!(client.json().await["data"]["n"], 4);
        eventually("it is listened to again", async || says.lock().unwrap().len() == 1).await;
        assert_eq!(api.reads("/else"), 1);
    }
}

/// The stream was opened with somebody's token, when everybody might see what it says.
#[tokio::test]
async fn events_of_what_is_public_are_not_believed() {
    let state = Arc::new(Mutex::new("1".to_owned()));
    let says: Arc<Mutex<Vec<Says>>> = Arc::default();
    let (open, shown) = (says.clone(), state.clone());
    let api = Api::new(move |seen: &Seen| {
        if seen.header("accept") == Some("text/event-stream") {
            return stream_to(&open);
        }
        let own = format!("\"of {}\"", seen.token().unwrap_or("nobody"));
        match shown.lock().unwrap().as_str() {
            "private" => json(200, &[], own),
            public => json(200, &[("cache-control", "public")], public),
        }
    })
    .await;
    let bed = Bed::with(&api.url, |setup| {
        setup.config.poll_every = Span::seconds(60);
        setup.config.event_paths = vec!["/live".into()];
        setup.config.event_values = true;
    })
    .await;
    let (mut anna, mut otto) = (bed.user("token-of-anna").await, bed.user("token-of-otto").await);
    assert_eq!((anna.bind("/live").await, otto.bind("/live").await), (1.into(), 1.into()));
    eventually("it is listened to", async || says.lock().unwrap().len() == 1).await;
    *state.lock().unwrap() = "private".to_owned();
    says.lock().unwrap()[0].send("data: \"of token-of-anna\"\n\n").unwrap();
    assert_eq!(otto.json().await["data"], "of token-of-otto");
    assert_eq!(anna.json().await["data"], "of token-of-anna");
}

#[tokio::test]
async fn the_demo() {
    let (life, metrics) = (Lifecycle::new(), Registry::new());
    let bound = bind("127.0.0.1:0", None).unwrap();
    let url = format!("http://{}", bound.address().unwrap());
    let demo = Routes::new(Demo::new().routes());
    Server::new(demo, HttpConfig::default(), life, HttpMetrics::new(&metrics)).serve(bound);
    let bed = Bed::new(&url).await;
    let (mut client, mut other) = (bed.client().await, bed.client().await);
    assert_eq!(other.bind("/posts/1234").await["title"], "Post title");
    assert_eq!(other.bind("/posts").await.as_array().unwrap().len(), 2);
    client.say(r#"{"id":1,"event":"create","uri":"/posts","data":{"title":"New"}}"#).await;
    assert_eq!(client.json().await["data"]["id"], 1235);
    assert_eq!(other.json().await["data"].as_array().unwrap().len(), 3);
    client.ask(r#"{"id":1,"event":"update","uri":"/posts/1234","data":{"title":"Changed"}}"#).await;
    let mut paths =
        [other.json().await, other.json().await].map(|frame| frame["path"].as_str().unwrap().to_owned());
    paths.sort();
    assert_eq!(paths, ["/posts", "/posts/1234"]);
    client.ask(r#"{"id":1,"event":"delete","uri":"/posts/1234"}"#).await;
    let gone = [other.json().await, other.json().await].into_iter().find(|frame| frame["status"] == 410);
    assert_eq!(gone.unwrap()["path"], "/posts/1234");
    let wrong = client.ask(r#"{"id":1,"event":"create","uri":"/posts","data":[]}"#).await;
    assert!(wrong.contains(r#""code":"unprocessable","httpStatus":422"#), "{wrong}");
    eventually("polls are answered 304", async || {
        bed.metric("polysocket_pogo_readings_total", "not-modified") > 3
    })
    .await;
}
