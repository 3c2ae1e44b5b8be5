//! How it ends.

use std::time::Duration;

use polysocket_pogo::AuthMode;

use crate::api::{Api, json};
use crate::bed::{Bed, Client, PATIENCE, Talks};

#[tokio::test]
async fn a_stop_says_so_to_all_and_leaves_nothing() {
    let api = Api::new(|_| json(200, &[], "1")).await;
    let bed = Bed::with(&api.url, |setup| setup.config.event_paths = vec!["/a".into()]).await;
    let mut client = bed.user("some-token").await;
    client.bind("/a").await;
    client.say(r#"{"event":"streama:subscribe","data":{"channel":"/c"}}"#).await;
    client.ask(r#"{"seqId":1,"event":"bind","path":"/b","data":{"ttl":1000}}"#).await;
    client.text().await;
    let mut events = bed.events("/a", &[]).await.unwrap();
    events.event().await.unwrap();
    bed.life.drain();
    assert_eq!(client.closed().await.0, Some(1001));
    assert_eq!(events.event().await, None);
    drop(events);
    assert_eq!(bed.events("/a", &[]).await.err().unwrap().status(), 503);
    assert_eq!(Client::try_open(bed.address, "/", &[]).await.err().unwrap().status(), 503);
    assert!(bed.life.finish(PATIENCE).await, "every task ended by itself");
    let then = api.seen().len();
    tokio::time::timeout(Duration::from_millis(200), std::future::pending::<()>()).await.unwrap_err();
    assert_eq!(api.seen().len(), then, "nothing is polled any more");
}

#[tokio::test]
#[should_panic(expected = "pogo.auth")]
async fn known_tokens_of_which_there_are_none() {
    Bed::with("http://127.0.0.1:9", |setup| setup.config.auth = AuthMode::Known).await;
}
