//! What a target does, as the page sees it, and what the page does, as the target sees it.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use polysocket_tests::admin::{Admin, resident_bytes};
use polysocket_tests::client::http::{Answer, Request};
use polysocket_tests::client::{
    Close, Create, CreateError, Created, Event, HttpClient, Message, Session, Settings, Transport, create,
};
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::ports::{TempDir, free_port};
use polysocket_tests::upstream::{BadFrame, Silent, Upstream};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

const SOON: Duration = Duration::from_secs(10);
const MIB: usize = 1024 * 1024;

/// Times that a test can wait for.
const SHORT: &[(&str, &str)] = &[
    ("router", "create_timeout = \"1s\""),
    ("limits", "closing_time = \"1s\"\nstall_time = \"2s\""),
    ("relayd", "send_timeout = \"1s\""),
    ("admin", "listen = \"127.0.0.1:0\""),
];

struct Bed {
    cluster: TestCluster,
    http: HttpClient,
    upstream: Upstream,
}

impl Bed {
    async fn start() -> Self {
        Self::with(SHORT).await
    }

    async fn with(sections: &[(&str, &str)]) -> Self {
        let cluster = TestCluster::dev_with(sections).await.unwrap();
        let http = cluster.client();
        Self { cluster, http, upstream: Upstream::start().await.unwrap() }
    }

    async fn open(&self, path: &str, settings: Settings) -> Session {
        let wish = self.cluster.create(&self.upstream.url(path));
        let session = Session::open(&self.http, &wish, settings).await.unwrap();
        match session.expect_within(SOON).await {
            Event::Open { .. } => session,
            other => panic!("{other:?} comes first"),
        }
    }

    async fn refused(&self, wish: &Create) -> (u16, String) {
        match create(&self.http, wish).await {
            Err(CreateError::Refused { status, code, .. }) => (status, code),
            other => panic!("{}: {other:?}", wish.target),
        }
    }

    async fn created(&self, wish: &Create) -> Created {
        create(&self.http, wish).await.unwrap()
    }

    async fn post(&self, created: &Created, query: &str, body: Vec<u8>) -> Answer {
        let url = format!("{}/s/{}?{query}", created.relay, created.socket);
        self.http.request(&Request::post(&url, body), SOON).await.unwrap()
    }

    async fn poll(&self, created: &Created, query: &str) -> Value {
        let url = format!("{}/j/{}?{query}", created.relay, created.socket);
        let answer = self.http.request(&Request::get(&url), SOON).await.unwrap();
        serde_json::from_slice(&answer.body).unwrap()
    }
}

fn closed(code: u16, reason: &str) -> Event {
    Event::Close(Close { code, reason: reason.into(), clean: true, error: None })
}

fn abnormal() -> Event {
    Event::Close(Close::abnormal())
}

fn failed(word: &str) -> Event {
    Event::Close(Close { error: Some(word.into()), ..Close::abnormal() })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_targets_code_and_reason_reach_the_page_on_every_transport() {
    let bed = Bed::start().await;
    let longest = "\u{fc}".repeat(61) + "!";
    for transport in Transport::ALL {
        for (code, reason) in
            [(1000, "bye"), (1001, ""), (1011, "broken"), (3000, ""), (3999, "a & b"), (4999, &longest)]
        {
            let path = format!("/close?code={code}&reason={}", reason.replace('&', "%26").replace(' ', "%20"));
            let session = bed.open(&path, Settings::on(transport)).await;
            assert_eq!(session.expect_within(SOON).await, closed(code, reason), "{transport:?}");
        }
        let session = bed.open("/close", Settings::on(transport)).await;
        assert_eq!(session.expect_within(SOON).await, closed(1005, ""), "{transport:?}");
    }
    // RFC 6455, section 5.5.1: the answer to a close frame has its code.
    bed.upstream.expect("3999 back", SOON, |seen| seen.close.as_ref().is_some_and(|c| c.0 == Some(3999))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pages_code_and_reason_reach_the_target_on_every_transport() {
    let bed = Bed::start().await;
    for (n, transport) in Transport::ALL.into_iter().enumerate() {
        for (code, reason) in
            [(Some(1000), "bye"), (Some(3000), ""), (Some(4999), "s\u{fc}\u{df} & \u{2028}"), (None, "")]
        {
            let path = format!("/echo?n={n}.{code:?}").replace(['(', ')'], "");
            let session = bed.open(&path, Settings::on(transport)).await;
            session.send(Message::text("before"));
            session.close(code, reason);
            assert_eq!(session.expect_within(SOON).await, Event::Message(Message::text("before")));
            assert_eq!(session.expect_within(SOON).await, closed(code.unwrap_or(1005), reason));
            let seen =
                bed.upstream.expect("the end", SOON, |s| s.head.target() == path && s.close.is_some()).await;
            assert_eq!(seen.close, Some((code, reason.into())), "{transport:?}");
            assert_eq!((seen.messages, seen.violation), (vec![Message::text("before")], None));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_cannot_put_a_reserved_code_on_the_wire() {
    let bed = Bed::start().await;
    let created = bed.created(&bed.cluster.create(&bed.upstream.url("/echo"))).await;
    let too_long = format!("n=1&t=c&code=1000&reason={}", "x".repeat(124));
    for query in
        ["n=1&t=c&code=1001", "n=1&t=c&code=1005", "n=1&t=c&code=1006", "n=1&t=c&code=1015", "n=1&t=c&code=0"]
            .into_iter()
            .chain(["n=1&t=c&code=2999", "n=1&t=c&code=5000", "n=1&t=c&code=70000", "n=1&t=c&code=x", &too_long])
    {
        let answer = bed.post(&created, query, Vec::new()).await;
        assert_eq!(answer.head.status(), 400, "{query}");
    }
    assert_eq!(bed.post(&created, "n=1&t=c&code=3000", Vec::new()).await.head.status(), 201);
    let seen = bed.upstream.expect("a close", SOON, |seen| seen.close.is_some()).await;
    assert_eq!(seen.close, Some((Some(3000), String::new())));
}

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
async fn rude(answer: Option<&'static [u8]>, read_first: bool) -> String {
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
        (Some(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"), true),
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
        assert_eq!(bed.refused(&bed.cluster.create(&target)).await, (502, "upstream-refused".into()), "{target}");
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
        assert!((Duration::from_millis(900)..Duration::from_millis(1600)).contains(&took), "{target}: {took:?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn invalid_frames_are_1006_at_the_page() {
    let bed = Bed::start().await;
    let mut wrong = Vec::new();
    for (name, _) in BadFrame::ALL {
        let path = format!("/bad?frame={name}");
        let session = bed.open(&path, Settings::default()).await;
        let event = session.expect_within(SOON).await;
        if event != abnormal() {
            wrong.push(format!("{name}: the page sees {event:?}"));
        }
        // RFC 6455, section 7.1.7: the connection is failed.
        bed.upstream.expect(name, SOON, |seen| seen.head.target() == path && seen.ended).await;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_dies_is_1006_after_what_it_said() {
    let bed = Bed::start().await;
    for transport in Transport::ALL {
        let session = bed.open("/die?how=fin", Settings::on(transport)).await;
        assert_eq!(session.expect_within(SOON).await, Event::Message(Message::text("whole")), "{transport:?}");
        assert_eq!(session.expect_within(SOON).await, abnormal(), "{transport:?}");

        // A reset throws away what the relay has not read, so it is asked for after that was seen.
        let session = bed.open("/echo", Settings::on(transport)).await;
        session.send(Message::text("earlier"));
        assert_eq!(session.expect_within(SOON).await, Event::Message(Message::text("earlier")));
        session.send(Message::text("die"));
        assert_eq!(session.expect_within(SOON).await, abnormal(), "{transport:?}");
    }
    // The same where the page has not fetched anything yet: all comes later, in order.
    let created = bed.created(&bed.cluster.create(&bed.upstream.url("/die?how=fin&late"))).await;
    let path = "/die?how=fin&late";
    bed.upstream.expect("its end", SOON, |seen| seen.head.target() == path && seen.ended).await;
    let router = bed.cluster.router().to_string();
    let session = Session::attach(&bed.http, &router, created, Settings::default());
    assert!(matches!(session.expect_within(SOON).await, Event::Open { .. }));
    assert_eq!(session.expect_within(SOON).await, Event::Message(Message::text("whole")));
    assert_eq!(session.expect_within(SOON).await, abnormal());
    // And half a message, cut by a reset, is none.
    let session = bed.open("/die?how=rst", Settings::default()).await;
    let mut event = session.expect_within(SOON).await;
    if event == Event::Message(Message::text("whole")) {
        event = session.expect_within(SOON).await;
    }
    assert_eq!(event, abnormal());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_is_never_answered_is_1006_after_closing_time() {
    let bed = Bed::start().await;
    let session = bed.open("/deaf", Settings::default()).await;
    let began = Instant::now();
    session.close(Some(1000), "bye");
    bed.upstream.expect("the close", SOON, |seen| seen.close == Some((Some(1000), "bye".into()))).await;
    assert_eq!(session.expect_within(SOON).await, abnormal());
    let took = began.elapsed();
    assert!((Duration::from_millis(950)..Duration::from_secs(3)).contains(&took), "{took:?}");
    bed.upstream.expect("the end of the connection", SOON, |seen| seen.ended).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_never_reads_makes_sends_busy_and_holds_little() {
    let mut bed = Bed::start().await;
    let created = bed.created(&bed.cluster.create(&bed.upstream.url("/stalled"))).await;
    assert_eq!(bed.poll(&created, "ack=0").await["messages"][0]["type"], "open");
    let before = resident_bytes(&mut bed.cluster.routers[0]).unwrap();
    let (mut number, mut refused) = (0, None);
    // The system's own buffers of a loopback connection take a few MiB.
    while refused.is_none() && number < 64 * 16 {
        number += 1;
        let began = Instant::now();
        let answer = bed.post(&created, &format!("n={number}&t=b"), vec![7; 64 * 1024]).await;
        if answer.head.status() != 201 {
            refused = Some((answer, began.elapsed()));
        }
    }
    let (answer, took) = refused.expect("64 MiB were taken for a target that reads nothing");
    let json: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.head.status(), json["code"].as_str()), (503, Some("busy")));
    assert!((Duration::from_millis(900)..Duration::from_secs(3)).contains(&took), "{took:?}");
    // The number is not used up, and the session lives.
    let again = bed.post(&created, &format!("n={number}&t=b"), vec![7; 64 * 1024]).await;
    assert_eq!(again.head.status(), 503);
    assert_eq!(bed.post(&created, &format!("n={}&t=b", number - 1), vec![7; 64 * 1024]).await.head.status(), 201);
    let grown = resident_bytes(&mut bed.cluster.routers[0]).unwrap().saturating_sub(before);
    assert!(grown < 24 * MIB as u64, "the relay grew by {grown} bytes for {number} units of 64 KiB");
    let admin = Admin::of(&mut bed.cluster.routers[0]).await.unwrap();
    let limit = 512.0 * 1024.0;
    let held = admin.until("polysocket_relay_buffered_bytes", SOON, |bytes| bytes > 0.0).await.unwrap();
    assert!(held <= limit, "{held} bytes are buffered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_floods_a_page_that_does_not_take_is_not_read_and_then_closed_with_1008() {
    let mut bed = Bed::start().await;
    let path = "/duplex?seed=1&send=100000&expect=0";
    let created = bed.created(&bed.cluster.create(&bed.upstream.url(path))).await;
    let before = resident_bytes(&mut bed.cluster.routers[0]).unwrap();
    assert_eq!(bed.poll(&created, "ack=0").await["messages"][0]["type"], "open");
    let began = Instant::now();
    let seen = bed.upstream.expect("1008", SOON, |seen| seen.close.is_some()).await;
    assert_eq!(seen.close.map(|close| close.0), Some(Some(1008)));
    let took = began.elapsed();
    assert!((Duration::from_millis(1500)..Duration::from_secs(5)).contains(&took), "{took:?}");
    let grown = resident_bytes(&mut bed.cluster.routers[0]).unwrap().saturating_sub(before);
    assert!(grown < 24 * MIB as u64, "the relay grew by {grown} bytes");
    // 256 KiB, and the one message over it.
    let admin = Admin::of(&mut bed.cluster.routers[0]).await.unwrap();
    let held = admin.until("polysocket_relay_buffered_bytes", SOON, |bytes| bytes > 0.0).await.unwrap();
    assert!((100_000.0..400_000.0).contains(&held), "{held} bytes are held");
    // The page that comes back gets what was kept, and how it ended.
    let mut ack = 0;
    let close = loop {
        let answer = bed.poll(&created, &format!("ack={ack}")).await;
        let messages = answer["messages"].as_array().unwrap_or_else(|| panic!("{answer}")).clone();
        ack = answer["seq"].as_u64().unwrap() - 1 + messages.len() as u64;
        if let Some(close) = messages.iter().find(|message| message["type"] == "close") {
            break close.clone();
        }
    };
    assert_eq!((close["code"].as_u64(), close["wasClean"].as_bool()), (Some(1008), Some(true)), "{close}");
}

fn patterned(len: usize) -> Vec<u8> {
    (0..len).map(|i| u8::try_from(i * 31 % 251).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mebibyte_goes_both_ways_on_every_transport() {
    let bed = Bed::with(&[("admin", "listen = \"127.0.0.1:0\"")]).await;
    for transport in Transport::ALL {
        let settings = Settings { url_bytes: 8000, ..Settings::on(transport) };
        let session = bed.open("/echo", settings).await;
        for message in [Message::binary(patterned(MIB)), Message::text("\u{20ac}uro ".repeat(MIB / 7))] {
            session.send(message.clone());
            let came = session.expect_within(Duration::from_secs(40)).await;
            assert!(came == Event::Message(message), "{transport:?}: {}", session.describe());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_message_goes_by_script_in_fragments_that_fit_old_urls() {
    let bed = Bed::start().await;
    let session = bed.open("/echo", Settings::on(Transport::Jsonp)).await;
    for message in [Message::binary(patterned(100_000)), Message::text("100 kB \u{e9}".repeat(10_000))] {
        session.send(message.clone());
        assert!(session.expect_within(SOON).await == Event::Message(message), "{}", session.describe());
    }
    // 2 × 100 kB in URLs of 1,900 bytes, and back in units of 16 KiB.
    assert!(session.statistics().requests > 120, "{:?}", session.statistics());
    let seen = bed.upstream.expect("two messages", SOON, |seen| seen.messages.len() == 2).await;
    assert_eq!(seen.messages[0], Message::binary(patterned(100_000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_messages_are_messages() {
    let bed = Bed::start().await;
    for transport in Transport::ALL {
        let session = bed.open("/echo", Settings::on(transport)).await;
        let empty = [Message::text(""), Message::binary(vec![]), Message::text(""), Message::text("end")];
        for message in &empty {
            session.send(message.clone());
        }
        for message in empty {
            assert_eq!(session.expect_within(SOON).await, Event::Message(message), "{transport:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_scalar_value_goes_both_ways_on_every_transport() {
    let bed = Bed::with(&[("admin", "listen = \"127.0.0.1:0\"")]).await;
    for transport in Transport::ALL {
        let settings = Settings { url_bytes: 8000, in_flight: 4, ..Settings::on(transport) };
        let session = bed.open("/echo", settings).await;
        let planes = (0..0x11_u32)
            .map(|plane| (0..=0xffff).filter_map(|low| char::from_u32(plane << 16 | low)).collect::<String>());
        let mut characters = 0;
        for plane in planes {
            characters += plane.chars().count();
            let message = Message::text(plane);
            session.send(message.clone());
            let came = session.expect_within(Duration::from_secs(40)).await;
            assert!(came == Event::Message(message), "{transport:?}: {}", session.describe());
        }
        assert_eq!(characters, 0x11_0000 - 0x800);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_and_pings_of_a_target_are_joined_and_answered() {
    let bed = Bed::start().await;
    for transport in Transport::ALL {
        let session = bed.open("/fragments", Settings::on(transport)).await;
        assert_eq!(session.expect_within(SOON).await, Event::Message(Message::text("fragments \u{e9}")));
    }
    let session = bed.open("/ping?count=20", Settings::default()).await;
    session.send(Message::text("after pings"));
    assert_eq!(session.expect_within(SOON).await, Event::Message(Message::text("after pings")));
    bed.upstream.expect("20 pongs", SOON, |seen| seen.pongs == 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_sees_the_pages_origin_and_none_of_its_cookies() {
    let bed = Bed::start().await;
    let target = bed.upstream.url("/echo");
    let url = format!("{}/create?v=1&target={target}", bed.cluster.router());
    for (header, value, expected) in [
        ("Origin", "https://app.example.com", Some("https://app.example.com")),
        // A script request has no Origin.
        ("Referer", "https://page.example.com/path?query", Some("https://page.example.com")),
        ("X-Nothing", "x", None),
    ] {
        let before = bed.upstream.seen().len();
        let request = Request::get(&url)
            .header(header, value)
            .header("Cookie", "session=of-the-page")
            .header("Authorization", "Basic secret")
            .header("X-Forwarded-For", "192.0.2.7");
        let answer = bed.http.request(&request, SOON).await.unwrap();
        assert_eq!(answer.head.status(), 200);
        let seen = bed.upstream.seen();
        assert_eq!(seen.len(), before + 1);
        let head = &seen[before].head;
        assert_eq!(head.header("origin"), expected);
        assert_eq!(head.header("host"), Some(bed.upstream.address().to_string().as_str()));
        for name in ["cookie", "authorization", "referer", "x-forwarded-for"] {
            assert_eq!(head.header(name), None, "{name}");
        }
    }
    // An origin is no parameter.
    let answer = bed.http.request(&Request::get(&format!("{url}&origin=https://evil.example")), SOON).await;
    assert_eq!(answer.unwrap().head.status(), 200);
    assert_eq!(bed.upstream.seen().last().unwrap().head.header("origin"), None);
}

/// A TLS end before a plain target, with a certificate for these names by an authority of its own.
struct Tls {
    port: u16,
    authority: String,
}

impl Tls {
    async fn before(upstream: &Upstream, names: &[&str]) -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, to) = (listener.local_addr().unwrap().port(), upstream.address());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that does not trust the authority hangs up here.
                    let Ok(mut tls) = acceptor.accept(stream).await else { return };
                    let mut plain = TcpStream::connect(to).await.unwrap();
                    let _ = copy_bidirectional(&mut tls, &mut plain).await;
                });
            }
        });
        Self { port, authority: authority.pem() }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wss_target_of_a_private_authority_needs_upstream_ca() {
    let upstream = Upstream::start().await.unwrap();
    let tls = Tls::before(&upstream, &["localhost", "127.0.0.1"]).await;
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &tls.authority).unwrap();
    let (by_name, by_address) =
        (format!("wss://localhost:{}/echo", tls.port), format!("wss://127.0.0.1:{}/echo", tls.port));

    let trusting = TestCluster::dev(&["--upstream-ca", &file.to_string_lossy()]).await.unwrap();
    let http = trusting.client();
    for target in [&by_name, &by_address] {
        let session = Session::open(&http, &trusting.create(target), Settings::default()).await.unwrap();
        assert!(matches!(session.expect_within(SOON).await, Event::Open { .. }));
        for message in [Message::text("over TLS"), Message::binary(patterned(300_000))] {
            session.send(message.clone());
            assert_eq!(session.expect_within(SOON).await, Event::Message(message));
        }
        session.close(Some(1000), "done");
        assert_eq!(session.expect_within(SOON).await, closed(1000, "done"));
    }
    let seen = upstream.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].head.header("host"), Some(format!("localhost:{}", tls.port).as_str()));

    // The authority is not known; the name is another; and no TLS is spoken there.
    let wary = TestCluster::dev(&[]).await.unwrap();
    let other = Tls::before(&upstream, &["other.example"]).await;
    let both = format!("{}{}", tls.authority, other.authority);
    std::fs::write(&file, both).unwrap();
    let knowing = TestCluster::dev(&["--upstream-ca", &file.to_string_lossy()]).await.unwrap();
    for (cluster, target) in [
        (&wary, by_name),
        (&knowing, format!("wss://localhost:{}/echo", other.port)),
        (&knowing, rude(Some(b"HTTP/1.1 400 Bad Request\r\n\r\n"), true).await.replace("ws://", "wss://")),
    ] {
        match create(&cluster.client(), &cluster.create(&target)).await {
            Err(CreateError::Refused { status: 502, code, .. }) => assert_eq!(code, "upstream-refused"),
            unexpected => panic!("{target}: {unexpected:?}"),
        }
    }
    assert_eq!(upstream.seen().len(), 2, "nothing was said to a target that is not to be trusted");
}
