//! What the document of 2016 says, as it says it, with PostgreSQL's own client on the other side.

use std::process::Stdio;

use polysocket_postgres::Wire;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use crate::bed::{Bed, Client, PATIENCE};
use polysocket_tests::postgres_server::PostgresServer;

/// As printed there.
const TOKEN: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjaGFubmVsIjoiY2hhdCIsIm1vZGUiOiJydyJ9\
._w1IGqgRfLM6epJwy6wBWOZOeSILEpJozR64qVuFgpU";
const MESSAGE: &str = r#"{"userClaims":{"mode":"rw","channel":"chat"}, "payload": "Hi!"}"#;

#[tokio::test]
async fn the_documents_token_and_messages() {
    let server = PostgresServer::start().await;
    let bed = Bed::with(&server, Wire::Seed, |config| config.jwt_secret = Some("secret".into())).await;
    let mut psql =
        server.psql().stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let (mut psql_in, psql_out) = (psql.stdin.take().unwrap(), psql.stdout.take().unwrap());
    let mut lines = BufReader::new(psql_out).lines();
    let mut said = async |command: &str, expected: &str| loop {
        psql_in.write_all(command.as_bytes()).await.unwrap();
        // psql shows notifications when it has done a command.
        psql_in.write_all(b"\\echo done\n").await.unwrap();
        let mut found = None;
        loop {
            let line = timeout(PATIENCE, lines.next_line()).await.expect("psql answers").unwrap().unwrap();
            if line.contains(expected) {
                found = Some(line.clone());
            }
            if line == "done" {
                break;
            }
        }
        if let Some(found) = found {
            return found;
        }
    };
    said("listen chat;\n", "LISTEN").await;

    let mut ws = Client::open(bed.address, &format!("/{TOKEN}")).await;
    ws.say("Hi!").await;
    let line = said("select 1;\n", "Asynchronous notification \"chat\" with payload").await;
    let payload = line.split_once("payload \"").unwrap().1.rsplit_once("\" received").unwrap().0;
    let expected: Value = serde_json::from_str(MESSAGE).unwrap();
    assert_eq!(serde_json::from_str::<Value>(payload).unwrap(), expected);
    // Its own, too.
    assert_eq!(ws.json().await, expected);

    // Every message sent to the database to that channel is delivered, as it is.
    said("notify chat, 'It''s me';\n", "NOTIFY").await;
    assert_eq!(ws.text().await, "It's me");
    // The SQL of the later documents reaches clients of either form.
    let sql = "select pg_notify('postgres-websockets-listener', \
        json_build_object('event','WebsocketMessage','channel','chat','payload','test')::text);\n";
    said(sql, "(1 row)").await;
    assert_eq!(ws.json().await, json!({"event": "WebsocketMessage", "channel": "chat", "payload": "test"}));
    ws.silent().await;
}

#[tokio::test]
async fn a_channel_that_nobody_heard_before() {
    let server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    let client = server.client().await;
    // Whoever is connected hears what is notified next, whenever that is.
    for number in 0..30 {
        let channel = format!("room {number}");
        let mut ws = bed.chat(&channel).await;
        client.execute("select pg_notify($1, 'x')", &[&channel]).await.unwrap();
        assert_eq!(ws.text().await, "x");
    }
}
