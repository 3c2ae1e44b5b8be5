//! The targets themselves, without a relay: a harness that lies about its servers proves nothing.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use polysocket_tests::client::http::Request;
use polysocket_tests::client::{Dialer, HttpClient};
use polysocket_tests::upstream::{BadFrame, Foreign, Silent, Upstream};
use polysocket_tests::websocket::{self, Frame, FrameReader, opcode};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

const LIMIT: Duration = Duration::from_secs(10);

struct Socket {
    frames: FrameReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    protocol: Option<String>,
    extensions: Option<String>,
}

impl Socket {
    /// The error is the status of a refusal; 0 for no answer.
    async fn open(url: &str, protocols: &str) -> Result<Self, u16> {
        let client = HttpClient::new(Dialer::direct());
        let (headers, key) = websocket::client_headers(protocols);
        let request = Request { headers, ..Request::get(url.trim_start_matches("ws://")) };
        let streaming = client.open(&request, Duration::from_secs(2)).await.map_err(|_| 0u16)?;
        if !websocket::is_accepted(&streaming.head, &key) {
            return Err(streaming.head.status());
        }
        let header = |name: &str| streaming.head.header(name).map(String::from);
        let (protocol, extensions) = (header("sec-websocket-protocol"), header("sec-websocket-extensions"));
        let (read, rest, writer) = streaming.upgrade();
        Ok(Self { frames: FrameReader::new(read, &rest), writer, protocol, extensions })
    }

    async fn send(&mut self, frame: Frame) {
        websocket::send(&mut self.writer, &frame.masked()).await.unwrap();
    }

    async fn next(&mut self) -> Option<Frame> {
        tokio::time::timeout(LIMIT, self.frames.next()).await.unwrap().unwrap_or(None)
    }
}

async fn behaves_as_an_echo(url: &str) {
    let mut socket = Socket::open(url, "other, chat").await.unwrap();
    assert_eq!(socket.extensions, None, "nothing was offered");
    for frame in [Frame::new(opcode::TEXT, "hé"), Frame::new(opcode::BINARY, vec![0; 70_000])] {
        socket.send(frame.clone()).await;
        assert_eq!(socket.next().await, Some(frame));
    }
    socket.send(Frame::new(opcode::TEXT, "close 3005 a reason")).await;
    assert_eq!(socket.next().await.unwrap().close_code(), (Some(3005), "a reason".into()));
}

#[tokio::test]
async fn the_scripted_server_echoes_and_keeps_record() {
    let upstream = Upstream::start().await.unwrap();
    behaves_as_an_echo(&upstream.url("/echo")).await;
    let seen = upstream.expect("two messages", LIMIT, |seen| seen.messages.len() == 3).await;
    assert_eq!(seen.head.header("sec-websocket-protocol"), Some("other, chat"));
    assert_eq!(seen.head.header("host"), Some(upstream.address().to_string().as_str()));
}

#[tokio::test]
async fn servers_of_others_behave_the_same() {
    behaves_as_an_echo(&Foreign::ws().await.unwrap().url()).await;
    behaves_as_an_echo(&Foreign::websockets().await.unwrap().url()).await;
}

#[tokio::test]
async fn servers_of_others_choose_a_subprotocol() {
    for foreign in [Foreign::ws().await.unwrap(), Foreign::websockets().await.unwrap()] {
        assert_eq!(
            Socket::open(&foreign.url(), "other, chat").await.unwrap().protocol.as_deref(),
            Some("chat")
        );
        assert_eq!(Socket::open(&foreign.url(), "other").await.unwrap().protocol, None);
    }
}

#[tokio::test]
async fn handshakes_fail_as_asked() {
    let upstream = Upstream::start().await.unwrap();
    assert_eq!(Socket::open(&upstream.url("/refuse?status=403"), "").await.err(), Some(403));
    assert_eq!(Socket::open(&upstream.url("/nowhere"), "").await.err(), Some(404));
    let silent = Silent::start().await.unwrap();
    for url in [upstream.url("/hang"), upstream.url("/half"), silent.url()] {
        assert_eq!(Socket::open(&url, "").await.err(), Some(0), "{url}");
    }
    assert_eq!(silent.connections(), 1);
    let chosen = Socket::open(&upstream.url("/echo?protocol=wrong"), "chat").await.unwrap().protocol;
    assert_eq!(chosen.as_deref(), Some("wrong"));
}

#[tokio::test]
async fn connections_end_as_asked() {
    let upstream = Upstream::start().await.unwrap();
    let mut empty = Socket::open(&upstream.url("/close"), "").await.unwrap();
    assert_eq!(empty.next().await.unwrap().close_code(), (None, String::new()));
    let mut coded = Socket::open(&upstream.url("/close?code=4000&reason=x"), "").await.unwrap();
    assert_eq!(coded.next().await.unwrap().close_code(), (Some(4000), "x".into()));
    for how in ["rst", "fin"] {
        let mut dying = Socket::open(&upstream.url(&format!("/die?how={how}")), "").await.unwrap();
        // A reset may overtake the message that was sent before it.
        let first = dying.next().await;
        assert!(
            first.is_none() && how == "rst" || first == Some(Frame::new(opcode::TEXT, "whole")),
            "{first:?}"
        );
        assert_eq!(dying.next().await, None);
    }
    let mut deaf = Socket::open(&upstream.url("/deaf"), "").await.unwrap();
    deaf.send(Frame::close(Some(1000), "")).await;
    deaf.send(Frame::new(opcode::TEXT, "still there")).await;
    assert_eq!(deaf.next().await.unwrap().payload, "still there");
}

#[tokio::test]
async fn every_bad_frame_is_bad() {
    let upstream = Upstream::start().await.unwrap();
    for (name, bad) in BadFrame::ALL {
        let mut socket = Socket::open(&upstream.url(&format!("/bad?frame={name}")), "").await.unwrap();
        for expected in bad.frames() {
            assert_eq!(socket.next().await, Some(expected), "{name}");
        }
    }
}

#[tokio::test]
async fn a_client_that_breaks_the_rules_is_on_record() {
    let upstream = Upstream::start().await.unwrap();
    let mut socket = Socket::open(&upstream.url("/echo"), "").await.unwrap();
    websocket::send(&mut socket.writer, &Frame::new(opcode::TEXT, "unmasked")).await.unwrap();
    let seen = upstream.expect("a violation", LIMIT, |seen| seen.violation.is_some()).await;
    assert!(seen.violation.unwrap().contains("not masked"));
}
