//! Codes and reasons, both ways.

use std::time::{Duration, Instant};

use polysocket_tests::client::{Event, Message, Settings, Transport};

use crate::{Bed, SOON, abnormal, closed};

#[tokio::test(flavor = "multi_thread")]
async fn a_targets_code_and_reason_reach_the_page_on_every_transport() {
    let bed = Bed::start().await;
    let longest = "\u{fc}".repeat(61) + "!";
    for transport in Transport::ALL {
        for (code, reason) in
            [(1000, "bye"), (1001, ""), (1011, "broken"), (3000, ""), (3999, "a & b"), (4999, &longest)]
        {
            let path =
                format!("/close?code={code}&reason={}", reason.replace('&', "%26").replace(' ', "%20"));
            let session = bed.open(&path, Settings::on(transport)).await;
            assert_eq!(session.expect_within(SOON).await, closed(code, reason), "{transport:?}");
        }
        let session = bed.open("/close", Settings::on(transport)).await;
        assert_eq!(session.expect_within(SOON).await, closed(1005, ""), "{transport:?}");
    }
    // RFC 6455, section 5.5.1: the answer to a close frame has its code.
    bed.upstream
        .expect("3999 back", SOON, |seen| seen.close.as_ref().is_some_and(|c| c.0 == Some(3999)))
        .await;
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
            .chain([
                "n=1&t=c&code=2999",
                "n=1&t=c&code=5000",
                "n=1&t=c&code=70000",
                "n=1&t=c&code=x",
                &too_long,
            ])
    {
        let answer = bed.post(&created, query, Vec::new()).await;
        assert_eq!(answer.head.status(), 400, "{query}");
    }
    assert_eq!(bed.post(&created, "n=1&t=c&code=3000", Vec::new()).await.head.status(), 201);
    let seen = bed.upstream.expect("a close", SOON, |seen| seen.close.is_some()).await;
    assert_eq!(seen.close, Some((Some(3000), String::new())));
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
