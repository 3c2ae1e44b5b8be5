//! What one may see is not shown to another. These tests try to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use polysocket_config::Span;
use serde_json::Value;

use crate::api::{Api, Seen, json};
use crate::bed::{Bed, Client, Talks, eventually};

/// An API that shows everybody a page of their own.
fn own_page(seen: &Seen, n: u64) -> http::Response<axum::body::Body> {
    match seen.token() {
        None => json(401, &[], "{}"),
        Some(token) => json(200, &[], format!(r#"{{"secret-of":"{token}","n":{n}}}"#)),
    }
}

fn secret_of(frame: &Value) -> &str {
    frame["data"]["secret-of"].as_str().unwrap_or_else(|| panic!("{frame}"))
}

#[tokio::test]
async fn two_tokens_at_one_address_and_no_data_crosses() {
    let n = Arc::new(AtomicU64::new(0));
    let counter = n.clone();
    let api = Api::new(move |seen| own_page(seen, counter.load(Ordering::SeqCst))).await;
    let bed = Bed::new(&api.url).await;
    let tokens = ["token-of-anna", "token-of-otto"];
    let mut clients: Vec<(Client, &str)> = Vec::new();
    for index in 0..20 {
        let token = tokens[index % 2];
        let mut client = bed.user(token).await;
        assert_eq!(client.bind("/me").await["secret-of"], token);
        clients.push((client, token));
    }
    for round in 1..=10 {
        n.store(round, Ordering::SeqCst);
        // Every way in which something may come to binders.
        match round % 4 {
            0 => {}
            1 => assert_eq!(bed.push("PUT", "/me", &[], r#"{"secret-of":"somebody","n":0}"#).await, 204),
            2 => {
                let (client, token) = &mut clients[0];
                client.say(r#"{"event":"put","path":"/me","data":{}}"#).await;
                let frame = client.json().await;
                assert_eq!((secret_of(&frame), &frame["data"]["n"]), (*token, &round.into()));
                assert_eq!(client.text().await, r#"{"status":"ok"}"#);
            }
            _ => assert_eq!(bed.push("POST", "/_pogo/publish", &[], r#"{"path":"/me"}"#).await, 204),
        }
        for (index, (client, token)) in clients.iter_mut().enumerate() {
            // It has seen this state as the answer to its own write.
            if round % 4 == 2 && index == 0 {
                continue;
            }
            let frame = client.json().await;
            assert_eq!((secret_of(&frame), &frame["data"]["n"]), (*token, &round.into()), "round {round}");
        }
    }
    for (client, _) in &mut clients {
        client.quiet().await;
    }
    assert_eq!(bed.metric("polysocket_pogo_feeds", ""), 2, "one for each credential");
    let mut stranger = bed.client().await;
    let answer = stranger.ask(r#"{"seqId":1,"event":"bind","path":"/me"}"#).await;
    assert!(answer.contains(r#""code":"unauthorized","httpStatus":401"#), "{answer}");
}

#[tokio::test]
async fn another_token_on_the_same_connection() {
    let api = Api::new(|seen| own_page(seen, 0)).await;
    let bed = Bed::new(&api.url).await;
    let mut client = bed.user("token-of-anna").await;
    assert_eq!(client.bind("/me").await["secret-of"], "token-of-anna");
    let answer = client.ask(r#"{"seqId":2,"event":"auth","data":{"token":"token-of-otto"}}"#).await;
    assert!(answer.starts_with(r#"{"seqId":2,"status":"ok""#), "{answer}");
    let frame = client.json().await;
    assert_eq!(secret_of(&frame), "token-of-otto", "the bind is asked for again");
    assert_eq!(bed.metric("polysocket_pogo_feeds", ""), 1);
}

#[tokio::test]
async fn what_is_public_is_shared_until_it_is_not() {
    let public = Arc::new(AtomicBool::new(true));
    let is_public = public.clone();
    let api = Api::new(move |seen| {
        if is_public.load(Ordering::SeqCst) {
            json(200, &[("cache-control", "public")], r#"{"news":"for all"}"#)
        } else {
            own_page(seen, 7)
        }
    })
    .await;
    let bed = Bed::new(&api.url).await;
    let mut anna = bed.user("token-of-anna").await;
    let mut otto = bed.user("token-of-otto").await;
    let mut nobody = bed.client().await;
    for client in [&mut anna, &mut otto, &mut nobody] {
        assert_eq!(client.bind("/page").await["news"], "for all");
    }
    assert_eq!(bed.metric("polysocket_pogo_feeds", ""), 1, "one poll for all three");
    // It becomes everybody's own.
    public.store(false, Ordering::SeqCst);
    assert_eq!(secret_of(&anna.json().await), "token-of-anna");
    assert_eq!(secret_of(&otto.json().await), "token-of-otto");
    let frame = nobody.json().await;
    assert_eq!((&frame["event"], &frame["code"]), (&"error".into(), &"unauthorized".into()), "{frame}");
    assert_eq!(bed.metric("polysocket_pogo_feeds", ""), 3);
    public.store(true, Ordering::SeqCst);
    for client in [&mut anna, &mut otto] {
        assert_eq!(client.json().await["data"]["news"], "for all");
    }
    eventually("they share again", async || bed.metric("polysocket_pogo_feeds", "") == 1).await;
    let closed = Bed::with(&api.url, |setup| setup.config.share_public = false).await;
    let (mut anna, mut otto) = (closed.user("token-of-anna").await, closed.user("token-of-otto").await);
    anna.bind("/page").await;
    otto.bind("/page").await;
    assert_eq!(closed.metric("polysocket_pogo_feeds", ""), 2);
}

#[tokio::test]
async fn public_words_that_mean_nothing() {
    for headers in [
        [("cache-control", "public"), ("vary", "Authorization")],
        [("cache-control", "public, private"), ("x-other", "x")],
        [("cache-control", "public"), ("set-cookie", "a=b")],
    ] {
        let api = Api::new(move |seen| {
            let token = seen.token().unwrap_or("nobody").to_owned();
            json(200, &headers, format!(r#"{{"secret-of":"{token}"}}"#))
        })
        .await;
        let bed = Bed::new(&api.url).await;
        for token in ["token-of-anna", "token-of-otto"] {
            assert_eq!(bed.user(token).await.bind("/me").await["secret-of"], token);
        }
    }
}

#[tokio::test]
async fn a_token_that_was_taken_back_shows_nothing_any_more() {
    let good = Arc::new(AtomicBool::new(true));
    let is_good = good.clone();
    let api = Api::new(
        move |seen| {
            if is_good.load(Ordering::SeqCst) { own_page(seen, 1) } else { json(403, &[], "{}") }
        },
    )
    .await;
    let bed = Bed::with(&api.url, |setup| setup.config.poll_longest = Span::millis(50)).await;
    let mut anna = bed.user("token-of-anna").await;
    anna.bind("/me").await;
    good.store(false, Ordering::SeqCst);
    let frame = anna.json().await;
    assert_eq!(
        (&frame["event"], &frame["code"], &frame["httpStatus"]),
        (&"error".into(), &"forbidden".into(), &403.into())
    );
    // The same token, while the first bind still stands.
    let mut again = bed.user("token-of-anna").await;
    let answer = again.ask(r#"{"seqId":1,"event":"bind","path":"/me"}"#).await;
    assert!(answer.contains(r#""code":"forbidden""#), "{answer}");
    good.store(true, Ordering::SeqCst);
    assert_eq!(anna.text().await, r#"{"event":"recovered","path":"/me"}"#);
}

#[tokio::test]
async fn a_push_for_everybody_has_to_say_so() {
    let api = Api::new(|seen| own_page(seen, 1)).await;
    let bed = Bed::with(&api.url, |setup| setup.config.poll_every = Span::seconds(60)).await;
    let mut anna = bed.user("token-of-anna").await;
    anna.bind("/me").await;
    assert_eq!(bed.push("PUT", "/me", &[], r#"{"secret-of":"otto"}"#).await, 204);
    eventually("it is read again", async || api.reads("/me") == 2).await;
    anna.quiet().await;
    let public = [("Cache-Control", "public")];
    assert_eq!(bed.push("PUT", "/me", &public, r#"{"secret-of":"nobody"}"#).await, 204);
    assert_eq!(secret_of(&anna.json().await), "nobody");
}
