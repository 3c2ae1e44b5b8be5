//! Messages of listeners at their hook.

use polysocket_config::Span;
use polysocket_gockets::hooks::Secret;
use polysocket_tests::websocket::{Frame, opcode};
use tokio::net::TcpListener;

use crate::bed::{Bed, eventually};
use crate::hook::{Call, Hook, reply, status};

#[tokio::test]
async fn a_message_is_posted_verbatim() {
    let (bed, mut hook) = (Bed::new().await, Hook::new().await);
    let keys = bed.prepare_with_hook(&hook.url(), "").await;
    let (mut client, mut other) = (bed.subscribe(&keys).await, bed.subscribe(&keys).await);
    let mut ids = Vec::new();
    for (body, content_type) in [
        ("{\"a\": [1,  2]}", "application/json"),
        ("\"text\"", "application/json"),
        ("hello", "text/plain; charset=utf-8"),
        ("ü\0", "text/plain; charset=utf-8"),
        ("", "text/plain; charset=utf-8"),
    ] {
        client.say(body).await;
        let call = hook.call().await;
        assert_eq!(call.head.start, "POST /log.php?room=1 HTTP/1.1");
        assert_eq!((call.text(), call.header("content-type")), (body, content_type));
        assert_eq!(call.header("host"), format!("localhost:{}", hook.address.port()));
        assert_eq!(call.header("x-gockets-channel"), keys.subscriber);
        assert_eq!(call.header("x-gockets-event"), "message");
        assert_eq!(call.header("x-gockets-client").len(), 32);
        assert!(call.head.header("webhook-signature").is_none(), "there is no secret");
        assert!(call.header("webhook-timestamp").parse::<u64>().unwrap() > 1_700_000_000);
        ids.push(call.header("webhook-id").to_owned());
    }
    client.send(Frame::new(opcode::BINARY, &b"\x00\xff"[..])).await;
    let call = hook.call().await;
    assert_eq!((&call.body[..], call.header("content-type")), (&b"\x00\xff"[..], "application/octet-stream"));
    let first = call.header("x-gockets-client").to_owned();
    other.say("x").await;
    assert_ne!(hook.call().await.header("x-gockets-client"), first);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5, "each message has its own id");
    // Listeners do not see each other's messages.
    bed.publish(&keys, "published").await;
    assert_eq!(other.text().await, "published");
    assert_eq!(client.text().await, "published");
}

#[tokio::test]
async fn signed_for_the_channel_or_by_the_operator() {
    let old = Secret::random();
    let operators = [Secret::random(), old.clone()];
    let reveal = operators.iter().map(Secret::reveal).collect();
    let bed = Bed::with(|setup| setup.hooks.secrets = reveal).await;
    let mut hook = Hook::new().await;
    let own = Secret::random();
    let more = format!(",\"hook_secret\":\"{}\"", own.reveal());
    let signed_by = |call: &Call, secrets: &[&Secret]| {
        let (id, at) = (call.header("webhook-id"), call.header("webhook-timestamp").parse().unwrap());
        let expected: Vec<String> = secrets.iter().map(|secret| secret.sign(id, at, &call.body)).collect();
        assert_eq!(call.header("webhook-signature"), expected.join(" "));
    };
    let keys = bed.prepare_with_hook(&hook.url(), "").await;
    bed.subscribe(&keys).await.say("{}").await;
    signed_by(&hook.call().await, &[&operators[0], &old]);
    let keys = bed.prepare_with_hook(&hook.url(), &more).await;
    bed.subscribe(&keys).await.say("{}").await;
    signed_by(&hook.call().await, &[&own]);
}

#[tokio::test]
async fn a_hook_that_was_down_gets_everything_in_order_and_once_by_id() {
    let bed = Bed::new().await;
    // A port where nobody listens.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://127.0.0.1:{}/", address.port());
    let keys = bed.prepare_with_hook(&url, "").await;
    let mut client = bed.subscribe(&keys).await;
    for number in 0..200 {
        client.say(&number.to_string()).await;
    }
    eventually("all is queued and has failed", async || {
        let state = bed.hook_state(&keys).await;
        state["queued"] == 200 && state["attempts"].as_u64() > Some(2)
    })
    .await;
    let state = bed.hook_state(&keys).await;
    assert!(state["queued_bytes"].as_u64() > Some(200 * 512), "{state}");
    assert!(state["failure"].as_str().unwrap().contains("refused the connection"), "{state}");
    assert_eq!(
        (state["dead"].as_array().unwrap().len(), bed.metric("polysocket_gockets_hook_queue", "")),
        (0, 200)
    );

    let mut hook = Hook::on(TcpListener::bind(address).await.unwrap());
    // Back, but not well at once: what fails comes again, with the same id, before what is behind it.
    hook.answer([status(500), status(200), status(503), status(429), status(502)]);
    let mut ids = Vec::new();
    let mut taken = Vec::new();
    while taken.len() < 200 {
        let call = hook.call().await;
        let known = ids.iter().position(|(id, _)| id == call.header("webhook-id"));
        if let Some(index) = known {
            assert_eq!(ids[index].1, call.text(), "a repeat says the same");
        } else {
            ids.push((call.header("webhook-id").to_owned(), call.text().to_owned()));
            taken.push(call.text().to_owned());
        }
    }
    let expected: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    assert_eq!(taken, expected);
    eventually("the queue is empty", async || bed.hook_state(&keys).await["queued"] == 0).await;
    assert_eq!(hook.pending(), 0);
    assert_eq!(bed.metric("polysocket_gockets_hook_attempts_total", "delivered"), 200);
}

#[tokio::test]
async fn what_is_tried_again_and_what_is_not() {
    let bed = Bed::with(|setup| setup.hooks.timeout = Span::millis(150)).await;
    let mut hook = Hook::new().await;
    let keys = bed.prepare_with_hook(&hook.url(), "").await;
    let mut client = bed.subscribe(&keys).await;
    // Silence, 429 and 5xx are tried again.
    hook.answer([String::new(), status(429), status(500), status(599), status(204)]);
    client.say("kept").await;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let call = hook.call().await;
        assert_eq!(call.text(), "kept");
        ids.push(call.header("webhook-id").to_owned());
    }
    ids.dedup();
    assert_eq!(ids.len(), 1);
    // Other 4xx and redirects are not, wherever they lead.
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", hook.url());
    hook.answer([status(404), redirect, status(400), status(410)]);
    for text in ["a", "b", "c", "d", "e"] {
        client.say(text).await;
    }
    for text in ["a", "b", "c", "d", "e"] {
        assert_eq!(hook.call().await.text(), text);
    }
    eventually("they are dead letters", async || bed.hook_state(&keys).await["queued"] == 0).await;
    let dead = bed.hook_state(&keys).await["dead"].clone();
    let said: Vec<(&str, &str)> = dead
        .as_array()
        .unwrap()
        .iter()
        .map(|letter| (letter["body"].as_str().unwrap(), letter["why"].as_str().unwrap()))
        .collect();
    let expected = [
        ("a", "the hook answered 404"),
        ("b", "the hook answered 302; redirects are not followed"),
        ("c", "the hook answered 400"),
        ("d", "the hook answered 410"),
    ];
    assert_eq!(said, expected);
    assert_eq!(hook.pending(), 0);
}

#[tokio::test]
async fn dead_letters_are_seen_sent_again_and_dropped() {
    let (bed, mut hook) = (Bed::new().await, Hook::new().await);
    let keys = bed.prepare_with_hook(&hook.url(), "").await;
    let mut client = bed.subscribe(&keys).await;
    hook.answer([status(404), status(404)]);
    client.say("{\"n\":1}").await;
    client.send(Frame::new(opcode::BINARY, &b"\xff"[..])).await;
    let first = hook.call().await;
    hook.call().await;
    eventually("both are dead", async || bed.hook_state(&keys).await["dead"].as_array().unwrap().len() == 2)
        .await;
    let state = bed.hook_state(&keys).await;
    let letter = &state["dead"][0];
    assert_eq!(letter["id"], first.header("webhook-id"));
    assert_eq!(letter["client"], first.header("x-gockets-client"));
    assert_eq!((letter["event"].as_str(), letter["attempts"].as_u64()), (Some("message"), Some(1)));
    assert_eq!(letter["content_type"], "application/json");
    assert_eq!(letter["at"].as_str().unwrap().len(), "2026-01-01T00:00:00Z".len());
    assert_eq!(
        (&state["dead"][1]["body_base64"], &state["dead"][1]["body"]),
        (&"/w==".into(), &serde_json::Value::Null)
    );
    let overview = bed.get("/channel/hooks").await.json();
    assert_eq!((&overview["queued"], &overview["dead"]), (&0.into(), &2.into()), "{overview}");

    let retry = bed.post(&format!("/channel/hooks/{}/retry", keys.publisher), "").await;
    assert_eq!(retry.text(), r#"{"type":"OK","message":"Dead letters queued again: 2"}"#);
    let again = hook.call().await;
    assert_eq!((again.header("webhook-id"), again.text()), (first.header("webhook-id"), "{\"n\":1}"));
    assert_eq!(hook.call().await.body, b"\xff");
    eventually("nothing is left", async || bed.get("/channel/hooks").await.json()["dead"] == 0).await;

    hook.answer([status(404)]);
    client.say("x").await;
    eventually("it is dead", async || bed.metric("polysocket_gockets_dead_letters", "") == 1).await;
    let dropped = bed.send("DELETE", &format!("/channel/hooks/{}", keys.publisher), &[], b"").await;
    assert_eq!(dropped.text(), r#"{"type":"OK","message":"Dead letters dropped: 1"}"#);
    assert_eq!(bed.hook_state(&keys).await["dead"], serde_json::json!([]));
}

#[tokio::test]
async fn the_bounds_hold_and_are_seen() {
    let bed = Bed::with(|setup| {
        setup.hooks.channel_count_max = 10;
        setup.hooks.count_max = 15;
        setup.hooks.dead_channel_count_max = 4;
        setup.hooks.retry_longest = Span::seconds(60);
        setup.hooks.retry_first = Span::seconds(60);
    })
    .await;
    let hook = Hook::new().await;
    hook.answer(vec![status(500); 2]);
    let keys = [bed.prepare_with_hook(&hook.url(), "").await, bed.prepare_with_hook(&hook.url(), "").await];
    for keys in &keys {
        let mut client = bed.subscribe(keys).await;
        for number in 0..20 {
            client.say(&number.to_string()).await;
        }
        eventually("all was taken", async || {
            let queued = bed.hook_state(keys).await["queued"].as_u64().unwrap();
            let dead = bed.metric("polysocket_gockets_hook_attempts_total", "no-room");
            queued >= 5 && (dead >= 25 || (queued == 10 && dead >= 10))
        })
        .await;
    }
    let states = [bed.hook_state(&keys[0]).await, bed.hook_state(&keys[1]).await];
    assert_eq!((&states[0]["queued"], &states[1]["queued"]), (&10.into(), &5.into()));
    for (state, limit) in states.iter().zip(["channel_count_max", "count_max"]) {
        let dead = state["dead"].as_array().unwrap();
        assert_eq!(dead.len(), 4, "the newest are kept");
        assert_eq!(dead[3]["body"], "19");
        assert!(dead[3]["why"].as_str().unwrap().contains(limit), "{dead:?}");
    }
    assert_eq!(bed.metric("polysocket_gockets_dead_letters_dropped_total", ""), (10 - 4) + (15 - 4));
    assert_eq!(bed.metric("polysocket_gockets_hook_queue", ""), 15);
}

#[tokio::test]
async fn an_edit_leads_what_waits_to_the_new_hook() {
    let bed = Bed::with(|setup| {
        setup.hooks.retry_longest = Span::seconds(600);
        setup.hooks.retry_first = Span::seconds(600);
    })
    .await;
    let (old, mut new) = (Hook::new().await, Hook::new().await);
    old.answer([status(500)]);
    let keys = bed.prepare_with_hook(&old.url(), "").await;
    bed.subscribe(&keys).await.say("waits").await;
    eventually("it failed", async || !bed.hook_state(&keys).await["next_attempt_ms"].is_null()).await;
    let body = format!("{{\"subscriber_message_hook_url\":\"{}\"}}", new.url());
    bed.send("PATCH", &format!("/channel/edit/{}", keys.publisher), &[], body.as_bytes()).await;
    assert_eq!(new.call().await.text(), "waits");
}

#[tokio::test]
async fn a_hook_answers_only_when_it_says_so() {
    let (bed, mut hook) = (Bed::new().await, Hook::new().await);
    let keys = bed.prepare_with_hook(&hook.url(), "").await;
    let (mut client, mut other) = (bed.subscribe(&keys).await, bed.subscribe(&keys).await);
    let large = "x".repeat(64 * 1024 + 1);
    hook.answer([
        reply("", "an echo in log.php"),
        reply("X-Gockets-Reply: client\r\n", "to you"),
        reply("X-Gockets-Reply: channel\r\n", "to all"),
        reply("X-Gockets-Reply: client\r\nContent-Type: application/octet-stream\r\n", "bytes"),
        reply("X-Gockets-Reply: client\r\n", &large),
        reply("X-Gockets-Reply: client\r\n", ""),
        reply("X-Gockets-Reply: client\r\n", "last"),
    ]);
    for number in 0..7 {
        client.say(&number.to_string()).await;
        hook.call().await;
    }
    assert_eq!(client.text().await, "to you");
    assert_eq!(client.text().await, "to all");
    assert_eq!(client.next().await, Some(Frame::new(opcode::BINARY, &b"bytes"[..])));
    assert_eq!(client.text().await, "last", "neither what is too long nor nothing is passed on");
    assert_eq!(other.text().await, "to all");
    bed.publish(&keys, "next").await;
    assert_eq!(other.text().await, "next", "others got nothing else");
}

#[tokio::test]
async fn what_waits_is_posted_before_the_process_ends() {
    let bed = Bed::with(|setup| {
        setup.hooks.retry_longest = Span::seconds(600);
        setup.hooks.retry_first = Span::seconds(600);
    })
    .await;
    let mut hook = Hook::new().await;
    hook.answer([status(503)]);
    let keys = bed.prepare_with_hook(&hook.url(), "").await;
    let mut client = bed.subscribe(&keys).await;
    for text in ["a", "b", "c"] {
        client.say(text).await;
    }
    assert_eq!(hook.call().await.text(), "a");
    eventually("the others wait behind it", async || {
        let state = bed.hook_state(&keys).await;
        state["queued"] == 3 && !state["next_attempt_ms"].is_null()
    })
    .await;
    let life = bed.life.clone();
    let finished = tokio::spawn(async move { life.finish(crate::bed::PATIENCE).await });
    assert_eq!(client.closed().await.0, Some(1001));
    for text in ["a", "b", "c"] {
        assert_eq!(hook.call().await.text(), text);
    }
    assert!(finished.await.unwrap());
}
