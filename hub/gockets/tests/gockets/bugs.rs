//! What was wrong with the original (and is told of each here), and is not with ours.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use polysocket_config::Span;
use polysocket_tests::websocket::{Frame, opcode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bed::{Bed, Keys, PATIENCE, eventually};
use crate::hook::{Hook, reply};

async fn listeners(bed: &Bed, keys: &Keys) -> u64 {
    bed.get(&format!("/channel/{}", keys.publisher)).await.json()["listeners"].as_u64().unwrap()
}

/// Keys were hashes of the second, and a second channel in one second span until the next and lost its hook and tag.
#[tokio::test]
async fn many_channels_in_one_second_with_keys_of_their_own() {
    let bed = Bed::new().await;
    let made = join_all((0..200).map(async |number| {
        let body =
            format!(r#"{{"subscriber_message_hook_url":"http://localhost/{number}","tag":"{number}"}}"#);
        (number, bed.post("/channel/prepare", body).await.json())
    }))
    .await;
    let mut keys = HashSet::new();
    for (number, channel) in &made {
        assert_eq!(channel["tag"], number.to_string());
        assert_eq!(channel["subscriber_message_hook_url"], format!("http://localhost/{number}"));
        for name in ["publisher_token", "subscriber_token"] {
            keys.insert(channel[name].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(keys.len(), 400);
    // Random bits: in 400 keys of 128 each place is set in about half of them (200, with 6 standard deviations of 10).
    for place in 0..128 {
        let digit = |key: &String| u8::from_str_radix(&key[place / 4..=place / 4], 16).unwrap();
        let set = keys.iter().filter(|key| digit(key) >> (place % 4) & 1 == 1).count();
        assert!((140..=260).contains(&set), "place {place} is set in {set} of 400");
    }
}

/// Copies went through one queue for all listeners: a fast one got several and another none.
#[tokio::test]
async fn each_listener_gets_each_message_once() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(bed.subscribe(&keys).await);
    }
    for number in 0..50 {
        bed.publish(&keys, number.to_string()).await;
    }
    for client in &mut clients {
        for number in 0..50 {
            assert_eq!(client.text().await, number.to_string());
        }
    }
    bed.delete(&keys).await;
    for client in clients {
        assert_eq!(client.closed().await.0, Some(1000), "and nothing after that");
    }
}

/// A count of listeners that was too high hung the publisher's request for ever.
#[tokio::test]
async fn listeners_that_vanish_hang_nobody() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    for _ in 0..10 {
        drop(bed.subscribe(&keys).await);
        bed.publish(&keys, "x").await;
    }
    eventually("all are gone", async || listeners(&bed, &keys).await == 0).await;
    bed.publish(&keys, "x").await;
}

/// A listener that did not read hung the publisher and all others.
#[tokio::test]
async fn a_listener_that_does_not_read_hangs_nobody() {
    let bed = Bed::with(|setup| setup.sockets.queue_bytes_max = polysocket_config::Size::kib(64)).await;
    let keys = bed.prepare("").await;
    let _stalled = bed.subscribe(&keys).await;
    let mut reads = bed.subscribe(&keys).await;
    let body = "x".repeat(60 * 1024);
    for _ in 0..200 {
        bed.publish(&keys, &body).await;
        assert_eq!(reads.text().await.len(), body.len());
    }
    eventually("the stalled one was given up", async || listeners(&bed, &keys).await == 1).await;
}

/// Deleting leaked a task for each listener, closing another, and a hook's worker never ended.
#[tokio::test]
async fn nothing_is_left_of_listeners_that_have_gone() {
    let (bed, mut hook) = (Bed::new().await, Hook::new().await);
    let keys = bed.prepare_with_hook(&hook.url(), "").await;
    for round in 0..10 {
        let mut client = bed.subscribe(&keys).await;
        client.say("x").await;
        hook.call().await;
        if round % 2 == 0 {
            client.close(1000).await;
        }
    }
    eventually("all are gone", async || bed.metric("polysocket_socket_connections", "") == 0).await;
    let stays = bed.subscribe(&keys).await;
    bed.delete(&keys).await;
    stays.closed().await;
    // All tasks are tracked: they end at once, without being dropped.
    assert!(bed.life.finish(PATIENCE).await);
}

/// Maps were shared without a lock, and the process died of it; the count of listeners was wrong in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_at_the_same_time() {
    let bed = Bed::new().await;
    let shared = bed.prepare("").await;
    join_all((0..16).map(async |number| {
        for _ in 0..5 {
            let keys = bed.prepare(&format!("{{\"tag\":\"{number}\"}}")).await;
            let (mut own, other) = (bed.subscribe(&keys).await, bed.subscribe(&shared).await);
            bed.publish(&keys, "own").await;
            bed.publish(&shared, "shared").await;
            assert_eq!(own.text().await, "own");
            let found = bed.get(&format!("/channel/show?search=%5E{number}%24")).await.json();
            assert!(!found["channels"].as_array().unwrap().is_empty());
            other.close(1000).await;
            bed.delete(&keys).await;
            assert_eq!(own.closed().await.0, Some(1000));
        }
    }))
    .await;
    eventually("nobody is left", async || listeners(&bed, &shared).await == 0).await;
    let left = bed.get("/channel").await.json();
    assert_eq!(left["channels"].as_array().unwrap().len(), 1, "{left}");
}

/// A hook that was no URL ended the whole daemon with the first message.
#[tokio::test]
async fn a_hook_that_is_no_url_is_refused() {
    let bed = Bed::new().await;
    for url in ["nonsense", "http://", "http://a b/", "://", "http://[::", "%zz", "http://host:port/"] {
        let body = serde_json::json!({ "subscriber_message_hook_url": url }).to_string();
        let answer = bed.post("/channel/prepare", body).await;
        let expected = r#"{"type":"ERR","message":"Invalid hook url"}"#;
        assert_eq!((answer.status(), answer.text()), (400, expected), "{url}");
    }
}

/// The last version died of a channel without a hook right after the handshake, and could not list one without a tag.
#[tokio::test]
async fn channels_without_hook_and_tag() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    let mut client = bed.subscribe(&keys).await;
    client.say("nobody hears this").await;
    client.send(Frame::new(opcode::BINARY, &b"nor this"[..])).await;
    bed.publish(&keys, "it lives").await;
    assert_eq!(client.text().await, "it lives");
    for path in ["/channel", "/channel/show", "/channel/show?search=x"] {
        assert_eq!(bed.get(path).await.status(), 200, "{path}");
    }
    eventually("both were seen", async || {
        bed.metric("polysocket_gockets_client_messages_total", "no-hook") == 2
    })
    .await;
}

/// Answers of hooks were never read nor closed, so that each message took a connection for ever.
#[tokio::test]
async fn a_hooks_connection_is_used_again() {
    let (bed, mut hook) = (Bed::new().await, Hook::new().await);
    let keys = bed.prepare_with_hook(&hook.url(), "").await;
    hook.answer(vec![reply("", &"long answer ".repeat(2000)); 50]);
    let mut client = bed.subscribe(&keys).await;
    for _ in 0..50 {
        client.say("x").await;
        hook.call().await;
    }
    assert!(hook.connections() < 5, "{} connections for 50 messages", hook.connections());
}

/// A handshake that failed ended the process.
#[tokio::test]
async fn a_handshake_that_fails_or_is_broken_off() {
    let bed = Bed::new().await;
    let keys = bed.prepare("").await;
    let path = format!("/channel/subscribe/{}", keys.subscriber);
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    for _ in 0..10 {
        let mut stream = TcpStream::connect(bed.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        drop(stream);
    }
    let old = [("Connection", "upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "7")];
    assert_eq!(bed.send("GET", &path, &old, b"").await.status(), 400);
    eventually("nobody is left", async || listeners(&bed, &keys).await == 0).await;
    let mut client = bed.subscribe(&keys).await;
    bed.publish(&keys, "it lives").await;
    assert_eq!(client.text().await, "it lives");
}

/// There was no deadline before the first pong: who never answered lived until a write failed.
#[tokio::test]
async fn a_listener_that_never_answers_is_given_up() {
    let bed = Bed::with(|setup| {
        setup.sockets.ping_every = Span::millis(50);
        setup.sockets.pong_within = Span::millis(50);
    })
    .await;
    let keys = bed.prepare("").await;
    let mut silent = bed.subscribe(&keys).await;
    // `next` reads pings and answers none.
    let mut byte = [0];
    while silent.next().await.is_some_and(|frame| frame.opcode != opcode::CLOSE) {}
    eventually("it is gone", async || listeners(&bed, &keys).await == 0).await;
    let _ = silent.reader.get_ref().try_read(&mut byte);
}

/// The `Host` header was all that locked administration; and a slow body held its request for ever.
#[tokio::test]
async fn a_body_that_never_comes_is_not_waited_for() {
    let bed = Bed::with(|setup| setup.body_timeout = Duration::from_millis(50)).await;
    let mut stream = TcpStream::connect(bed.address).await.unwrap();
    let port = bed.address.port();
    let request =
        format!("POST /channel/prepare HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Length: 5\r\n\r\nab");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut said = [0; 12];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut said)).await.expect("an answer").unwrap();
    assert_eq!(&said, b"HTTP/1.1 408");
}
