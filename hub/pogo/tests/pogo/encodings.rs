//! MessagePack and short names, by subprotocol.

use polysocket_tests::websocket::{Frame, opcode};
use serde_json::{Value, json as value};

use crate::api::{Api, json};
use crate::bed::{Bed, Client, Talks};

async fn open(bed: &Bed, protocol: &str) -> Client {
    let client = Client::try_open(bed.address, "/", &[("Sec-WebSocket-Protocol", protocol)]).await.unwrap();
    assert_eq!(client.head.header("sec-websocket-protocol"), Some(protocol));
    client
}

async fn ask(client: &mut Client, request: &Value) {
    let packed = rmp_serde::to_vec_named(request).unwrap();
    client.send(Frame::new(opcode::BINARY, packed)).await;
}

async fn next(client: &mut Client) -> Value {
    let frame = client.next().await.unwrap();
    assert_eq!(frame.opcode, opcode::BINARY);
    rmp_serde::from_slice(&frame.payload).unwrap()
}

#[tokio::test]
async fn all_four() {
    let api = Api::new(|_| json(200, &[], r#"{"path":"kept","n":1}"#)).await;
    let bed = Bed::new(&api.url).await;

    let mut short = open(&bed, "pogo.json.short").await;
    assert_eq!(short.ask(r#"{"s":1,"e":"bind","p":"/a"}"#).await, r#"{"s":1,"t":"ok"}"#);
    assert_eq!(short.text().await, r#"{"e":"response","p":"/a","d":{"path":"kept","n":1}}"#);
    assert_eq!(
        short.ask(r#"{"i":1,"e":"show","u":"/a"}"#).await,
        r#"{"i":1,"t":"ok","d":{"path":"kept","n":1}}"#
    );

    let mut packed = open(&bed, "pogo.msgpack").await;
    ask(&mut packed, &value!({"seqId": 1, "event": "bind", "path": "/a"})).await;
    assert_eq!(next(&mut packed).await, value!({"seqId": 1, "status": "ok"}));
    let state = value!({"path": "kept", "n": 1});
    assert_eq!(next(&mut packed).await, value!({"event": "response", "path": "/a", "data": state}));
    ask(&mut packed, &value!({"seqId": 2, "event": "put", "path": "/a", "data": {"x": [1, null, "ü"]}}))
        .await;
    assert_eq!(next(&mut packed).await["data"]["path"], "kept");
    assert_eq!(next(&mut packed).await, value!({"seqId": 2, "status": "ok"}));
    assert_eq!(
        api.seen().iter().find(|seen| seen.method == http::Method::PUT).unwrap().body,
        r#"{"x":[1,null,"ü"]}"#
    );

    let mut both = open(&bed, "pogo.msgpack.short").await;
    ask(&mut both, &value!({"s": 1, "e": "streama:subscribe", "n": "/c"})).await;
    assert_eq!(next(&mut both).await, value!({"s": 1, "t": "ok"}));
    ask(&mut packed, &value!({"seqId": 3, "event": "streama:subscribe", "data": {"channel": "/c"}})).await;
    assert_eq!(next(&mut packed).await, value!({"seqId": 3, "status": "ok"}));

    // One channel, all encodings.
    let mut plain = open(&bed, "pogo.json").await;
    plain.say(r#"{"event":"e","channel":"/c","data":[1]}"#).await;
    assert_eq!(next(&mut both).await, value!({"e": "e", "n": "/c", "d": [1]}));
    assert_eq!(next(&mut packed).await, value!({"event": "e", "channel": "/c", "data": [1]}));
}

#[tokio::test]
async fn what_is_not_offered_is_not_chosen() {
    let bed = Bed::new("http://127.0.0.1:9").await;
    let mut client = Client::try_open(bed.address, "/", &[("Sec-WebSocket-Protocol", "chat")]).await.unwrap();
    assert_eq!(client.head.header("sec-websocket-protocol"), None);
    client.quiet().await;
}

#[tokio::test]
async fn messages_that_are_none() {
    let bed = Bed::new("http://127.0.0.1:9").await;
    let mut client = bed.client().await;
    for text in
        ["", "x", "[]", "null", "{}", r#"{"event":"nonsense"}"#, r#"{"event":"streama:what","channel":"c"}"#]
    {
        let answer = client.ask(text).await;
        assert!(
            answer.starts_with(r#"{"status":"error","code":"bad_request","message":""#),
            "{text}: {answer}"
        );
    }
    let mixed = client.ask(r#"{"seqId":4,"event":"get","uri":"/a"}"#).await;
    assert!(mixed.starts_with(r#"{"seqId":4,"status":"error","code":"bad_request""#), "{mixed}");
    client.send(Frame::new(opcode::BINARY, vec![0x80])).await;
    assert!(client.text().await.contains("pogo.msgpack"));
    client.quiet().await;
}
