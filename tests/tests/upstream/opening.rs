//! Opening handshakes: subprotocols, refusals, hangs, and targets that are held.

use std::time::{Duration, Instant};

use polysocket_tests::client::{Create, Event, Session, Settings};
use polysocket_tests::ports::free_port;
use polysocket_tests::upstream::{Silent, Upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{Bed, SOON, failed};

#[tokio::test(flavor = "multi_thread")]
async fn the_subprotocol_is_the_targets_choice_among_the_pages() {
    let bed = Bed::start().await;
    let wish = |path: &str, protocols: &[&str]| Create {
        protocols: protocols.iter().map(|&name| name.to_owned()).collect(),
        ..bed.cluster.create(&bed.upstream.url(path))
    };
    let created = bed.created(&wish("/echo?protocol=superchat", &["chat", "superchat"])).await;
    assert_eq!(created.protocol, "superchat");
    let seen = bed.upstream.expect("an offer", SOON, |s| s.head.target().contains("superchat")).await;
    assert_eq!(seen.head.header("sec-websocket-protocol"), Some("chat, superchat"));
    let session = Session::attach(&bed.http, &bed.cluster.router().to_string(), created, Settings::default());
    let open = Event::Open { protocol: "superchat".into(), extensions: String::new() };
    assert_eq!(session.expect_within(SOON).await, open);

    let plain = bed.created(&wish("/echo?none", &[])).await;
    assert_eq!(plain.protocol, "");
    let seen = bed.upstream.expect("no offer", SOON, |s| s.head.target() == "/echo?none").await;
    assert_eq!(seen.head.header("sec-websocket-protocol"), None);
    assert_eq!(seen.head.header("sec-websocket-extensions"), None);

    // None chosen, one that was not offered, one in another case, one where none was offered.
    for (path, offered) in [
        ("/echo?protocol=none", &["chat"][..]),
        ("/echo?protocol=other", &["chat", "superchat"]),
        ("/echo?protocol=Chat", &["chat"]),
        ("/echo?protocol=chat", &[]),
    ] {
        let refused = bed.refused(&wish(path, offered)).await;
        assert_eq!(refused, (502, "upstream-refused".into()), "{path} {offered:?}");
    }
}

/// Takes connections and resets them at once, or after it has read the handshake; or says something else.
pub async fn rude(answer: Option<&'static [u8]>, read_first: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                if read_first {
                    let _ = stream.read(&mut [0; 4096]).await;
                }
                match answer {
                    Some(bytes) => {
                        let _ = stream.write_all(bytes).await;
                        let _ = stream.shutdown().await;
                        // Until the other side has gone.
                        let _ = stream.read(&mut [0; 16]).await;
                    }
                    None => {
                        let _ = stream.set_zero_linger();
                    }
                }
            });
        }
    });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_refuses_is_told_as_such() {
    let bed = Bed::start().await;
    let nobody = format!("ws://127.0.0.1:{}/", free_port().unwrap());
    let mut targets = vec![
        bed.upstream.url("/refuse?status=403"),
        bed.upstream.url("/refuse?status=401"),
        bed.upstream.url("/refuse?status=500"),
        bed.upstream.url("/refuse?status=200"),
        nobody,
    ];
    for (answer, read_first) in [
        (None, false),
        (None, true),
        (Some(&b"SSH-2.0-OpenSSH_9.2\r\n"[..]), true),
        (Some(b""), true),
        (
            Some(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
            true,
        ),
        (
            Some(
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                  Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
            ),
            true,
        ),
    ] {
        targets.push(rude(answer, read_first).await);
    }
    for target in targets {
        let began = Instant::now();
        assert_eq!(
            bed.refused(&bed.cluster.create(&target)).await,
            (502, "upstream-refused".into()),
            "{target}"
        );
        assert!(began.elapsed() < Duration::from_millis(900), "{target}: told at once, not by the timeout");
        let held = Create { hold: true, ..bed.cluster.create(&target) };
        let settings = Settings { dial: true, ..Settings::default() };
        let session = Session::open(&bed.http, &held, settings).await.unwrap();
        assert_eq!(session.expect_within(SOON).await, failed("upstream-refused"), "{target}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed() {
    let bed = Bed::start().await;
    let elsewhere = Upstream::start().await.unwrap();
    for status in [301, 302, 307, 308] {
        let path = format!("/refuse?status={status}&to={}", elsewhere.url("/echo"));
        let refused = bed.refused(&bed.cluster.create(&bed.upstream.url(&path))).await;
        assert_eq!(refused, (502, "upstream-refused".into()));
    }
    assert_eq!(bed.upstream.seen().len(), 4);
    assert_eq!(elsewhere.seen().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_hangs_is_a_timeout_within_create_timeout() {
    let bed = Bed::start().await;
    let silent = Silent::start().await.unwrap();
    for target in [silent.url(), bed.upstream.url("/hang"), bed.upstream.url("/half")] {
        let began = Instant::now();
        assert_eq!(bed.refused(&bed.cluster.create(&target)).await, (504, "timeout".into()), "{target}");
        let took = began.elapsed();
        assert!(
            (Duration::from_millis(900)..Duration::from_millis(1600)).contains(&took),
            "{target}: {took:?}"
        );
    }
    assert_eq!(silent.connections(), 1);
    // The connection is given up, not kept.
    bed.upstream.expect("its end", SOON, |seen| seen.head.target() == "/hang" && seen.ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_target_that_hangs_ends_in_timeout() {
    let bed = Bed::start().await;
    let held = Create { hold: true, ..bed.cluster.create(&bed.upstream.url("/hang")) };
    let settings = Settings { dial: true, ..Settings::default() };
    let session = Session::open(&bed.http, &held, settings).await.unwrap();
    assert_eq!(session.expect_within(SOON).await, failed("timeout"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_target_sees_nothing_until_dial() {
    let bed = Bed::start().await;
    let held = Create { hold: true, ..bed.cluster.create(&bed.upstream.url("/echo")) };
    let created = bed.created(&held).await;
    let waited = bed.poll(&created, "ack=0&ttl=1000").await;
    assert_eq!(waited["messages"][0]["type"], "heartbeat", "{waited}");
    assert_eq!(bed.upstream.seen().len(), 0);
    let dialled = bed.poll(&created, "ack=0&dial=1").await;
    assert_eq!(dialled["messages"][0]["type"], "open", "{dialled}");
    assert_eq!(bed.upstream.seen().len(), 1);
    // Said again it changes nothing.
    let again = bed.poll(&created, "ack=1&dial=1&ttl=1000").await;
    assert_eq!(again["messages"][0]["type"], "heartbeat", "{again}");
    assert_eq!(bed.upstream.seen().len(), 1);

    // What is sent before waits for the dialling.
    let held = Create { hold: true, ..bed.cluster.create(&bed.upstream.url("/echo?early")) };
    let created = bed.created(&held).await;
    assert_eq!(bed.post(&created, "n=1&t=t", b"early".to_vec()).await.head.status(), 201);
    assert_eq!(bed.upstream.seen().len(), 1);
    let dialled = bed.poll(&created, "ack=0&dial=1").await;
    assert_eq!((&dialled["ack"], &dialled["messages"][0]["type"]), (&1.into(), &"open".into()), "{dialled}");
    let early = bed.poll(&created, "ack=1").await;
    assert_eq!(early["messages"][0]["data"], "early", "{early}");
}
