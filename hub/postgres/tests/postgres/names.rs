//! Names and payloads that would break what is put together carelessly.

use polysocket_postgres::Wire;
use polysocket_tests::websocket::{Frame, opcode};
use serde_json::{Value, json};

use crate::bed::{Bed, Client, Envelopes, token};
use polysocket_tests::postgres_server::PostgresServer;

#[tokio::test]
async fn channels_of_all_kinds() {
    let server = PostgresServer::start().await;
    let client = server.client().await;
    let names = [
        "Chat".to_owned(),
        "chat".to_owned(),
        "with space".to_owned(),
        "quote\"d".to_owned(),
        "it's".to_owned(),
        "\"; drop table x; --".to_owned(),
        "back\\slash".to_owned(),
        "ünïcödé 漢字 🦀".to_owned(),
        "$1".to_owned(),
        "%s/50%".to_owned(),
        "tab\tand\nline".to_owned(),
        "select".to_owned(),
        "x".repeat(63),
        format!("{}ü", "x".repeat(61)),
    ];
    for wire in [Wire::Seed, Wire::Current] {
        let bed = Bed::with(&server, wire, |_| ()).await;
        let mut open = Vec::new();
        for name in &names {
            open.push(bed.chat(name).await);
        }
        for (name, ws) in names.iter().zip(&mut open) {
            ws.say(name).await;
            let message = ws.json().await;
            assert_eq!(message["payload"], json!(name), "{wire:?}");
            let claims = if wire == Wire::Seed { "userClaims" } else { "claims" };
            assert_eq!(message[claims]["channel"], json!(name));
            // From the other side.
            let (channel, payload) = match wire {
                Wire::Seed => (name.as_str(), format!("sql {name}")),
                Wire::Current => ("postgres-websockets-listener", json!({"channel": name}).to_string()),
            };
            client.execute("select pg_notify($1, $2)", &[&channel, &payload]).await.unwrap();
            assert_eq!(ws.text().await, payload);
        }
        // Nobody heard what was for another: `Chat` is not `chat`.
        for mut ws in open {
            ws.silent().await;
        }
    }
}

#[tokio::test]
async fn names_that_are_too_long() {
    let server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    for name in ["x".repeat(64), "ü".repeat(32), String::new(), "nul\0".to_owned()] {
        let claims = json!({"mode": "rw", "channel": name});
        let refused = Client::try_open(bed.address, &format!("/{}", token(&claims)), &[]).await;
        let answer = refused.err().unwrap_or_else(|| panic!("{name:?}"));
        assert_eq!((answer.status(), answer.text()), (400, "No allowed channels"));
    }
}

#[tokio::test]
async fn payloads_of_all_kinds() {
    let server = PostgresServer::start().await;
    let client = server.client().await;
    for wire in [Wire::Seed, Wire::Current] {
        let bed = Bed::with(&server, wire, |_| ()).await;
        let mut ws = bed.chat("c").await;
        let payloads = [
            "",
            "it's \"quoted\" \\ back",
            "'); drop table x; --",
            "nul \0 and \u{1} and \u{7f}",
            "line\r\nline\u{2028}",
            "{\"channel\":\"other\",\"event\":\"x\"}",
            "漢字 🦀 \u{fffd}",
            "$1 %s \\x00 \\u0000",
        ];
        for payload in payloads {
            ws.say(payload).await;
            assert_eq!(ws.payload().await, payload, "{wire:?}");
        }
        // Raw notifications are not put into anything.
        if wire == Wire::Seed {
            for payload in ["", "it's \"quoted\" \\ back", "[1,", "漢字 🦀", "null"] {
                client.execute("select pg_notify('c', $1)", &[&payload]).await.unwrap();
                assert_eq!(ws.text().await, payload);
            }
        }
        ws.send(Frame::new(opcode::TEXT, &b"bad \xc3\x28"[..])).await;
        assert_eq!(ws.closed().await.0, Some(1007));
    }
}

/// A database may hold bytes that are no text. They are nobody's message: that must not be the end of all others'.
#[tokio::test]
async fn a_database_without_an_encoding() {
    let server = PostgresServer::start().await;
    server
        .client()
        .await
        .batch_execute("create database raw encoding 'SQL_ASCII' template template0")
        .await
        .unwrap();
    let bed = Bed::with(&server, Wire::Seed, |config| {
        config.url = format!("postgres://postgres@127.0.0.1:{}/raw", server.port);
    })
    .await;
    let mut ws = bed.chat("c").await;
    ws.say("täxt").await;
    assert_eq!(ws.payload().await, "täxt");
    let client = server.client_of("raw").await;
    // Whatever PostgreSQL and the bridge make of it, whoever may have missed something is told.
    let _ = client.batch_execute(r"select pg_notify('c', convert_from('\xff'::bytea, 'SQL_ASCII'))").await;
    client.execute("select pg_notify('c', 'after')", &[]).await.unwrap();
    let next = ws.text().await;
    if next != "after" {
        assert_eq!(serde_json::from_str::<Value>(&next).unwrap(), json!({"event": "Gap", "channel": "c"}));
    }
    bed.ready().await;
    ws.say("still there").await;
    loop {
        let text = ws.text().await;
        if text.contains("still there") {
            break;
        }
        assert!(text == "after" || text.contains("Gap"), "{text}");
    }
}

fn padded(bed_wire: Wire, claims: &Value, total: usize) -> String {
    // The envelope around an empty message; the time in the current form always has as many digits.
    let around = match bed_wire {
        Wire::Seed => json!({"userClaims": claims, "payload": ""}).to_string().len(),
        Wire::Current => {
            let mut claims = claims.clone();
            claims["message_delivered_at"] = json!(1);
            let now = "1700000000.000000".len() - "1".len();
            json!({"claims": claims, "event": "WebsocketMessage", "payload": "", "channel": "c"})
                .to_string()
                .len()
                + now
        }
    };
    "x".repeat(total - around)
}

#[tokio::test]
async fn the_longest_payload() {
    let server = PostgresServer::start().await;
    for wire in [Wire::Seed, Wire::Current] {
        let bed = Bed::with(&server, wire, |_| ()).await;
        let claims = json!({"mode": "rw", "channel": "c"});
        let mut ws = bed.open(claims.clone()).await;
        ws.say(&padded(wire, &claims, 7_999)).await;
        assert_eq!(ws.text().await.len(), 7_999, "{wire:?}");
        ws.say(&padded(wire, &claims, 8_000)).await;
        assert_eq!(ws.closed().await, (Some(1009), "message too large: 8000 > 7999 bytes".to_owned()));
        // Escapes count as they are written.
        let mut ws = bed.open(claims.clone()).await;
        ws.say(&"\"".repeat(5_000)).await;
        assert_eq!(ws.closed().await.0, Some(1009));
        // Who asks for events is told and stays.
        let mut ws = Client::open(bed.address, &format!("/{}?events=1", token(&claims))).await;
        ws.say(&padded(wire, &claims, 8_000)).await;
        let told =
            json!({"event": "Error", "channel": "c", "payload": "message too large: 8000 > 7999 bytes"});
        assert_eq!(ws.json().await, told);
        ws.say("short").await;
        assert_eq!(ws.payload().await, "short");
        assert_eq!(bed.metric("messages_total", "too-long"), 3);
    }
    // From the database, the longest there is.
    let bed = Bed::new(&server).await;
    let mut ws = bed.chat("c").await;
    server.client().await.execute("select pg_notify('c', repeat('x', 7999))", &[]).await.unwrap();
    assert_eq!(ws.text().await.len(), 7_999);
}
