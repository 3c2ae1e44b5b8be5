//! What the page sees of targets that behave well and badly, and what they see of the relay.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use polysocket_tests::client::{Close, CreateError, Event, Kind, Message, Session, Settings, Transport};
use polysocket_tests::cluster::TestCluster;
use polysocket_tests::upstream::{BadFrame, Silent, Upstream};

/// More than the closing handshake's limit of 5 s.
const SOON: Duration = Duration::from_secs(12);

struct World {
    cluster: TestCluster,
    upstream: Upstream,
}

impl World {
    async fn new() -> Self {
        Self { cluster: TestCluster::dev(&[]).await.unwrap(), upstream: Upstream::start().await.unwrap() }
    }

    /// A session whose target has opened.
    async fn open(&self, path: &str) -> Session {
        let create = self.cluster.create(&self.upstream.url(path));
        let settings = Settings::on(Transport::Poll);
        let session = Session::open(&self.cluster.client(), &create, settings).await.unwrap();
        assert!(matches!(session.expect_within(SOON).await, Event::Open { .. }));
        session
    }

    /// The word and status of a create that is refused.
    async fn refusal(&self, target: &str, protocols: &[&str]) -> (String, u16) {
        let protocols = protocols.iter().map(ToString::to_string).collect();
        let create = polysocket_tests::client::Create { protocols, ..self.cluster.create(target) };
        match Session::open(&self.cluster.client(), &create, Settings::default()).await {
            Err(CreateError::Refused { status, code, .. }) => (code, status),
            other => panic!("{target}: {other:?}"),
        }
    }
}

/// The close, after whatever messages come before it.
async fn closed(session: &Session) -> (Vec<Message>, Close) {
    let mut messages = Vec::new();
    loop {
        match session.expect_within(SOON).await {
            Event::Message(message) => messages.push(message),
            Event::Close(close) => return (messages, close),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_close_of_a_target_comes_down_as_it_is_and_is_answered() {
    let world = World::new().await;
    for (path, code, reason) in [
        ("/close?code=4000&reason=wh%C3%BF", Some(4000), "whÿ"),
        ("/close?code=1000", Some(1000), ""),
        ("/close", None, ""),
    ] {
        let session = world.open(path).await;
        let expected = Close { code: code.unwrap_or(1005), reason: reason.into(), clean: true, error: None };
        assert_eq!(closed(&session).await.1, expected, "{path}");
        let ended =
            world.upstream.expect("the end", SOON, |seen| seen.head.target() == path && seen.ended).await;
        // RFC 6455 section 5.5.1: the answer echoes the code.
        assert_eq!(ended.close.map(|close| close.0), Some(code), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_dies_is_1006_after_what_it_said() {
    let world = World::new().await;
    for how in ["fin", "rst"] {
        let session = world.open(&format!("/die?how={how}")).await;
        let (messages, close) = closed(&session).await;
        assert_eq!(close, Close::abnormal(), "{how}");
        // A reset may overtake the whole message; half a message never comes.
        assert!(
            messages.is_empty() && how == "rst" || messages == [Message::text("whole")],
            "{how}: {messages:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invalid_frame_ends_the_upstream_and_is_1006_for_the_page() {
    let world = World::new().await;
    for (name, bad) in BadFrame::ALL {
        let path = format!("/bad?frame={name}");
        let session = world.open(&path).await;
        let (messages, close) = closed(&session).await;
        assert_eq!((messages, close), (Vec::new(), Close::abnormal()), "{name}");
        let seen =
            world.upstream.expect("the end", SOON, |seen| seen.head.target() == path && seen.ended).await;
        let code = if matches!(bad, BadFrame::Utf8 | BadFrame::ReasonUtf8) { 1007 } else { 1002 };
        let answer = seen.close.and_then(|close| close.0);
        // A close that is itself invalid may be taken for the end of the connection.
        assert!(answer == Some(code) || answer.is_none() && name.contains("close"), "{name}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_does_not_answer_a_close_is_left_after_a_while() {
    let world = World::new().await;
    let session = world.open("/deaf").await;
    session.close(Some(3000), "bye");
    assert_eq!(closed(&session).await.1, Close::abnormal());
    let seen = world.upstream.expect("the close", SOON, |seen| seen.close.is_some()).await;
    assert_eq!(seen.close, Some((Some(3000), "bye".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn fragments_and_pings_of_a_target_make_one_message() {
    let world = World::new().await;
    let session = world.open("/fragments").await;
    assert_eq!(session.expect_within(SOON).await, Event::Message(Message::text("fragments é")));
    world.upstream.expect("all pongs", SOON, |seen| seen.pongs == "fragments é".len() as u64).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_messages_and_types_come_through() {
    let world = World::new().await;
    let session = world.open("/echo").await;
    for message in [
        Message::text(""),
        Message::binary(vec![]),
        Message::text("\0"),
        Message::binary(vec![0xff; 200_000]),
    ] {
        session.send(message.clone());
        assert_eq!(session.expect_within(SOON).await, Event::Message(message));
    }
    session.close(None, "");
    assert_eq!(
        closed(&session).await.1,
        Close { code: 1005, reason: String::new(), clean: true, error: None }
    );
    let seen = world.upstream.expect("the close", SOON, |seen| seen.close.is_some()).await;
    assert_eq!(seen.close, Some((None, String::new())));
    assert_eq!(seen.messages.iter().filter(|message| message.kind == Kind::Binary).count(), 2);
    assert_eq!(seen.violation, None);
    assert_eq!(seen.head.header("cookie"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_that_cannot_be_opened_are_named_by_create() {
    let world = World::new().await;
    let silent = Silent::start().await.unwrap();
    let url = |path: &str| world.upstream.url(path);
    assert_eq!(world.refusal(&url("/refuse?status=403"), &[]).await, ("upstream-refused".into(), 502));
    let redirect = url(&format!("/refuse?status=302&to={}", url("/echo")));
    assert_eq!(world.refusal(&redirect, &[]).await, ("upstream-refused".into(), 502));
    let follows = |seen: &polysocket_tests::upstream::Seen| seen.head.target() == "/echo";
    assert!(!world.upstream.seen().iter().any(follows), "a redirect was followed");
    assert_eq!(world.refusal("ws://127.0.0.1:1/", &[]).await, ("upstream-refused".into(), 502));
    assert_eq!(
        world.refusal(&url("/echo?protocol=wrong"), &["chat"]).await,
        ("upstream-refused".into(), 502)
    );
    for target in [url("/hang"), url("/half"), silent.url()] {
        assert_eq!(world.refusal(&target, &[]).await, ("timeout".into(), 504), "{target}");
    }
}
