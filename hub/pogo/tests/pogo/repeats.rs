//! A `post` that is said again.

use http::Method;

use crate::api::{Api, json};
use crate::bed::Bed;

fn post(id: &str, data: &str) -> String {
    format!(r#"{{"id":{id},"event":"create","uri":"/a","idempotent":true,"data":{data}}}"#)
}

fn keys(api: &Api) -> Vec<String> {
    let seen = api.seen();
    let posts = seen.iter().filter(|seen| seen.method == Method::POST);
    posts.map(|seen| seen.header("idempotency-key").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn answers_that_are_too_long_are_not_kept() {
    let api = Api::new(|_| json(201, &[], format!("\"{}\"", "x".repeat(300 * 1024)))).await;
    let bed = Bed::new(&api.url).await;
    let mut client = bed.client().await;
    for _ in 0..2 {
        assert!(client.ask(&post("1", "{}")).await.len() > 300 * 1024);
    }
    let keys = keys(&api);
    assert_eq!(keys.len(), 2, "the API is asked again");
    assert_eq!(keys[0], keys[1], "and can tell");
}

#[tokio::test]
async fn ids_and_users_are_told_apart() {
    let api = Api::new(|_| json(201, &[], "1")).await;
    let bed = Bed::new(&api.url).await;
    let mut client = bed.user("token-of-anna").await;
    for id in ["1", "\"1\"", "1", "\"ü\"", "\"ü\""] {
        client.ask(&post(id, "{}")).await;
    }
    let mut keys = keys(&api);
    assert_eq!(keys.len(), 3);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3, "{keys:?}");
    client.ask(r#"{"id":9,"event":"auth","data":{"token":"token-of-otto"}}"#).await;
    let answer = client.ask(&post("1", "{\"of\":\"otto\"}")).await;
    assert_eq!(answer, r#"{"id":1,"status":"ok","data":1}"#, "what another has asked is no conflict");
}
