//! Listening by server-sent events and by long polls, with the same key.

use polysocket_config::{Size, Span};
use polysocket_tests::event_stream::EventStream;
use serde_json::json;

use crate::bed::{Bed, Keys, PATIENCE, eventually};
use crate::hook::Hook;

/// An event stream, field by field.
struct Events(EventStream);

/// One event: its fields as they came.
#[derive(Debug, Default, PartialEq, Eq)]
struct Event {
    id: String,
    name: String,
    data: Vec<String>,
}

impl Events {
    async fn open(bed: &Bed, keys: &Keys, last: &str) -> Self {
        let path = format!("/channel/subscribe/{}", keys.subscriber);
        let mut headers = vec![("Host", "any.example"), ("Origin", "https://page.example")];
        if !last.is_empty() {
            headers.push(("Last-Event-ID", last));
        }
        let stream = EventStream::open(bed.address, &path, &headers).await.unwrap();
        assert_eq!(stream.head.header("access-control-allow-origin"), Some("https://page.example"));
        Self(stream)
    }

    /// The next event or comment; none at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        let mut event = Event::default();
        for line in self.0.block().await?.lines() {
            match line.split_once(": ") {
                Some(("id", id)) => id.clone_into(&mut event.id),
                Some(("event", name)) => name.clone_into(&mut event.name),
                Some(("data", data)) => event.data.push(data.to_owned()),
                _ => event.name = format!("comment{line}"),
            }
        }
        Some(event)
    }

    async fn data(&mut self) -> (String, Vec<String>) {
        let event = self.next().await.expect("an event");
        assert_eq!(event.name, "", "{event:?}");
        (event.id, event.data)
    }
}

#[tokio::test]
async fn events_come_as_they_are_published() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    let mut events = Events::open(&bed, &keys, "").await;
    let first = events.next().await.unwrap();
    assert_eq!(
        (first.name.as_str(), &first.data[..]),
        ("subscribed", &["{\"recovered\":null}".to_owned()][..])
    );
    for (body, lines) in [("one", vec!["one"]), ("two\nlines\n", vec!["two", "lines", ""]), ("", vec![""])] {
        bed.publish(&keys, body).await;
        assert_eq!(events.data().await.1, lines, "{body:?}");
    }
    bed.publish(&keys, b"\xff\x00").await;
    let event = events.next().await.unwrap();
    assert_eq!((event.name.as_str(), event.data[0].as_str()), ("binary", "/wA="));
    let shown = bed.get(&format!("/channel/{}", keys.publisher)).await.json();
    assert_eq!(shown["listeners"], 1);
    bed.delete(&keys).await;
    assert_eq!(events.next().await.unwrap().name, "closed");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn a_stream_that_was_cut_off_recovers() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    let mut events = Events::open(&bed, &keys, "").await;
    let subscribed = events.next().await.unwrap().id;
    bed.publish(&keys, "one").await;
    let (one, _) = events.data().await;
    drop(events);
    for body in ["two", "three"] {
        bed.publish(&keys, body).await;
    }
    for (last, missed) in [(&one, vec!["two", "three"]), (&subscribed, vec!["one", "two", "three"])] {
        let mut events = Events::open(&bed, &keys, last).await;
        let first = events.next().await.unwrap();
        assert_eq!((first.id.as_str(), first.data[0].as_str()), ("", "{\"recovered\":true}"));
        for body in missed {
            assert_eq!(events.data().await.1, [body]);
        }
    }
    // A position of a history that never was: told, and live from now on.
    let mut events = Events::open(&bed, &keys, "aaaaaaaaaaaaaaaa:1").await;
    assert_eq!(events.next().await.unwrap().data[0], "{\"recovered\":false}");
    bed.publish(&keys, "four").await;
    assert_eq!(events.data().await.1, ["four"]);
    for since in ["x", "a:b", "a:-1", ":", "a%20b:1"] {
        let path = format!("/channel/subscribe/{}?since={since}", keys.subscriber);
        let answer = bed.send("GET", &path, &[("Accept", "text/event-stream")], b"").await;
        assert_eq!((answer.status(), answer.json()["type"].as_str()), (400, Some("ERR")), "{since}");
    }
}

#[tokio::test]
async fn a_silent_stream_says_that_it_lives_and_ends_with_the_process() {
    let bed = Bed::with(|setup| setup.config.stream_ping_every = Span::millis(20)).await;
    let keys = bed.prepare("").await;
    let mut events = Events::open(&bed, &keys, "").await;
    assert_eq!(events.next().await.unwrap().name, "subscribed");
    for _ in 0..3 {
        assert_eq!(events.next().await.unwrap().name, "comment:");
    }
    let life = bed.life.clone();
    let finished = tokio::spawn(async move { life.finish(PATIENCE).await });
    while events.next().await.is_some() {}
    assert!(finished.await.unwrap());
}

#[tokio::test]
async fn a_stream_that_is_not_read_ends_and_loses_nothing() {
    let bed = Bed::with(|setup| setup.config.stream_queue_bytes_max = Size::kib(256)).await;
    let keys = bed.prepare("").await;
    let mut events = Events::open(&bed, &keys, "").await;
    let mut position = events.next().await.unwrap().id;
    // More than all buffers between can hold.
    let body = "x".repeat(200 * 1024);
    for _ in 0..90 {
        bed.publish(&keys, &body).await;
    }
    let mut streams = 1;
    let mut seen = 0;
    while seen < 90 {
        match events.next().await {
            Some(event) if event.name.is_empty() => {
                position = event.id;
                seen += 1;
            }
            Some(event) => assert!(event.data != ["{\"recovered\":false}"], "{event:?}"),
            None => {
                streams += 1;
                assert!(streams < 90, "each stream brings its client further");
                events = Events::open(&bed, &keys, &position).await;
            }
        }
    }
    assert!(streams > 1, "the first was ended");
}

#[tokio::test]
async fn polls_follow_each_other_without_a_gap() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    let path = format!("/channel/subscribe/{}?poll", keys.subscriber);
    let poll = async |more: &str| {
        let answer =
            bed.send("GET", &format!("{path}{more}"), &[("Origin", "https://page.example")], b"").await;
        assert_eq!(
            (answer.status(), answer.header("access-control-allow-origin")),
            (200, "https://page.example")
        );
        answer.json()
    };
    let start = poll("&wait=0").await;
    assert_eq!((&start["recovered"], &start["messages"]), (&json!(null), &json!([])));
    let mut position = start["position"].as_str().unwrap().to_owned();
    for body in ["one", "two"] {
        bed.publish(&keys, body).await;
    }
    let answer = poll(&format!("&wait=10&since={position}")).await;
    assert_eq!(answer["recovered"], json!(true));
    let messages: Vec<&str> = answer["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|message| message["data"].as_str().unwrap())
        .collect();
    assert_eq!(messages, ["one", "two"]);
    position = answer["position"].as_str().unwrap().to_owned();
    assert_eq!(poll(&format!("&wait=0&since={position}")).await["position"], position.as_str());
    // It waits for what is to come.
    let from_there = format!("&wait=30&since={position}");
    let waiting = poll(&from_there);
    let publish = async {
        eventually("it waits", async || bed.metric("polysocket_gockets_polls", "") > 0).await;
        bed.publish(&keys, b"\xfe").await;
    };
    let (answer, ()) = tokio::join!(waiting, publish);
    assert_eq!(
        (&answer["messages"][0]["type"], &answer["messages"][0]["data"]),
        (&json!("binary"), &json!("/g=="))
    );
    let lost = poll("&wait=30&since=aaaaaaaaaaaaaaaa:7").await;
    assert_eq!((&lost["recovered"], &lost["messages"]), (&json!(false), &json!([])));
    for wrong in ["&wait=x", "&wait=-1", "&since=x"] {
        assert_eq!(bed.get(&format!("{path}{wrong}")).await.status(), 400, "{wrong}");
    }
    let from_now = format!("{path}&wait=30");
    let waiting = bed.get(&from_now);
    let delete = async {
        eventually("it waits", async || bed.metric("polysocket_gockets_polls", "") > 0).await;
        bed.delete(&keys).await;
    };
    let (answer, ()) = tokio::join!(waiting, delete);
    assert_eq!(answer.text(), r#"{"type":"ERR","message":"Subscriber token not found"}"#);
}

#[tokio::test]
async fn more_than_one_answer_holds_comes_in_the_next() {
    let bed = Bed::with(|setup| setup.config.poll_messages_max = 3).await;
    let keys = bed.prepare("").await;
    let path = format!("/channel/subscribe/{}?poll&wait=5", keys.subscriber);
    let mut position =
        bed.get(&format!("{path}&wait=0").replace("wait=5&", "")).await.json()["position"].clone();
    for number in 0..10 {
        bed.publish(&keys, number.to_string()).await;
    }
    let mut seen = Vec::new();
    while seen.len() < 10 {
        let answer = bed.get(&format!("{path}&since={}", position.as_str().unwrap())).await.json();
        let messages = answer["messages"].as_array().unwrap();
        assert!((1..=3).contains(&messages.len()), "{answer}");
        seen.extend(messages.iter().map(|message| message["data"].as_str().unwrap().to_owned()));
        position = answer["position"].clone();
    }
    let expected: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_page_of_another_origin_may_ask_whether_it_may() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    let path = format!("/channel/subscribe/{}", keys.subscriber);
    let answer = bed.send("OPTIONS", &path, &[("Origin", "https://page.example")], b"").await;
    assert_eq!((answer.status(), answer.header("access-control-allow-methods")), (204, "GET"));
    assert_eq!(answer.header("access-control-allow-origin"), "https://page.example");
}

#[tokio::test]
async fn streams_are_listeners_to_hooks_and_are_counted() {
    let bed = Bed::with(|setup| setup.config.streams_max = 1).await;
    let mut hook = Hook::new().await;
    let keys =
        bed.prepare_with_hook(&hook.url(), ",\"hook_events\":[\"connect\",\"disconnect\",\"empty\"]").await;
    let events = Events::open(&bed, &keys, "").await;
    let poll = bed.get(&format!("/channel/subscribe/{}?poll", keys.subscriber)).await;
    assert_eq!((poll.status(), poll.header("retry-after")), (503, "1"), "{}", poll.text());
    drop(events);
    for event in ["connect", "disconnect", "empty"] {
        assert_eq!(hook.call().await.header("x-gockets-event"), event);
    }
    eventually("the place is free", async || {
        bed.get(&format!("/channel/subscribe/{}?poll&wait=0", keys.subscriber)).await.status() == 200
    })
    .await;
}
