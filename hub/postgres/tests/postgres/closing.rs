//! Connections that end while what they said waits for the database.

use polysocket_config::Span;
use polysocket_postgres::{PostgresConfig, Wire};
use polysocket_tests::postgres_server::PostgresServer;
use polysocket_tests::websocket::Frame;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::bed::{Bed, Client, Envelopes, eventually, token};

/// So many that they would take longer than any test waits, one after the other.
const CHANNELS: usize = 200;

/// One message of a client may wait: what is for a second channel waits for the first.
fn narrow(config: &mut PostgresConfig, within: Span) {
    config.pending_messages_max = 1;
    config.publish_within = within;
}

/// Claims to write to so many channels.
fn writes(channels: usize) -> Value {
    json!({"mode": "w", "channels": (0..channels).map(|number| number.to_string()).collect::<Vec<_>>()})
}

async fn waits(bed: &Bed, messages: i64) {
    eventually("they wait", async || bed.metric("waiting", "") == messages).await;
}

async fn all_gone(bed: &Bed) {
    eventually("all places are given back", async || bed.postgres.open() == 0).await;
}

#[tokio::test]
async fn a_drain_does_not_wait_for_a_database_that_is_away() {
    let mut server = PostgresServer::start().await;
    let bed = Bed::with(&server, Wire::Seed, |config| narrow(config, Span::seconds(3_600))).await;
    let mut ws = bed.open(writes(3)).await;
    server.kill().await;
    bed.unready_now().await;
    ws.say("x").await;
    waits(&bed, 1).await;
    bed.life.drain();
    assert_eq!(ws.closed().await.0, Some(1001));
    all_gone(&bed).await;
    // What had no room to wait is counted.
    assert_eq!(bed.metric("messages_total", "late"), 2);
}

/// Its deadline is that of the message, however many channels it is for.
#[tokio::test]
async fn a_message_waits_once_for_all_of_its_channels() {
    let mut server = PostgresServer::start().await;
    let bed = Bed::with(&server, Wire::Seed, |config| narrow(config, Span::millis(200))).await;
    let mut plain = bed.open(writes(CHANNELS)).await;
    let path = format!("/{}?events=1", token(&writes(CHANNELS)));
    let mut told = Client::open(bed.address, &path).await;
    server.kill().await;
    bed.unready_now().await;
    plain.say("x").await;
    assert_eq!(plain.closed().await, (Some(1013), "the database is away".to_owned()));
    // One who has closed already, which is not read before.
    told.say("x").await;
    told.send(Frame::close(Some(1000), "bye")).await;
    told.writer.shutdown().await.unwrap();
    all_gone(&bed).await;
    // Whether or not anybody could still be told.
    let late = i64::try_from(2 * CHANNELS).unwrap();
    eventually("all counted", async || bed.metric("messages_total", "late") == late).await;
}

#[tokio::test]
async fn who_closes_right_after_a_message_has_said_it() {
    const MESSAGES: usize = 100;
    let server = PostgresServer::start().await;
    let bed = Bed::with(&server, Wire::Seed, |config| narrow(config, Span::seconds(60))).await;
    let mut reader = bed.open(json!({"mode": "r", "channels": ["0", "1"]})).await;
    let mut ws = bed.open(writes(2)).await;
    for number in 0..MESSAGES {
        ws.say(&number.to_string()).await;
    }
    ws.send(Frame::close(Some(1000), "bye")).await;
    drop(ws);
    for number in 0..MESSAGES {
        for _ in 0..2 {
            assert_eq!(reader.payload().await, number.to_string());
        }
    }
}

/// A database that is there but slow gets what was taken, also from those who are closed meanwhile.
#[tokio::test]
async fn what_can_go_out_is_not_given_up() {
    let server = PostgresServer::start().await;
    let bed = Bed::with(&server, Wire::Seed, |config| {
        narrow(config, Span::seconds(60));
        (config.statement_timeout, config.heartbeat_within) = (Span::seconds(60), Span::seconds(60));
    })
    .await;
    let mut ws = bed.open(writes(3)).await;
    server.freeze().await;
    ws.say("x").await;
    waits(&bed, 1).await;
    bed.life.drain();
    let close = ws.next().await.expect("a close frame");
    assert_eq!(close.close_code().0, Some(1001));
    server.thaw().await;
    eventually("all notified", async || bed.metric("messages_total", "notified") == 3).await;
    ws.send(close).await;
    assert_eq!(ws.next().await, None);
}
