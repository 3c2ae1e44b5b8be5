//! The mistakes of the original, one test each, that ours does not make them.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use polysocket_rocket::command::{Command, command};
use polysocket_tests::raw::Raw;
use polysocket_tests::websocket::{self, Frame, FrameReader, opcode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bed::{Bed, SOON, user};

/// A connection on which any frame can be sent, and nothing is read unless it is asked for.
pub async fn raw(
    bed: &Bed,
) -> (FrameReader<tokio::io::ReadHalf<TcpStream>>, tokio::io::WriteHalf<TcpStream>) {
    let mut raw = Raw::connect(&bed.address).await.unwrap();
    let handshake = format!(
        "GET /echo HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        bed.address
    );
    raw.write(handshake).await.unwrap();
    assert_eq!(raw.head(SOON).await.unwrap().unwrap().start.split(' ').nth(1), Some("101"));
    raw.upgraded()
}

pub fn text(text: &str) -> Frame {
    Frame::new(opcode::TEXT, text.to_owned()).masked()
}

/// "Hot loop on any non-EOF read error": a reset connection is gone, and costs nothing any more.
#[tokio::test]
async fn a_reset_connection_is_gone() {
    let bed = Bed::start().await;
    for _ in 0..20 {
        let stream = TcpStream::connect(&bed.address).await.unwrap();
        // To drop it is to reset it.
        stream.set_zero_linger().unwrap();
        let mut raw = Raw::over(stream);
        raw.write(format!(
            "GET /echo HTTP/1.1\r\nhost: {}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            bed.address
        ))
        .await
        .unwrap();
        raw.head(SOON).await.unwrap();
    }
    bed.metric_becomes("polysocket_socket_opened_total", 20.0).await;
    bed.metric_becomes("polysocket_socket_connections", 0.0).await;
    bed.metric_becomes("polysocket_socket_ended_total{cause=\"lost\"}", 20.0).await;
    // Nobody was answered, as the original's tries to were.
    assert!(bed.metric("polysocket_rocket_refusals_total{error=\"INVALID_PAYLOAD\"}").abs() < 0.1);
}

/// "Unsynchronised maps for connections/channels": many at once, on the same channels, and all is counted right.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once() {
    const CLIENTS: u64 = 40;
    let bed = Bed::start().await;
    join_all((0..CLIENTS).map(|n| {
        let bed = &bed;
        async move {
            let mut client = bed.backend().await;
            for round in 0..5 {
                let channel = format!("c{}", (n + round) % 7);
                client.subscribe(&channel).await;
                // Others' messages come in between.
                client
                    .send(&json!({"broadcast": {"event": "e", "channel": channel, "id": n}}).to_string())
                    .await;
                while client.json().await.get("broadcasted").is_none() {}
                client.send(&json!({"unsubscribe": {"channel": channel, "id": n}}).to_string()).await;
                while client.json().await.get("unsubscribed").is_none() {}
            }
            client.hears_nothing().await;
        }
    }))
    .await;
    bed.metric_becomes("polysocket_rocket_subscriptions", 0.0).await;
    let broadcasts = bed.metric("polysocket_rocket_requests_total{action=\"broadcast\"}");
    assert!((broadcasts - 5.0 * 40.0).abs() < 0.1, "{broadcasts}");
}

/// "One slow subscriber blocks its whole channel hub, and through it every broadcaster."
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_who_takes_nothing_holds_up_nobody() {
    let bed = Bed::with(|setup| setup.socket.queue_bytes_max = polysocket_config::Size::kib(256)).await;
    // It subscribes, and never reads again.
    let (mut frames, mut stalled) = raw(&bed).await;
    for request in [r#"{"authenticate":{"user":"reader","secret":"r"}}"#, r#"{"subscribe":{"channel":"c"}}"#]
    {
        websocket::send(&mut stalled, &text(request)).await.unwrap();
        frames.next().await.unwrap().unwrap();
    }
    let (mut backend, mut reader) = (bed.backend().await, bed.user("reader", "r").await);
    reader.subscribe("c").await;
    let big = json!({"broadcast": {"event": "e", "channel": "c", "data": "x".repeat(30_000)}}).to_string();
    // Far more than the queue and the buffers of both sockets have room for.
    let started = Instant::now();
    for _ in 0..600 {
        backend.says(&big, r#"{"broadcasted":"c"}"#).await;
        reader.text().await;
    }
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    bed.metric_becomes("polysocket_socket_ended_total{cause=\"slow-consumer\"}", 1.0).await;
    bed.metric_becomes("polysocket_rocket_subscriptions", 1.0).await;
}

/// "Subscriptions leak on unclean close."
#[tokio::test]
async fn who_vanishes_is_unsubscribed() {
    let bed = Bed::start().await;
    let mut backend = bed.backend().await;
    backend.subscribe("c").await;
    for _ in 0..10 {
        let mut client = bed.backend().await;
        client.subscribe("c").await;
        drop(client);
    }
    bed.metric_becomes("polysocket_rocket_subscriptions", 1.0).await;
    let answer = backend.ask(r#"{"broadcast":{"event":"e","channel":"c","id":1}}"#).await;
    assert_eq!(answer, r#"{"broadcasted":"c","id":1,"offset":1,"subscribers":1}"#);
}

/// "Channels and hub goroutines never freed (any READ user can create unlimited channels)": see also `limits`.
#[tokio::test]
async fn what_nobody_subscribes_to_is_not_kept_open() {
    let bed = Bed::start().await;
    let mut client = bed.backend().await;
    for n in 0..50 {
        client.subscribe(&format!("c{n}")).await;
    }
    client.says(r#"{"logout":true}"#, r#"{"loggedOut":true}"#).await;
    bed.metric_becomes("polysocket_rocket_subscriptions", 0.0).await;
    bed.metric_becomes("polysocket_broker_subscriptions", 0.0).await;
}

/// "Plaintext secrets without constant-time compare": the comparison is of hashes; and secrets are nowhere to be read.
#[test]
fn secrets_are_not_shown() {
    let config = format!("{:?}", user("u", "hunter2", 1));
    assert!(!config.contains("hunter2"), "{config}");
}

/// "The shipped binary does not build": the command takes the shipped example, and what it makes of it serves.
#[tokio::test]
async fn the_command_serves_the_shipped_example() {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example.json");
    let line = ["-port", "0", example].map(str::to_owned);
    let Ok(Command::Serve { config, ignored }) = command(line) else { panic!("not to be served") };
    assert_eq!(ignored, Vec::<String>::new());
    let bed = Bed::with(|setup| setup.rocket = *config).await;
    bed.backend().await.subscribe("c").await;
    bed.user("frontend", "").await.broadcast("c", 1).await;
}

/// "No message size limit."
#[tokio::test]
async fn a_message_too_long_ends_its_connection_by_name() {
    let bed = Bed::with(|setup| setup.socket.message_bytes_max = polysocket_config::Size::kib(64)).await;
    let mut client = bed.client().await;
    client.send(&"x".repeat(65_537)).await;
    assert_eq!(client.closed().await.0, 1009);
    bed.client().await.says(&"x".repeat(65_536), r#"{"err":"INVALID_PAYLOAD"}"#).await;
}

/// "No ping, no idle timeout."
#[tokio::test]
async fn who_does_not_answer_a_ping_is_gone() {
    let bed = Bed::with(|setup| {
        setup.socket.ping_every = polysocket_config::Span::millis(50);
        setup.socket.pong_within = polysocket_config::Span::millis(50);
    })
    .await;
    let (mut frames, _silent) = raw(&bed).await;
    assert_eq!(frames.next().await.unwrap().unwrap().opcode, opcode::PING);
    bed.metric_becomes("polysocket_socket_ended_total{cause=\"no-pong\"}", 1.0).await;
}

/// "No Origin policy": see `http`. "No backpressure": messages of one connection are answered one after the other, and
/// who does not read the answers is not read either, or is ended.
#[tokio::test]
async fn who_asks_without_reading_is_stopped() {
    let bed = Bed::with(|setup| {
        setup.socket.queue_bytes_max = polysocket_config::Size::kib(64);
        setup.socket.messages_per_second = 0;
        setup.socket.write_timeout = polysocket_config::Span::seconds(2);
    })
    .await;
    let (frames, mut client) = raw(&bed).await;
    let request = text(&format!("{{\"{}\":true}}", "x".repeat(4000))).encode();
    let asking = async {
        // Until the connection is gone.
        while client.write_all(&request).await.is_ok() {}
    };
    assert!(tokio::time::timeout(Duration::from_secs(60), asking).await.is_ok());
    bed.metric_becomes("polysocket_socket_connections", 0.0).await;
    let mut rest = frames;
    while let Ok(Some(_)) = rest.next().await {}
}

/// "Unknown path", and what is no HTTP at all, do not trouble it.
#[tokio::test]
async fn rubbish_on_the_port() {
    let bed = Bed::start().await;
    let mut stream = TcpStream::connect(&bed.address).await.unwrap();
    stream.write_all(b"\x16\x03\x01\x00\x05hello\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(SOON, stream.read_to_end(&mut answer)).await.expect("an end");
    bed.backend().await.subscribe("c").await;
}
