//! The tables that are opt-in: for messages that are too long, and for messages that last.

use polysocket_config::Size;
use polysocket_postgres::{Postgres, Wire};
use serde_json::{Value, json};

use crate::bed::{Bed, Client, Envelopes, token};
use polysocket_tests::postgres_server::PostgresServer;

async fn prepared() -> PostgresServer {
    let server = PostgresServer::start().await;
    // Twice: it may be run again.
    for _ in 0..2 {
        server.client().await.batch_execute(Postgres::schema()).await.unwrap();
    }
    server
}

#[tokio::test]
async fn long_messages_by_way_of_a_table() {
    let server = prepared().await;
    let client = server.client().await;
    for wire in [Wire::Seed, Wire::Current] {
        let bed = Bed::with(&server, wire, |config| {
            config.overflow = true;
            config.overflow_bytes_max = Size::kib(100);
        })
        .await;
        let other = Bed::with(&server, wire, |config| config.overflow = true).await;
        let (mut ws, mut far) = (bed.chat("c").await, other.chat("c").await);
        let long = "lang \"ü\" ".repeat(5_000);
        // In order with short ones.
        for said in ["short", &long, "short again", &long] {
            ws.say(said).await;
        }
        for reader in [&mut ws, &mut far] {
            for said in ["short", &long, "short again", &long] {
                assert!(reader.payload().await == said, "{wire:?}");
            }
        }
        // From SQL.
        let payload = json!({"channel": "c", "payload": long}).to_string();
        let channel = if wire == Wire::Seed { "c" } else { "postgres-websockets-listener" };
        client.execute("select polysocket_notify($1, $2)", &[&channel, &payload]).await.unwrap();
        let told = if wire == Wire::Seed { Some(ws.text().await == payload) } else { None };
        assert!(told != Some(false));
        if wire == Wire::Seed {
            assert_eq!(far.text().await.len(), payload.len());
        } else {
            assert!(ws.payload().await == long && far.payload().await == long);
        }
        ws.say(&"x".repeat(100 * 1024)).await;
        assert_eq!(ws.closed().await.0, Some(1009));
        // What is gone before it was read is a gap.
        let gone = json!({"event": "Overflow", "channel": "c", "id": "none"});
        let gone = format!("{{\"event\":\"Overflow\",\"channel\":\"c\",\"id\":{}}}", gone["id"]);
        client.execute("select pg_notify($1, $2)", &[&channel, &gone]).await.unwrap();
        assert_eq!(far.json().await, json!({"event": "Gap", "channel": "c"}));
    }
}

#[tokio::test]
async fn without_the_table() {
    let server = PostgresServer::start().await;
    let bed = Bed::with(&server, Wire::Seed, |config| config.overflow = true).await;
    let path = format!("/{}?events=1", token(&json!({"mode": "rw", "channel": "c"})));
    let mut ws = Client::open(bed.address, &path).await;
    ws.say(&"x".repeat(9_000)).await;
    let told = json!({"event": "Error", "channel": "c", "payload": "the database refused the message"});
    assert_eq!(ws.json().await, told);
    ws.say("short").await;
    assert_eq!(ws.payload().await, "short");
}

async fn publish(client: &tokio_postgres::Client, channel: &str, payload: &str) {
    client.execute("select polysocket_publish($1, $2)", &[&channel, &payload]).await.unwrap();
}

#[tokio::test]
async fn the_outbox() {
    let server = prepared().await;
    let client = server.client().await;
    publish(&client, "c", "before anybody listened").await;
    let bed = Bed::with(&server, Wire::Seed, |config| config.outbox = true).await;
    let mut ws = bed.chat("c").await;
    publish(&client, "c", "one").await;
    let first: Value = ws.json().await;
    let position = first["position"].as_str().unwrap().to_owned();
    let shown = json!({"event": "OutboxMessage", "channel": "c", "payload": "one", "position": position});
    assert_eq!(first, shown);

    // What began first and is committed last is not left behind.
    let (mut slow, other) = (server.client().await, server.client().await);
    let transaction = slow.transaction().await.unwrap();
    transaction.execute("select polysocket_publish('c', 'slow')", &[]).await.unwrap();
    publish(&other, "c", "fast").await;
    publish(&other, "elsewhere", "not ours").await;
    transaction.commit().await.unwrap();
    assert_eq!([ws.payload().await, ws.payload().await], ["slow", "fast"]);
    let rolled = slow.transaction().await.unwrap();
    rolled.execute("select polysocket_publish('c', 'never')", &[]).await.unwrap();
    rolled.rollback().await.unwrap();

    // Replay, and then what comes.
    let since = format!("/{}?since={position}", token(&json!({"mode": "r", "channels": ["c", "elsewhere"]})));
    let mut late = Client::open(bed.address, &since).await;
    for payload in ["slow", "fast", "not ours"] {
        assert_eq!(late.payload().await, payload);
    }
    publish(&client, "c", "live").await;
    assert_eq!((late.payload().await, ws.payload().await), ("live".to_owned(), "live".to_owned()));
    late.silent().await;

    // A trigger on somebody's table.
    let trigger = "create table orders (id int, state text);
        create trigger live after insert or update or delete on orders
          for each row execute function polysocket_row_changed('c');
        insert into orders values (1, 'new');";
    client.batch_execute(trigger).await.unwrap();
    let change: Value = serde_json::from_str(&ws.payload().await).unwrap();
    assert_eq!(change, json!({"table": "orders", "op": "INSERT", "new": {"id": 1, "state": "new"}}));

    // What was removed is told to whoever asks for it.
    let trimmed: i64 = client.query_one("select polysocket_outbox_trim('0')", &[]).await.unwrap().get(0);
    assert!(trimmed >= 6, "{trimmed}");
    let mut late = Client::open(bed.address, &since).await;
    let mut gaps = [late.json().await["channel"].to_string(), late.json().await["channel"].to_string()];
    gaps.sort();
    assert_eq!(gaps, ["\"c\"", "\"elsewhere\""]);
    let wrong = Client::try_open(bed.address, &since.replace(&position, "x"), &[]).await;
    assert_eq!(wrong.expect_err("no position").status(), 400);
}

/// A client of these claims that asks for what came after a position.
async fn since(bed: &Bed, claims: Value, position: &str) -> Client {
    Client::open(bed.address, &format!("/{}?since={position}", token(&claims))).await
}

#[tokio::test]
async fn who_may_only_write_is_replayed_nothing() {
    let server = prepared().await;
    publish(&server.client().await, "c", "past").await;
    let bed = Bed::with(&server, Wire::Seed, |config| config.outbox = true).await;
    let mut writer = since(&bed, json!({"mode": "w", "channel": "c"}), "0-0").await;
    // Replays are made one after the other: this one would be the last.
    let mut reader = since(&bed, json!({"mode": "rw", "channel": "c"}), "0-0").await;
    assert_eq!(reader.payload().await, "past");
    writer.silent().await;
    assert_eq!(bed.metric("replayed_total", ""), 1);
    writer.say("said").await;
    assert_eq!(reader.payload().await, "said");
    // What it asks for is not even looked at.
    since(&bed, json!({"mode": "w", "channel": "c"}), "x").await.silent().await;
}

/// It would fill the queue of whoever does not read at once, who would be closed and come back for the same.
#[tokio::test]
async fn a_replay_that_is_too_long_for_the_queue_is_a_gap() {
    let server = prepared().await;
    let client = server.client().await;
    let many = "select polysocket_publish('c', repeat('x', 1200)) from generate_series(1, 1000)";
    client.execute(many, &[]).await.unwrap();
    let bed = Bed::with(&server, Wire::Seed, |config| config.outbox = true).await;
    // With 1,200 bytes and what is around them, some 410 are half of 1 MiB.
    for (left, fits) in [(1_000, false), (430, false), (390, true)] {
        let asked =
            "select xid::text || '-' || id from polysocket_outbox order by xid desc, id desc offset $1";
        let row = client.query(asked, &[&i64::from(left)]).await.unwrap();
        let position = row.first().map_or("0-0", |row| row.get(0));
        let mut late = since(&bed, json!({"mode": "r", "channel": "c"}), position).await;
        if fits {
            for _ in 0..left {
                assert_eq!(late.payload().await.len(), 1_200);
            }
        } else {
            assert_eq!(late.json().await, json!({"event": "Gap", "channel": "c"}), "{left}");
        }
        // And then what is new.
        publish(&client, "c", "live").await;
        assert_eq!(late.payload().await, "live", "{left}");
        client.execute("delete from polysocket_outbox where payload = 'live'", &[]).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_of_the_outbox_is_lost_with_a_connection() {
    let mut server = prepared().await;
    let bed = Bed::with(&server, Wire::Current, |config| config.outbox = true).await;
    let mut ws = bed.chat("c").await;
    publish(&server.client().await, "c", "before").await;
    assert_eq!(ws.payload().await, "before");
    let client = server.client().await;
    let asked =
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'polysocket outbox'";
    client.execute(asked, &[]).await.unwrap();
    publish(&client, "c", "meanwhile").await;
    assert_eq!(ws.payload().await, "meanwhile");
    server.kill().await;
    bed.unready_now().await;
    server.restart().await;
    publish(&server.client().await, "c", "after").await;
    loop {
        let message = ws.json().await;
        if message["event"] == "OutboxMessage" {
            assert_eq!(message["payload"], "after");
            break;
        }
        assert_eq!(message["event"], "Gap");
    }
}
