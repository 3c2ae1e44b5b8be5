//! What tokens allow, and what the original's own tests of its server ask.

use polysocket_postgres::Wire;
use polysocket_tests::websocket::{Frame, opcode};
use serde_json::{Value, json};

use crate::bed::{Bed, Client, Envelopes, eventually, now, token};
use polysocket_tests::postgres_server::PostgresServer;

#[tokio::test]
async fn the_originals_cases() {
    let server = PostgresServer::start().await;
    let bed = Bed::with(&server, Wire::Current, |config| {
        config.listen_channel = "postgres-websockets-test-channel".into();
    })
    .await;
    // A client receives what another one sends.
    let mut receiver = bed.chat("test").await;
    let mut sender = bed.chat("test").await;
    sender.say("test data").await;
    let message = receiver.json().await;
    assert_eq!(message["payload"], "test data");
    assert_eq!((&message["event"], &message["channel"]), (&json!("WebsocketMessage"), &json!("test")));
    let claims = message["claims"].as_object().unwrap();
    assert_eq!((&claims["mode"], &claims["channel"]), (&json!("rw"), &json!("test")));
    assert!((claims["message_delivered_at"].as_f64().unwrap() - now()).abs() < 60.0);
    assert_eq!(message.as_object().unwrap().len(), 4);
    assert_eq!(sender.json().await, message, "its own, too");

    // A token for two channels writes to both, and hears both.
    let two = json!({"mode": "rw", "channels": ["one", "another test"]});
    let mut both = bed.open(two).await;
    let (mut one, mut other) = (bed.chat("one").await, bed.chat("another test").await);
    both.say("to both").await;
    assert_eq!(one.json().await["channel"], "one");
    assert_eq!(other.json().await["channel"], "another test");
    assert_eq!(both.json().await["channel"], "one");
    assert_eq!(both.json().await["channel"], "another test");
    one.say("x").await;
    assert_eq!(both.json().await["channel"], "one");

    // What is notified in SQL comes as it is, with what nobody knows in it.
    let sql = r#"{"channel":"test", "payload":5, "mine":[1]}"#;
    let channel = "postgres-websockets-test-channel";
    server.client().await.execute("select pg_notify($1, $2)", &[&channel, &sql]).await.unwrap();
    assert_eq!(receiver.text().await, sql);
}

#[tokio::test]
async fn who_may_read_and_who_may_write() {
    let server = PostgresServer::start().await;
    for wire in [Wire::Seed, Wire::Current] {
        let bed = Bed::with(&server, wire, |_| ()).await;
        let open = async |mode: &str| bed.open(json!({"mode": mode, "channel": "c"})).await;
        let (mut reader, mut writer, mut both) = (open("r").await, open("w").await, open("rw").await);
        // What one says who may not is as if it were not said. It is answered, as the original does not.
        reader.say("not allowed").await;
        reader.silent().await;
        writer.say("by the writer").await;
        both.say("by both").await;
        for client in [&mut reader, &mut both] {
            let mut payloads = [client.payload().await, client.payload().await];
            payloads.sort();
            assert_eq!(payloads, ["by both", "by the writer"]);
        }
        for mut client in [reader, writer, both] {
            client.silent().await;
        }
        assert_eq!(bed.metric("messages_total", "not-allowed"), 1);
        // Who asks for events is told.
        let mut reader =
            Client::open(bed.address, &format!("/{}?events=1", token(&json!({"mode": "r", "channel": "c"}))))
                .await;
        reader.say("x").await;
        let told = json!({"event": "Error", "channel": "c", "payload": "this token may not send"});
        assert_eq!(reader.json().await, told);
    }
}

#[tokio::test]
async fn urls() {
    let server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    let client = server.client().await;
    let two = token(&json!({"mode": "r", "channels": ["one", "a b"]}));
    let any = token(&json!({"mode": "r"}));
    for (path, channel) in [
        (format!("/{two}"), "one"),
        (format!("/one/{two}"), "one"),
        (format!("/a%20b/{two}"), "a b"),
        (format!("/anything/{any}"), "anything"),
        (format!("/one/{two}/more?and=more"), "one"),
        (format!("/postgres/one/{two}"), "one"),
        (format!("/postgres/{two}"), "a b"),
    ] {
        let mut ws = Client::open(bed.address, &path).await;
        client.execute("select pg_notify($1, $2)", &[&channel, &path]).await.unwrap();
        assert_eq!(ws.text().await, path);
        ws.silent().await;
    }
    let mut only = Client::open(bed.address, &format!("/one/{two}")).await;
    client.execute("select pg_notify('a b', '')", &[]).await.unwrap();
    only.silent().await;
}

#[tokio::test]
async fn a_token_expires_while_it_is_used() {
    let server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    for mode in ["r", "w", "rw"] {
        let later = bed.open(json!({"mode": mode, "channel": "c", "exp": now() + 3600.0})).await;
        let soon = bed.open(json!({"mode": mode, "channel": "c", "exp": now() + 0.3})).await;
        assert_eq!(soon.closed().await, (Some(3001), "JWT expired".to_owned()));
        drop(later);
    }
    assert_eq!(bed.metric("expired_total", ""), 3);
    let ever = bed.open(json!({"mode": "r", "channel": "c", "exp": 1e300})).await;
    drop(ever);
}

#[tokio::test]
async fn the_meta_channel() {
    let server = PostgresServer::start().await;
    let bed = Bed::with(&server, Wire::Current, |config| {
        config.meta_channel = Some("server-info".into());
        config.meta_closes = true;
    })
    .await;
    let any = token(&json!({"mode": "rw", "sub": "me"}));
    let mut info = Client::open(bed.address, &format!("/server-info/{any}")).await;
    let event = async |info: &mut Client, name: &str, channels: &str| {
        let event: Value = info.json().await;
        assert_eq!((&event["event"], &event["channel"]), (&json!(name), &json!("server-info")));
        assert_eq!(event["payload"], channels);
        assert!(event["claims"]["message_delivered_at"].is_f64());
        event
    };
    let own = event(&mut info, "ConnectionOpen", "server-info").await;
    assert_eq!(own["claims"]["sub"], "me");
    let two = bed.open(json!({"mode": "r", "channels": ["a", "b c"]})).await;
    event(&mut info, "ConnectionOpen", "a,b c").await;
    drop(two);
    event(&mut info, "ConnectionClose", "a,b c").await;
    // Its events cannot be forged.
    info.say("forged").await;
    let (code, reason) = info.closed().await;
    assert_eq!((code, reason.as_str()), (Some(1008), "only the server writes to the meta channel"));
}

#[tokio::test]
async fn binary_messages() {
    let server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    let mut ws = bed.chat("c").await;
    ws.send(Frame::new(opcode::BINARY, "täxt")).await;
    assert_eq!(ws.payload().await, "täxt");
    ws.send(Frame::new(opcode::BINARY, &b"\x00\xff"[..])).await;
    let message = ws.json().await;
    assert_eq!((&message["payload"], &message["encoding"]), (&json!("AP8="), &json!("base64")));
    ws.send(Frame::new(opcode::TEXT, &b"\xff"[..])).await;
    assert_eq!(ws.closed().await.0, Some(1007));
    let bed = Bed::with(&server, Wire::Current, |config| config.lossy_binary = true).await;
    let mut ws = bed.chat("c").await;
    ws.send(Frame::new(opcode::BINARY, &b"a\xff"[..])).await;
    assert_eq!(ws.payload().await, "a\u{fffd}");
}

#[tokio::test]
async fn channels_are_given_up_when_nobody_wants_them() {
    let server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    let (first, second) = (bed.chat("a").await, bed.chat("a").await);
    assert_eq!(bed.metric("channels", ""), 1);
    drop(first);
    drop(second);
    eventually("unlistened", async || bed.metric("channels", "") == 0).await;
    let mut again = bed.chat("a").await;
    again.say("x").await;
    assert_eq!(again.payload().await, "x");
}
