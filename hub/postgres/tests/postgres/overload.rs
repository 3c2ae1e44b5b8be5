//! More than a node can do at once, and what others do to the tables and locks that it needs.

use std::time::{Duration, Instant};

use bytes::Bytes;
use polysocket_config::Span;
use polysocket_postgres::{Postgres, Source, Subscriber, Wire};
use polysocket_tests::postgres_server::PostgresServer;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::bed::{Bed, Client, Envelopes, eventually, now, token};

/// Takes the processor for a millisecond, as thousands of readers do.
struct Slow;

impl Subscriber for Slow {
    fn deliver(&self, _: &str, _: &Bytes, _: &str, _: Source) {
        let until = Instant::now() + Duration::from_millis(1);
        while Instant::now() < until {
            std::hint::spin_loop();
        }
    }
    fn gap(&self, _: &str, _: &Bytes) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_listener_that_is_behind_is_not_deaf() {
    const MESSAGES: i64 = 3_000;
    let server = PostgresServer::start().await;
    let bed = Bed::with(&server, Wire::Seed, |config| {
        config.heartbeat_every = Span::millis(20);
        config.heartbeat_within = Span::millis(500);
    })
    .await;
    let membership = bed.postgres.subscribe("c", std::sync::Arc::new(Slow)).expect("room");
    bed.postgres.heard(std::slice::from_ref(&membership)).await;
    let client = server.client().await;
    // Three seconds of work, and the heartbeat stands behind it.
    let many = "select pg_notify('c', n::text) from generate_series(1, $1::bigint) n";
    client.query(many, &[&MESSAGES]).await.unwrap();
    // Newcomers are served meanwhile.
    let newcomer = bed.chat("d").await;
    eventually("all heard", async || bed.metric("deliveries_total", "") >= MESSAGES).await;
    assert_eq!(bed.metric("connections_lost_total", "listener"), 0);
    drop(newcomer);
    assert_eq!(bed.metric("gaps_total", ""), 0);
}

#[tokio::test]
async fn a_database_that_cannot_have_all_text() {
    let server = PostgresServer::start().await;
    let create = "create database latin encoding 'LATIN1' template template0";
    server.client().await.batch_execute(create).await.unwrap();
    let bed = Bed::unready(&server, Wire::Seed, |config| {
        config.url = format!("postgres://postgres@127.0.0.1:{}/latin", server.port);
    });
    let is_told = async || bed.postgres.ready().is_err_and(|why| why.contains("LATIN1"));
    eventually("told why", is_told).await;
}

/// A way to the database on which it does not understand one name.
async fn poisoned(server: &PostgresServer) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, target) = (listener.local_addr().unwrap().port(), server.port);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
            let (mut client_read, mut client_write) = client.into_split();
            let (mut server_read, mut server_write) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut server_read, &mut client_write).await });
            tokio::spawn(async move {
                let mut buffer = vec![0; 65_536];
                while let Ok(length @ 1..) = client_read.read(&mut buffer).await {
                    let mut sent = buffer[..length].to_vec();
                    while let Some(at) = sent.windows(8).position(|bytes| bytes == b"\"poison\"") {
                        (sent[at], sent[at + 7]) = (b'\'', b'\'');
                    }
                    if server_write.write_all(&sent).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    port
}

#[tokio::test]
async fn a_name_that_is_refused_hurts_no_other() {
    let server = PostgresServer::start().await;
    let port = poisoned(&server).await;
    let bed = Bed::with(&server, Wire::Seed, |config| {
        config.url = format!("postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable");
    })
    .await;
    let mut good = bed.chat("good").await;
    let path = format!("/{}", token(&json!({"mode": "r", "channels": ["also good", "poison"]})));
    let refused = Client::try_open(bed.address, &path, &[]).await.expect_err("refused");
    assert_eq!((refused.status(), refused.text()), (503, "the database refuses the channel"));
    good.say("still there").await;
    assert_eq!(good.payload().await, "still there");
    assert_eq!(bed.metric("connections_lost_total", "listener"), 0);
}

async fn prepared() -> PostgresServer {
    let server = PostgresServer::start().await;
    server.client().await.batch_execute(Postgres::schema()).await.unwrap();
    server
}

#[tokio::test]
async fn a_lock_that_others_hold_collects_no_backends() {
    let server = prepared().await;
    let bed = Bed::with(&server, Wire::Seed, |config| {
        config.overflow = true;
        config.statement_timeout = Span::millis(100);
    })
    .await;
    let mut ws = bed.chat("c").await;
    let (mut other, client) = (server.client().await, server.client().await);
    let transaction = other.transaction().await.unwrap();
    transaction.batch_execute("lock table polysocket_overflow in access exclusive mode").await.unwrap();
    let long = "x".repeat(9_000);
    ws.say(&long).await;
    eventually("attempts", async || bed.metric("connections_lost_total", "publisher") > 8).await;
    let asked = "select count(*) from pg_stat_activity where application_name = 'polysocket publisher'";
    let few = async || client.query_one(asked, &[]).await.unwrap().get::<_, i64>(0) <= 2;
    eventually("few backends", few).await;
    transaction.rollback().await.unwrap();
    assert!(ws.payload().await == long);
}

#[tokio::test]
async fn what_sql_put_aside_is_removed() {
    let server = prepared().await;
    let client = server.client().await;
    let bed = Bed::with(&server, Wire::Seed, |config| {
        config.overflow = true;
        config.overflow_keep = Span::millis(300);
    })
    .await;
    client.execute("select polysocket_notify('c', repeat('x', 9000))", &[]).await.unwrap();
    let empty = async || {
        let count = client.query_one("select count(*) from polysocket_overflow", &[]).await.unwrap();
        count.get::<_, i64>(0) == 0
    };
    eventually("removed", empty).await;
    // Who may not remove anything notifies all the same.
    let role = "create role bridge login; grant select, insert on polysocket_overflow to bridge";
    client.batch_execute(role).await.unwrap();
    let poor = Bed::with(&server, Wire::Seed, |config| {
        config.overflow = true;
        config.overflow_keep = Span::millis(100);
        config.url = format!("postgres://bridge@127.0.0.1:{}/postgres", server.port);
    })
    .await;
    let mut ws = poor.chat("c").await;
    ws.say("short").await;
    assert_eq!(ws.payload().await, "short");
    assert_eq!(poor.metric("connections_lost_total", "publisher"), 0);
    drop(bed);
}

/// Runs `kill` on one process of the server.
async fn signal(client: &tokio_postgres::Client, name: &str, role: &str) {
    let asked = "select pid from pg_stat_activity where application_name = $1";
    let id: i32 = client.query_one(asked, &[&role]).await.unwrap().get(0);
    let status = tokio::process::Command::new("kill").args([name, &id.to_string()]).status().await.unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn rows_that_are_removed_before_they_are_delivered_are_a_gap() {
    let server = prepared().await;
    let client = server.client().await;
    let bed = Bed::with(&server, Wire::Seed, |config| {
        config.outbox = true;
        config.statement_timeout = Span::seconds(60);
    })
    .await;
    let mut ws = bed.chat("c").await;
    let publish = async |payload: &str| {
        client.execute("select polysocket_publish('c', $1)", &[&payload]).await.unwrap();
    };
    publish("first").await;
    assert_eq!(ws.payload().await, "first");
    signal(&client, "-STOP", "polysocket outbox").await;
    publish("lost").await;
    let removed: i64 = client.query_one("select polysocket_outbox_trim('0')", &[]).await.unwrap().get(0);
    assert_eq!(removed, 2);
    publish("kept").await;
    signal(&client, "-CONT", "polysocket outbox").await;
    assert_eq!(ws.json().await, json!({"event": "Gap", "channel": "c"}));
    assert_eq!(ws.payload().await, "kept");
    // A position of another database.
    let path = format!("/{}?since=99999999-1", token(&json!({"mode": "r", "channel": "c"})));
    let mut ahead = Client::open(bed.address, &path).await;
    assert_eq!(ahead.json().await, json!({"event": "Gap", "channel": "c"}));
    ahead.silent().await;
}

#[tokio::test]
async fn what_is_removed_ends_at_the_first_that_is_young() {
    let server = prepared().await;
    let client = server.client().await;
    for payload in ["old", "young", "old"] {
        client.execute("select polysocket_publish('c', $1)", &[&payload]).await.unwrap();
    }
    let age = "update polysocket_outbox set at = at - interval '1 hour' where payload = 'old'";
    client.execute(age, &[]).await.unwrap();
    let trim = "select polysocket_outbox_trim('1 minute')";
    for expected in [1_i64, 0] {
        assert_eq!(client.query_one(trim, &[]).await.unwrap().get::<_, i64>(0), expected);
    }
    // The time is that of the row, however long its transaction was open.
    let late = "begin; select now(); select polysocket_publish('c', 'late')";
    client.batch_execute(late).await.unwrap();
    let after = "select at > now() from polysocket_outbox where payload = 'late'";
    assert!(client.query_one(after, &[]).await.unwrap().get::<_, bool>(0));
    client.batch_execute("commit").await.unwrap();
    let row = client
        .query_one("select column_default from information_schema.columns where table_name = 'polysocket_outbox' and column_name = 'at'", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0), "clock_timestamp()");
}

/// Its connection ends when its token does, however much it has said that nobody takes.
#[tokio::test]
async fn a_token_expires_while_the_database_is_away() {
    let mut server = PostgresServer::start().await;
    let bed = Bed::with(&server, Wire::Seed, |config| config.pending_messages_max = 1).await;
    let mut ws = bed.open(json!({"mode": "w", "channel": "c", "exp": now() + 2.0})).await;
    server.kill().await;
    for number in 0..5 {
        ws.say(&number.to_string()).await;
    }
    let ended = tokio::time::timeout(Duration::from_secs(8), ws.closed()).await;
    assert_eq!(ended.expect("in time"), (Some(3001), "JWT expired".to_owned()));
}

/// The gap is told before what came after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_comes_first() {
    let server = PostgresServer::start().await;
    let bed = Bed::current(&server).await;
    let mut ws = bed.open(json!({"mode": "r", "channel": "c"})).await;
    let (client, killer) = (server.client().await, server.client().await);
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopping = stop.clone();
    let saying = tokio::spawn(async move {
        let mut number = 0_u64;
        while !stopping.load(std::sync::atomic::Ordering::Relaxed) {
            number += 1;
            let payload = json!({"channel": "c", "number": number}).to_string();
            let notify = "select pg_notify('postgres-websockets-listener', $1)";
            client.execute(notify, &[&payload]).await.unwrap();
        }
        let end = json!({"channel": "c", "end": true}).to_string();
        client.execute("select pg_notify('postgres-websockets-listener', $1)", &[&end]).await.unwrap();
    });
    let reading = tokio::spawn(async move {
        let (mut last, mut is_told) = (None, false);
        loop {
            let message = ws.json().await;
            if message["event"] == "Gap" {
                is_told = true;
            } else if let Some(number) = message["number"].as_u64() {
                assert!(is_told || last.is_none_or(|last| last + 1 == number), "{last:?} {number}");
                (last, is_told) = (Some(number), false);
            } else {
                return;
            }
        }
    });
    for lost in 1..=5 {
        let asked = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'polysocket listener'";
        killer.query(asked, &[]).await.unwrap();
        eventually("lost", async || bed.metric("connections_lost_total", "listener") >= lost).await;
        bed.ready().await;
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    saying.await.unwrap();
    reading.await.unwrap();
}

#[tokio::test]
async fn claims_that_leave_no_room_for_a_message() {
    let server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    for (mode, expected) in [("r", 101), ("w", 400), ("rw", 400)] {
        let claims = json!({"mode": mode, "channel": "c", "about": "x".repeat(7_950)});
        let path = format!("/{}", token(&claims));
        let status =
            Client::try_open(bed.address, &path, &[]).await.map_or_else(|answer| answer.status(), |_| 101);
        assert_eq!(status, expected, "{mode}");
    }
}
