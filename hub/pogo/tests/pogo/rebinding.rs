//! Binds that meet what is gone, what fails, or no room.

use polysocket_config::Span;

use crate::api::{Api, json};
use crate::bed::{Bed, Talks};

async fn quiet_bed(api: &Api) -> Bed {
    Bed::with(&api.url, |setup| setup.config.poll_every = Span::seconds(60)).await
}

#[tokio::test]
async fn a_bind_looks_again_at_what_was_gone_or_failed() {
    for status in [404, 403] {
        let api = Api::new(|_| json(200, &[], "1")).await;
        let bed = quiet_bed(&api).await;
        let (mut first, mut second) = (bed.client().await, bed.client().await);
        first.bind("/a").await;
        api.now(move |_| json(status, &[], "{}"));
        bed.push("PUT", "/a", &[], "").await;
        first.json().await;
        let answer = second.ask(r#"{"seqId":1,"event":"bind","path":"/a"}"#).await;
        assert!(answer.contains(r#""status":"error""#), "{answer}");
        api.now(|_| json(200, &[], "2"));
        assert_eq!(second.bind("/a").await, 2);
        let mut frame = first.json().await;
        if frame["event"] == "recovered" {
            frame = first.json().await;
        }
        assert_eq!(frame["data"], 2);
    }
}

#[tokio::test]
async fn a_second_bind_that_fails_leaves_the_first() {
    let api = Api::new(|_| json(200, &[], "1")).await;
    let bed = quiet_bed(&api).await;
    let mut client = bed.client().await;
    client.bind("/a").await;
    api.now(|_| json(403, &[], "{}"));
    bed.push("PUT", "/a", &[], "").await;
    assert_eq!(client.json().await["code"], "forbidden");
    let answer = client.ask(r#"{"seqId":1,"event":"bind","path":"/a"}"#).await;
    assert!(answer.contains(r#""code":"forbidden""#), "{answer}");
    assert_eq!(bed.metric("polysocket_pogo_binds", ""), 1);
    api.now(|_| json(200, &[], "2"));
    bed.push("PUT", "/a", &[], "").await;
    assert_eq!(client.text().await, r#"{"event":"recovered","path":"/a"}"#);
    assert_eq!(client.json().await["data"], 2);
    // One that works takes its place, and nothing comes twice.
    assert_eq!(client.bind("/a").await, 2);
    api.now(|_| json(200, &[], "3"));
    bed.push("PUT", "/a", &[], "").await;
    assert_eq!(client.json().await["data"], 3);
    client.quiet().await;
    client.ask(r#"{"event":"unbind","path":"/a"}"#).await;
    assert_eq!((bed.metric("polysocket_pogo_binds", ""), bed.metric("polysocket_pogo_feeds", "")), (0, 0));
}

#[tokio::test]
async fn who_found_no_room_gets_it_when_there_is_some() {
    let api = Api::new(|_| json(200, &[("cache-control", "public")], "1")).await;
    let bed = Bed::with(&api.url, |setup| setup.config.feeds_max = 1).await;
    let (mut anna, mut otto) = (bed.user("token-of-anna").await, bed.user("token-of-otto").await);
    anna.bind("/a").await;
    otto.bind("/a").await;
    api.now(|seen| json(200, &[], format!("\"of {}\"", seen.token().unwrap())));
    let frames = [anna.json().await, otto.json().await];
    let (mut seated, mut waiting, name) =
        if frames[0]["event"] == "error" { (otto, anna, "anna") } else { (anna, otto, "otto") };
    let told = frames.iter().find(|frame| frame["event"] == "error").unwrap();
    assert_eq!(told["code"], "unavailable");
    assert_eq!(bed.metric("polysocket_pogo_binds", ""), 2);
    seated.ask(r#"{"event":"unbind","path":"/a"}"#).await;
    assert_eq!(waiting.text().await, r#"{"event":"recovered","path":"/a"}"#);
    assert_eq!(waiting.json().await["data"], format!("of token-of-{name}"));
    waiting.ask(r#"{"event":"unbind","path":"/a"}"#).await;
    assert_eq!((bed.metric("polysocket_pogo_binds", ""), bed.metric("polysocket_pogo_feeds", "")), (0, 0));
}
