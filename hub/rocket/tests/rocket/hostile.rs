//! What no decent client sends.

use polysocket_tests::websocket::{self, Frame, opcode};
use proptest::prelude::*;
use tokio_tungstenite::tungstenite::Message;

use crate::bed::Bed;
use crate::bugs::{raw, text};

const PAYLOAD: &str = r#"{"err":"INVALID_PAYLOAD"}"#;

#[tokio::test]
async fn text_that_is_none() {
    let bed = Bed::start().await;
    let (mut frames, mut client) = raw(&bed).await;
    let bad = Frame::new(opcode::TEXT, b"{\"logout\":\"\xff\"}".to_vec()).masked();
    websocket::send(&mut client, &bad).await.unwrap();
    let close = frames.next().await.unwrap().unwrap();
    assert_eq!((close.opcode, close.close_code().0), (opcode::CLOSE, Some(1007)));
}

#[tokio::test]
async fn frames_that_break_the_rules() {
    let bed = Bed::start().await;
    for frame in [
        Frame::new(opcode::TEXT, "{}"),
        Frame { rsv: 4, ..text("{}") },
        Frame::new(3, "{}").masked(),
        Frame::new(opcode::CONTINUATION, "{}").masked(),
        Frame { fin: false, ..Frame::new(opcode::PING, "x").masked() },
    ] {
        let (mut frames, mut client) = raw(&bed).await;
        websocket::send(&mut client, &frame).await.unwrap();
        let close = frames.next().await.unwrap().unwrap();
        assert_eq!((close.opcode, close.close_code().0), (opcode::CLOSE, Some(1002)), "{frame:?}");
    }
}

#[tokio::test]
async fn a_flood_ends_by_name() {
    let bed = Bed::with(|setup| {
        setup.socket.messages_per_second = 10;
        setup.socket.messages_burst = 20;
    })
    .await;
    let mut client = bed.client().await;
    for _ in 0..21 {
        client.send("{}").await;
    }
    let mut answers = 0;
    let (code, reason) = loop {
        match client.next().await {
            Message::Text(text) => {
                assert_eq!(text.as_str(), PAYLOAD);
                answers += 1;
            }
            Message::Close(Some(frame)) => break (u16::from(frame.code), frame.reason.to_string()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((code, reason.as_str()), (1008, "too many messages"));
    assert!((20..=22).contains(&answers), "{answers}");
    drop(client);
    bed.metric_becomes("polysocket_socket_ended_total{cause=\"flood\"}", 1.0).await;
}

#[tokio::test]
async fn shapes_that_are_meant_to_hurt() {
    let bed = Bed::start().await;
    let mut client = bed.backend().await;
    client.subscribe("c").await;
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    for text in [
        deep(100_000),
        format!(r#"{{"broadcast":{}}}"#, deep(10_000)),
        format!(r#"{{"subscribe":{{"channel":{}}}}}"#, deep(10_000)),
        format!(r#"{{"{}":{{}}}}"#, "\\u0000".repeat(10)),
        "{".repeat(100_000),
        "\"".repeat(1001),
        format!(r#"{{"subscribe":{{"channel":"c","since":{{"epoch":"e","offset":{}}}}}}}"#, "9".repeat(400)),
        format!(r#"{{"subscribe":{{"channel":"c","since":{}}}}}"#, deep(5_000)),
    ] {
        let answer = client.ask(&text).await;
        assert!(answer.starts_with(r#"{"err":""#), "{answer} to {}", &text[..40.min(text.len())]);
    }
    // Data is passed on unread, whatever its depth; it is JSON all the same.
    let inside = format!(r#"{{"event":"e","channel":"c","data":{}}}"#, deep(5_000));
    client.says(&format!(r#"{{"broadcast":{inside}}}"#), r#"{"broadcasted":"c"}"#).await;
    client.hears(&inside).await;
    // A control character in the name of a channel is a character.
    client.says(r#"{"subscribe":{"channel":"\u0000"}}"#, r#"{"subscribed":"\u0000"}"#).await;
}

/// Whatever comes, there is an answer, it is an object, and the connection lives.
#[test]
fn any_json_is_answered() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let bed = runtime.block_on(Bed::start());
    let mut client = runtime.block_on(bed.client());
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        "[a-z\\\\\"{}]{0,6}".prop_map(|text| serde_json::json!(text).to_string()),
    ];
    let names = prop_oneof![
        Just("authenticate"),
        Just("subscribe"),
        Just("unsubscribe"),
        Just("broadcast"),
        Just("direct"),
        Just("logout"),
        Just("user"),
        Just("secret"),
        Just("channel"),
        Just("event"),
        Just("client"),
        Just("since"),
        Just("presence"),
        Just("id"),
        Just("token"),
        Just("data"),
    ];
    let json = leaf.prop_recursive(3, 24, 5, move |inner| {
        let pair = (names.clone(), inner.clone()).prop_map(|(name, value)| format!("\"{name}\":{value}"));
        prop_oneof![
            proptest::collection::vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec(pair, 0..5).prop_map(|pairs| format!("{{{}}}", pairs.join(","))),
        ]
    });
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let client = std::cell::RefCell::new(&mut client);
    let done = runner.run(&json, |text| {
        let answer = runtime.block_on(client.borrow_mut().ask(&text));
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        prop_assert!(answer.is_object());
        Ok(())
    });
    assert!(done.is_ok(), "{done:?}");
}
