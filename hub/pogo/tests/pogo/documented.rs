//! Every request and response of the original's text, and of its later one, as they are written there, before a REST API
//! that others wrote.

use serde_json::Value;

use crate::bed::{Bed, Client, Talks};
use crate::json_server::JsonServer;

const POSTS: &str = r#"{"posts":[{"id":1234,"title":"Post title","n":1}]}"#;
const TOKEN: &str = "7879a3aa5783ba49e89fb2ee3a27480c96c4e6ce";

/// What a client says, and the frames that answer it, in order. White space within documents is the API's.
type Exchange = (&'static str, &'static [&'static str]);

const SEED: &[Exchange] = &[
    (
        r#"{"seqId":1,"event":"bind","path":"/posts/1234"}"#,
        &[
            r#"{"seqId":1,"status":"ok"}"#,
            r#"{"event":"response","path":"/posts/1234","data":{"id":1234,"title":"Post title","n":1}}"#,
        ],
    ),
    (r#"{"seqId":1,"event":"unbind","path":"/posts/1234"}"#, &[r#"{"seqId":1,"status":"ok"}"#]),
    (
        r#"{"seqId":1,"event":"get","path":"/posts/1234"}"#,
        &[
            r#"{"event":"streama:response","path":"/posts/1234","data":{"id":1234,"title":"Post title","n":1}}"#,
            r#"{"seqId":1,"status":"ok"}"#,
        ],
    ),
    (
        r#"{"seqId":1,"event":"post","path":"/posts","data":{"title":"Post title"}}"#,
        &[
            r#"{"event":"response","path":"/posts","status":201,"data":{"title":"Post title","id":1235}}"#,
            r#"{"seqId":1,"status":"ok"}"#,
        ],
    ),
    (
        r#"{"seqId":1,"event":"put","path":"/posts/1234","data":{"title":"Other title"}}"#,
        &[
            r#"{"event":"response","path":"/posts/1234","data":{"title":"Other title","id":1234}}"#,
            r#"{"seqId":1,"status":"ok"}"#,
        ],
    ),
    (
        r#"{"seqId":1,"event":"delete","path":"/posts/1234","data":{"title":"Post title"}}"#,
        &[r#"{"seqId":1,"status":"ok"}"#],
    ),
    (
        r#"{"seqId":2,"event":"get","path":"/posts/1234"}"#,
        &[
            r#"{"seqId":2,"status":"error","code":"not_found","httpStatus":404,"message":"the API answered 404 Not Found"}"#,
        ],
    ),
    (r#"{"event":"unbind","path":"/posts/1234"}"#, &[r#"{"status":"ok"}"#]),
];

const LATER: &[Exchange] = &[
    (
        r#"{"id":1,"event":"bind","uri":"/posts/1234"}"#,
        &[
            r#"{"id":1,"status":"ok"}"#,
            r#"{"event":"update","uri":"/posts/1234","data":{"id":1234,"title":"Post title","n":1}}"#,
        ],
    ),
    (r#"{"id":1,"event":"unbind","uri":"/posts/1234"}"#, &[r#"{"id":1,"status":"ok"}"#]),
    (
        r#"{"id":1,"event":"index","uri":"/posts"}"#,
        &[r#"{"id":1,"status":"ok","data":[{"id":1234,"title":"Post title","n":1}]}"#],
    ),
    (
        r#"{"id":1,"event":"show","uri":"/posts/1234"}"#,
        &[r#"{"id":1,"status":"ok","data":{"id":1234,"title":"Post title","n":1}}"#],
    ),
    (
        r#"{"id":1,"event":"create","uri":"/posts","data":{"title":"Post title"}}"#,
        &[r#"{"id":1,"status":"ok","data":{"title":"Post title","id":1235}}"#],
    ),
    (
        r#"{"id":1,"event":"update","uri":"/posts/1234","data":{"title":"Other title"}}"#,
        &[r#"{"id":1,"status":"ok"}"#],
    ),
    (
        r#"{"id":1,"event":"delete","uri":"/posts/1234","data":{"title":"Post title"}}"#,
        &[r#"{"id":1,"status":"ok"}"#],
    ),
    (
        r#"{"id":2,"event":"show","uri":"/posts/1234"}"#,
        &[
            r#"{"id":2,"status":"error","code":"not_found","httpStatus":404,"message":"the API answered 404 Not Found"}"#,
        ],
    ),
];

/// The frame without the white space that the API puts between tokens, members in order.
fn compact(frame: &str) -> String {
    let mut out = String::new();
    let (mut quoted, mut escaped) = (false, false);
    for c in frame.chars() {
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        if quoted || !c.is_whitespace() {
            out.push(c);
        }
    }
    serde_json::from_str::<Value>(&out).unwrap();
    out
}

async fn exchange(client: &mut Client, table: &[Exchange]) {
    for (request, answers) in table {
        client.say(request).await;
        for answer in *answers {
            assert_eq!(compact(&client.text().await), *answer, "to {request}");
        }
    }
    client.quiet().await;
}

#[tokio::test]
async fn the_text_of_the_original() {
    let api = JsonServer::with(POSTS).await;
    let bed = Bed::new(&api.url).await;
    exchange(&mut bed.client().await, SEED).await;
}

#[tokio::test]
async fn the_later_text() {
    let api = JsonServer::with(POSTS).await;
    let bed = Bed::new(&api.url).await;
    exchange(&mut bed.client().await, LATER).await;
}

#[tokio::test]
async fn auth_in_both() {
    let bed = Bed::new("http://127.0.0.1:9").await;
    let mut client = bed.client().await;
    for id in ["seqId", "id"] {
        let answer =
            client.ask(&format!(r#"{{"{id}":1,"event":"auth","data":{{"token":"{TOKEN}"}}}}"#)).await;
        let json: Value = serde_json::from_str(&answer).unwrap();
        let expires = json["data"]["expires"].as_u64().unwrap();
        assert_eq!(answer, format!(r#"{{"{id}":1,"status":"ok","data":{{"expires":{expires}}}}}"#));
    }
}

#[tokio::test]
async fn channels_of_both() {
    let bed = Bed::new("http://127.0.0.1:9").await;
    let (mut one, mut other, mut third) = (bed.client().await, bed.client().await, bed.client().await);
    one.say(r#"{"event":"streama:subscribe","data":{"channel":"/courses/23423423"}}"#).await;
    other.say(r#"{"event":"channel:subscribe","channel":"/courses/23423423"}"#).await;
    one.quiet().await;
    other.quiet().await;
    let event = r#"{"event":"someEvent","channel":"/courses/23423423","data":{"test":""}}"#;
    one.say(event).await;
    assert_eq!(other.text().await, event, "others get it");
    one.quiet().await;
    third.say(event).await;
    assert_eq!(
        (one.text().await, other.text().await),
        (event.to_owned(), event.to_owned()),
        "it needs no subscription"
    );
    let asked = one.ask(r#"{"seqId":3,"event":"pogo:unsubscribe","channel":"/courses/23423423"}"#).await;
    assert_eq!(asked, r#"{"seqId":3,"status":"ok"}"#);
    third.say(event).await;
    assert_eq!(other.text().await, event);
    one.quiet().await;
    third.quiet().await;
}

#[tokio::test]
async fn a_change_from_elsewhere_reaches_the_binder() {
    let api = JsonServer::with(POSTS).await;
    let bed = Bed::new(&api.url).await;
    let mut client = bed.client().await;
    assert_eq!(client.bind("/posts/1234").await["n"], 1);
    assert_eq!(api.change("PATCH", "/posts/1234", r#"{"n":2}"#).await, 200);
    let frame = client.json().await;
    assert_eq!((&frame["event"], &frame["data"]["n"]), (&"response".into(), &2.into()), "{frame}");
    assert_eq!(api.change("DELETE", "/posts/1234", "").await, 200);
    assert_eq!(client.text().await, r#"{"event":"response","path":"/posts/1234","status":410,"data":null}"#);
    assert_eq!(api.change("POST", "/posts", r#"{"id":1234,"n":3}"#).await, 201);
    assert_eq!(client.json().await["data"]["n"], 3, "a bind outlives its resource");
}
