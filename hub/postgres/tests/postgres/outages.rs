//! The database goes away in all the ways there are: clients stay, nothing is lost without a word, and nobody is deaf
//! afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use polysocket_postgres::Wire;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::bed::{Bed, Client, Envelopes, eventually};
use polysocket_tests::postgres_server::PostgresServer;

/// A client that says numbers until it is told to stop; how many it said.
fn write(mut client: Client, stop: &Arc<AtomicBool>) -> JoinHandle<(Client, u64)> {
    let stop = stop.clone();
    tokio::spawn(async move {
        let mut said = 0;
        // A load, not a flood.
        let mut pace = tokio::time::interval(Duration::from_micros(500));
        while !stop.load(Ordering::Relaxed) {
            client.say(&format!("{said:08}")).await;
            said += 1;
            pace.tick().await;
        }
        client.say("last").await;
        (client, said)
    })
}

/// What a reader saw: every number, or else a gap; in order but for repeats.
async fn read(mut client: Client) -> (Client, Vec<u64>, usize) {
    let (mut numbers, mut gaps) = (Vec::new(), 0);
    loop {
        let message: Value = client.json().await;
        if message["event"] == "Gap" {
            gaps += 1;
            continue;
        }
        match message["payload"].as_str().unwrap() {
            "last" => return (client, numbers, gaps),
            number => numbers.push(number.parse().unwrap()),
        }
    }
}

/// Runs writers and readers of both forms while `harm` is done to the database: what a reader did not get it was told
/// of, no writer was closed, and all go on afterwards.
async fn under_load(server: &mut PostgresServer, harm: impl AsyncFnOnce(&mut PostgresServer, &[Bed; 2])) {
    let beds = [Bed::new(server).await, Bed::current(server).await];
    let stop = Arc::new(AtomicBool::new(false));
    let mut pairs = Vec::new();
    // In the seed's form, a client also hears envelopes of the current one that name its channel.
    for (bed, channels) in beds.iter().zip([["one", "two"], ["three", "four"]]) {
        for channel in channels {
            let reader = bed.open(json!({"mode": "r", "channel": channel})).await;
            let writer = bed.open(json!({"mode": "w", "channel": channel})).await;
            pairs.push((tokio::spawn(read(reader)), write(writer, &stop)));
        }
    }
    harm(server, &beds).await;
    for bed in &beds {
        bed.ready().await;
    }
    stop.store(true, Ordering::Relaxed);
    for (reading, writing) in pairs {
        let (mut writer, said) = writing.await.unwrap();
        let (mut reader, numbers, gaps) = reading.await.unwrap();
        let mut distinct = numbers.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let lost = said - distinct.len() as u64;
        assert!(lost == 0 || gaps > 0, "{lost} of {said} were lost without a word");
        let repeated = numbers.len() - distinct.len();
        println!("{said} said, {lost} lost, {repeated} repeated, {gaps} gaps");
        // The same connections go on.
        writer.silent().await;
        writer.say("after").await;
        while reader.payload().await != "after" {}
    }
    for bed in &beds {
        assert_eq!(bed.metric("messages_total", "late") + bed.metric("messages_total", "refused"), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_restarted_under_load() {
    let mut server = PostgresServer::start().await;
    under_load(&mut server, async |server, beds| {
        for _ in 0..3 {
            server.kill().await;
            for bed in beds {
                bed.unready_now().await;
            }
            server.restart().await;
            for bed in beds {
                bed.ready().await;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopped_and_going_on() {
    let mut server = PostgresServer::start().await;
    under_load(&mut server, async |server, beds| {
        server.freeze().await;
        for bed in beds {
            bed.unready_now().await;
        }
        server.thaw().await;
        for bed in beds {
            bed.ready().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_terminated() {
    let mut server = PostgresServer::start().await;
    let client = server.client().await;
    under_load(&mut server, async |_, beds| {
        for role in ["%", "%listener", "%publisher", "%listener"] {
            let lost = |bed: &Bed| bed.metric("connections_lost_total", "listener") + bed.metric("connections_lost_total", "publisher");
            let before = lost(&beds[0]);
            let asked = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'polysocket' || $1";
            client.query(asked, &[&role]).await.unwrap();
            eventually("the connection is lost", async || lost(&beds[0]) > before).await;
            for bed in beds {
                bed.ready().await;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn gaps_are_told_to_whom_they_concern() {
    let mut server = PostgresServer::start().await;
    let bed = Bed::new(&server).await;
    let mut two = bed.open(json!({"mode": "r", "channels": ["a", "b\"c"]})).await;
    let mut writer = bed.open(json!({"mode": "w", "channel": "a"})).await;
    let quiet = Bed::with(&server, Wire::Current, |config| config.gap_events = false).await;
    let mut untold = quiet.chat("a").await;
    server.kill().await;
    bed.unready_now().await;
    quiet.unready_now().await;
    let why = bed.postgres.ready().unwrap_err();
    assert!(why.starts_with("postgres "), "{why}");
    server.restart().await;
    let mut gaps = [two.json().await, two.json().await];
    gaps.sort_by_key(ToString::to_string);
    assert_eq!(gaps, ["a", "b\"c"].map(|channel| json!({"event": "Gap", "channel": channel})));
    for ready in [&bed, &quiet] {
        ready.ready().await;
    }
    writer.silent().await;
    untold.silent().await;
    two.silent().await;
    assert_eq!((bed.metric("gaps_total", ""), quiet.metric("gaps_total", "")), (2, 0));
}

#[tokio::test]
async fn the_database_comes_later_than_the_bridge() {
    let mut server = PostgresServer::start().await;
    server.kill().await;
    let bed = Bed::unready(&server, Wire::Seed, |config| {
        config.listen_within = polysocket_config::Span::seconds(20);
    });
    assert!(bed.postgres.ready().is_err());
    let opening = tokio::spawn(Client::try_open(
        bed.address,
        Box::leak(format!("/{}", crate::bed::token(&json!({"mode": "rw", "channel": "c"}))).into_boxed_str()),
        &[],
    ));
    eventually("attempts", async || bed.metric("connections_lost_total", "listener") > 2).await;
    server.restart().await;
    let mut ws = opening.await.unwrap().unwrap();
    ws.say("x").await;
    assert_eq!(ws.payload().await, "x");
    // Nobody missed anything: there was nothing before.
    assert_eq!(bed.metric("gaps_total", ""), 0);
}

#[tokio::test]
async fn giving_up_is_only_by_request() {
    let mut server = PostgresServer::start().await;
    server.kill().await;
    let bed = Bed::unready(&server, Wire::Seed, |config| config.attempts_max = 3);
    let why = tokio::time::timeout(crate::bed::PATIENCE, bed.postgres.given_up()).await.unwrap();
    assert!(!why.is_empty());
    assert_eq!(bed.metric("connections_lost_total", "listener"), 3);
}

/// A way to the database on which notifications get lost, as by a pooler in transaction mode.
struct Lossy {
    port: u16,
    deaf: Arc<AtomicBool>,
}

impl Lossy {
    async fn start(server: &PostgresServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, target, deaf) =
            (listener.local_addr().unwrap().port(), server.port, Arc::new(AtomicBool::new(false)));
        let shared = deaf.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", target)).await else { continue };
                let (mut client_read, client_write) = client.into_split();
                let (server_read, mut server_write) = server.into_split();
                tokio::spawn(async move { tokio::io::copy(&mut client_read, &mut server_write).await });
                tokio::spawn(pass(server_read, client_write, shared.clone()));
            }
        });
        Self { port, deaf }
    }
}

/// Passes the server's messages on: a letter, a length, the rest. `A` is a notification.
async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    deaf: Arc<AtomicBool>,
) -> std::io::Result<()> {
    loop {
        let letter = from.read_u8().await?;
        let length = from.read_u32().await?;
        let mut rest = vec![0; length as usize - 4];
        from.read_exact(&mut rest).await?;
        if letter != b'A' || !deaf.load(Ordering::Relaxed) {
            to.write_all(&[&[letter], &length.to_be_bytes()[..], &rest].concat()).await?;
        }
    }
}

#[tokio::test]
async fn one_that_has_become_deaf_is_found() {
    let server = PostgresServer::start().await;
    let lossy = Lossy::start(&server).await;
    let bed = Bed::with(&server, Wire::Seed, |config| {
        // The proxy knows no TLS.
        config.url = format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", lossy.port);
        config.heartbeat_within = polysocket_config::Span::millis(200);
    })
    .await;
    let mut ws = bed.chat("c").await;
    lossy.deaf.store(true, Ordering::Relaxed);
    ws.say("lost on the way").await;
    bed.unready_now().await;
    eventually("told why", async || bed.postgres.ready().is_err_and(|why| why.contains("pooler"))).await;
    // It does not become ready before it hears again.
    eventually("attempts", async || bed.metric("connections_lost_total", "listener") > 3).await;
    assert!(bed.postgres.ready().is_err());
    lossy.deaf.store(false, Ordering::Relaxed);
    bed.ready().await;
    assert_eq!(ws.json().await, json!({"event": "Gap", "channel": "c"}));
    ws.say("heard").await;
    loop {
        let message = ws.json().await;
        if message["payload"] == "heard" {
            break;
        }
        // So short a deadline may also pass on a machine with much to do.
        assert_eq!(message["event"], "Gap");
    }
}
