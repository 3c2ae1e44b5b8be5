//! Many messages: none is merged with another, their order holds, and they share transactions.

use polysocket_config::Span;
use polysocket_postgres::Wire;
use polysocket_socket::SocketLimits;
use serde_json::json;

use crate::bed::{Bed, Envelopes, eventually};
use polysocket_tests::postgres_server::PostgresServer;

#[tokio::test]
async fn twins_are_two() {
    let server = PostgresServer::start().await;
    for wire in [Wire::Seed, Wire::Current] {
        let bed = Bed::with(&server, wire, |_| ()).await;
        let mut writers = Vec::new();
        for _ in 0..4 {
            writers.push(bed.open(json!({"mode": "w", "channel": "c"})).await);
        }
        let mut reader = bed.open(json!({"mode": "r", "channel": "c"})).await;
        for _ in 0..50 {
            for writer in &mut writers {
                writer.say("Hi!").await;
            }
        }
        for _ in 0..200 {
            assert_eq!(reader.payload().await, "Hi!");
        }
        reader.silent().await;
    }
}

#[tokio::test]
async fn in_order_and_together() {
    let server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    let mut reader = bed.open(json!({"mode": "r", "channel": "c"})).await;
    let mut writer = bed.open(json!({"mode": "w", "channel": "c"})).await;
    let writing = tokio::spawn(async move {
        for number in 0..5_000 {
            writer.say(&number.to_string()).await;
        }
        writer
    });
    for number in 0..5_000 {
        assert_eq!(reader.payload().await, number.to_string());
    }
    writing.await.unwrap().silent().await;
    eventually("all told", async || bed.metric("waiting", "") == 0).await;
    assert_eq!((bed.metric("messages_total", "notified"), bed.metric("waiting_bytes", "")), (5_000, 0));
    let families = bed.metrics.gather();
    let batch = families.iter().find(|family| family.name() == "polysocket_postgres_batch_messages").unwrap();
    let transactions = batch.get_metric()[0].get_histogram().get_sample_count();
    assert!(transactions < 2_500, "{transactions} transactions for 5,000 messages");
}

#[tokio::test]
async fn a_database_that_is_away_for_too_long() {
    let mut server = PostgresServer::start().await;
    let bed = Bed::with(&server, Wire::Seed, |config| {
        config.publish_within = Span::millis(200);
        config.pending_messages_max = 4;
    })
    .await;
    let mut plain = bed.chat("c").await;
    let claims = json!({"mode": "rw", "channel": "c"});
    let path = format!("/{}?events=1", crate::bed::token(&claims));
    let mut told = crate::bed::Client::open(bed.address, &path).await;
    server.kill().await;
    bed.unready_now().await;
    for number in 0..10 {
        plain.say(&number.to_string()).await;
        told.say(&number.to_string()).await;
    }
    assert_eq!(plain.closed().await, (Some(1013), "the database is away".to_owned()));
    for _ in 0..10 {
        let error = json!({"event": "Error", "channel": "c", "payload": "the database is away"});
        assert_eq!(told.json().await, error);
    }
    server.restart().await;
    assert_eq!(told.json().await, json!({"event": "Gap", "channel": "c"}));
    bed.ready().await;
    told.say("again").await;
    assert_eq!(told.payload().await, "again");
}

#[tokio::test]
async fn what_the_database_refuses_hurts_nobody_else() {
    let server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    let mut reader = bed.open(json!({"mode": "r", "channel": "c"})).await;
    // Through the same queue, past the checks for clients' messages.
    let refused = bed.postgres.notify("c", "nul \0".to_owned());
    let (refused, taken) = tokio::join!(refused, bed.postgres.notify("c", "good".to_owned()));
    assert!(refused.is_err_and(|failure| failure.to_string().contains("refused")));
    taken.unwrap();
    assert_eq!(reader.text().await, "good");
    assert!(bed.postgres.notify(&"x".repeat(64), String::new()).await.is_err());
    assert!(bed.postgres.notify("c", "x".repeat(8_000)).await.is_err());
    bed.ready().await;
}

#[tokio::test]
async fn who_is_too_fast_is_read_later() {
    let server = PostgresServer::start().await;
    let limits = SocketLimits { messages_per_second: 200, messages_burst: 10, ..SocketLimits::default() };
    let bed = Bed::limited(crate::bed::config(&server, Wire::Seed), limits);
    bed.ready().await;
    let mut ws = bed.chat("c").await;
    let begin = tokio::time::Instant::now();
    for number in 0..60 {
        ws.say(&number.to_string()).await;
    }
    for number in 0..60 {
        assert_eq!(ws.payload().await, number.to_string());
    }
    // 50 beyond the burst, 5 ms each.
    assert!(begin.elapsed() >= std::time::Duration::from_millis(250));
    ws.silent().await;
}
