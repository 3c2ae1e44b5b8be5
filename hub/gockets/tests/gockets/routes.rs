//! Every route of the original, both generations, byte for byte.

use crate::bed::{Bed, Keys};

const NO_PUBLISHER: &str = r#"{"type":"ERR","message":"Publisher token not found"}"#;
const NO_SUBSCRIBER: &str = r#"{"type":"ERR","message":"Subscriber token not found"}"#;
const UNKNOWN: &str = "00112233445566778899aabbccddeeff";

fn channel(keys: &Keys, hook: &str, tag: &str, listeners: u32) -> String {
    let Keys { publisher, subscriber } = keys;
    format!(
        r#"{{"publisher_key":"{publisher}","subscriber_key":"{subscriber}","publisher_token":"{publisher}","subscriber_token":"{subscriber}","subscriber_message_hook_url":{hook},"tag":{tag},"listeners":{listeners}}}"#
    )
}

fn keys_of(json: &serde_json::Value) -> Keys {
    let key = |name: &str| json[name].as_str().unwrap().to_owned();
    Keys { publisher: key("publisher_token"), subscriber: key("subscriber_token") }
}

#[tokio::test]
async fn prepare() {
    let bed = Bed::new().await;
    let hook = "http://localhost/log.php?room=1";
    for (body, shown_hook, shown_tag) in [
        ("", "null", "null"),
        ("[]", "null", "null"),
        ("{}", "null", "null"),
        ("not json", "null", "null"),
        (r#"{"subscriber_message_hook_url":null,"tag":null}"#, "null", "null"),
        (r#"{"subscriber_message_hook_url":""}"#, "null", "null"),
        (
            r#"{"subscriber_message_hook_url" : "http://localhost/log.php?room=1"}"#,
            "\"http://localhost/log.php?room=1\"",
            "null",
        ),
        (r#"{"tag":"a \"tag\""}"#, "null", r#""a \"tag\"""#),
    ] {
        let answer = bed.post("/channel/prepare", body).await;
        assert_eq!((answer.status(), answer.header("content-type")), (200, "application/json"), "{body}");
        let keys = keys_of(&answer.json());
        assert_eq!(answer.text(), channel(&keys, shown_hook, shown_tag, 0), "{body}");
        for key in [&keys.publisher, &keys.subscriber] {
            let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
            assert!(key.len() == 32 && key.chars().all(is_digit), "{key}");
        }
        for path in ["/channel", "/channel/show"] {
            let shown = bed.get(&format!("{path}/{}", keys.publisher)).await;
            assert_eq!((shown.status(), shown.text()), (200, answer.text()), "{path}");
        }
    }
    assert!(bed.get("/channel").await.text().contains(hook));
}

#[tokio::test]
async fn what_prepare_refuses() {
    let bed = Bed::new().await;
    for (body, message) in [
        (r#"{"subscriber_message_hook_url":7}"#, "Invalid hook url"),
        (r#"{"subscriber_message_hook_url":"log.php"}"#, "Invalid hook url"),
        (r#"{"subscriber_message_hook_url":"ftp://example.com/"}"#, "Invalid hook url"),
        (r#"{"subscriber_message_hook_url":"http://[::1"}"#, "Invalid hook url"),
        (r#"{"tag":{}}"#, "Invalid tag: text of at most 256 bytes is taken"),
    ] {
        let answer = bed.post("/channel/prepare", body).await;
        let expected = format!(r#"{{"type":"ERR","message":"{message}"}}"#);
        assert_eq!((answer.status(), answer.text()), (400, expected.as_str()), "{body}");
    }
    assert_eq!(bed.get("/channel").await.text(), r#"{"channels":[]}"#, "nothing was made");
}

#[tokio::test]
async fn list_and_search() {
    let bed = Bed::new().await;
    for path in ["/channel", "/channel/show"] {
        let answer = bed.get(path).await;
        assert_eq!((answer.status(), answer.text()), (200, r#"{"channels":[]}"#), "{path}");
    }
    let first = bed.prepare(r#"{"tag":"room-1"}"#).await;
    let second = bed.prepare(r#"{"tag":"room-2"}"#).await;
    let third = bed.prepare("").await;
    let all = [
        channel(&first, "null", "\"room-1\"", 0),
        channel(&second, "null", "\"room-2\"", 0),
        channel(&third, "null", "null", 0),
    ];
    let mut listed: Vec<String> = bed.get("/channel").await.json()["channels"]
        .as_array()
        .unwrap()
        .iter()
        .map(|channel| channel["publisher_key"].as_str().unwrap().to_owned())
        .collect();
    let mut expected = vec![first.publisher.clone(), second.publisher.clone(), third.publisher.clone()];
    // Made in one millisecond they may stand either way.
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
    let found = bed.get("/channel/show?search=%5Eroom-2%24").await;
    assert_eq!((found.status(), found.text()), (200, format!(r#"{{"channels":[{}]}}"#, all[1]).as_str()));
    let found = bed.get("/channel/show?search=room").await.json();
    assert_eq!(found["channels"].as_array().unwrap().len(), 2, "channels without a tag are not found");
    assert_eq!(bed.get("/channel/show?search=").await.json()["channels"].as_array().unwrap().len(), 3);
    for pattern in ["(", "%5B", "a%7B1000000000%7D", "(((a%7B100%7D)%7B100%7D)%7B100%7D)"] {
        let answer = bed.get(&format!("/channel/show?search={pattern}")).await;
        let expected = r#"{"type":"ERR","message":"Invalid regex pattern was passed"}"#;
        assert_eq!((answer.status(), answer.text()), (500, expected), "{pattern}");
    }
}

#[tokio::test]
async fn publish_and_delete() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    let path = format!("/channel/publish/{}", keys.publisher);
    let answer = bed.post(&path, "early").await;
    let expected = r#"{"type":"INF","message":"Subscriber has not subscribed yet"}"#;
    assert_eq!((answer.status(), answer.text(), answer.header("x-gockets-listeners")), (200, expected, "0"));
    let mut client = bed.subscribe(&keys).await;
    let answer = bed.post(&path, "hello").await;
    let pushed = r#"{"type":"INF","message":"Successfully pushed data to subscriber"}"#;
    assert_eq!((answer.status(), answer.text(), answer.header("x-gockets-listeners")), (200, pushed, "1"));
    assert_eq!(client.text().await, "hello");
    let shown = bed.get(&format!("/channel/{}", keys.publisher)).await;
    assert_eq!(shown.text(), channel(&keys, "null", "null", 1));
    client.close(1000).await;
    // Somebody has been there.
    crate::bed::eventually("the listener is gone", async || {
        bed.get(&format!("/channel/{}", keys.publisher)).await.json()["listeners"] == 0
    })
    .await;
    assert_eq!(bed.post(&path, "nobody").await.text(), pushed);
    let answer = bed.send("DELETE", &path, &[], b"").await;
    let closed = r#"{"type":"OK","message":"Successfully closed connection"}"#;
    assert_eq!((answer.status(), answer.text()), (200, closed));
    for (method, path) in [
        ("GET", format!("/channel/{}", keys.publisher)),
        ("GET", format!("/channel/show/{}", keys.publisher)),
        ("POST", path.clone()),
        ("DELETE", path.clone()),
        ("PATCH", format!("/channel/edit/{}", keys.publisher)),
    ] {
        let answer = bed.send(method, &path, &[], b"{}").await;
        assert_eq!((answer.status(), answer.text()), (404, NO_PUBLISHER), "{method} {path}");
    }
    let answer = bed.get(&format!("/channel/subscribe/{}", keys.subscriber)).await;
    assert_eq!((answer.status(), answer.text()), (404, NO_SUBSCRIBER));
}

#[tokio::test]
async fn edit() {
    let bed = Bed::new().await;
    let keys = bed.prepare(r#"{"subscriber_message_hook_url":"http://localhost:1/","tag":"old"}"#).await;
    let path = format!("/channel/edit/{}", keys.publisher);
    let edit = async |body: &str| bed.send("PATCH", &path, &[], body.as_bytes()).await;
    let answer = edit(r#"{"subscriber_message_hook_url":"http://localhost:2/","tag":"new"}"#).await;
    assert_eq!(answer.text(), channel(&keys, "\"http://localhost:2/\"", "\"new\"", 0));
    // What is left out becomes null, as in the original.
    assert_eq!(edit(r#"{"tag":"only"}"#).await.text(), channel(&keys, "null", "\"only\"", 0));
    assert_eq!(edit("{}").await.text(), channel(&keys, "null", "null", 0));
    for body in ["", "junk", "[]", "7"] {
        let answer = edit(body).await;
        let expected = r#"{"type":"ERR","message":"Invalid json passed"}"#;
        assert_eq!((answer.status(), answer.text()), (500, expected), "{body}");
    }
    let answer = edit(r#"{"subscriber_message_hook_url":"nothing"}"#).await;
    assert_eq!((answer.status(), answer.text()), (400, r#"{"type":"ERR","message":"Invalid hook url"}"#));
    let answer = bed.send("PATCH", &format!("/channel/edit/{UNKNOWN}"), &[], b"{}").await;
    assert_eq!((answer.status(), answer.text()), (404, NO_PUBLISHER));
}

#[tokio::test]
async fn what_the_original_did_not_know_is_shown_only_when_used() {
    let bed = Bed::new().await;
    let body = r#"{"hook_events":["empty","connect"],"hook_secret":true}"#;
    let answer = bed.post("/channel/prepare", body).await.json();
    assert_eq!(answer["hook_events"], serde_json::json!(["connect", "empty"]));
    let secret = answer["hook_secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_"), "{secret}");
    let keys = keys_of(&answer);
    let shown = bed.get(&format!("/channel/{}", keys.publisher)).await;
    assert!(shown.json()["hook_events"].is_array() && !shown.text().contains("whsec_"), "{}", shown.text());
    assert!(!bed.get("/channel").await.text().contains("whsec_"));
    // An old client's edit does not turn signatures off.
    let path = format!("/channel/edit/{}", keys.publisher);
    let edited = bed.send("PATCH", &path, &[], br#"{"tag":"x"}"#).await.json();
    assert_eq!(edited["hook_events"], serde_json::json!(["connect", "empty"]));
}

#[tokio::test]
async fn unknown_keys_and_paths_and_methods() {
    let bed = Bed::new().await;
    let legacy = Bed::with(|setup| setup.config.legacy_status = true).await;
    let wrong_keys = [UNKNOWN, "x", "prepared", &UNKNOWN[1..], &UNKNOWN.to_uppercase()];
    for key in wrong_keys {
        for (method, path, body) in [
            ("GET", format!("/channel/{key}"), NO_PUBLISHER),
            ("GET", format!("/channel/show/{key}"), NO_PUBLISHER),
            ("POST", format!("/channel/publish/{key}"), NO_PUBLISHER),
            ("DELETE", format!("/channel/publish/{key}"), NO_PUBLISHER),
            ("PATCH", format!("/channel/edit/{key}"), NO_PUBLISHER),
            ("GET", format!("/channel/hooks/{key}"), NO_PUBLISHER),
            ("GET", format!("/channel/subscribe/{key}"), NO_SUBSCRIBER),
        ] {
            let answer = bed.send(method, &path, &[], b"").await;
            assert_eq!((answer.status(), answer.text()), (404, body), "{method} {path}");
            let answer = legacy.send(method, &path, &[], b"").await;
            assert_eq!((answer.status(), answer.text()), (200, body), "{method} {path}");
        }
    }
    for path in ["/", "/channels", "/channel/", "/channel/publish/x/y", "/channel/hooks/x/y", "/favicon.ico"]
    {
        let answer = bed.get(path).await;
        let expected = r#"{"type":"ERR","message":"Endpoint not found"}"#;
        assert_eq!((answer.status(), answer.text()), (404, expected), "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    for (method, path, allow) in [
        ("GET", "/channel/prepare", "POST"),
        ("PUT", "/channel/prepare", "POST"),
        ("POST", "/channel", "GET"),
        ("DELETE", "/channel/x", "GET"),
        ("GET", "/channel/publish/x", "POST, DELETE"),
        ("POST", "/channel/edit/x", "PATCH"),
        ("POST", "/channel/show", "GET"),
        ("POST", "/channel/subscribe/x", "GET"),
        ("GET", "/channel/hooks/x/retry", "POST"),
    ] {
        let answer = bed.send(method, path, &[], b"").await;
        assert_eq!((answer.status(), answer.header("allow")), (405, allow), "{method} {path}");
        let expected = format!(r#"{{"type":"ERR","message":"Method not allowed: use {allow}"}}"#);
        assert_eq!(answer.text(), expected, "{method} {path}");
    }
}
