//! What is shared because the API says so, and the end of that.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use polysocket_config::Span;
use serde_json::Value;

use crate::api::{Api, Seen, json};
use crate::bed::{Bed, Client, Talks, eventually};

const PUBLIC: (&str, &str) = ("cache-control", "public");

fn own(seen: &Seen) -> String {
    format!("\"of {}\"", seen.token().unwrap_or("nobody"))
}

async fn anna_and_otto(bed: &Bed, path: &str) -> [Client; 2] {
    let mut both = [bed.user("token-of-anna").await, bed.user("token-of-otto").await];
    for client in &mut both {
        client.bind(path).await;
    }
    assert_eq!(bed.metric("polysocket_pogo_feeds", ""), 1, "it is shared");
    both
}

async fn each_its_own(both: &mut [Client; 2]) {
    for (client, name) in both.iter_mut().zip(["anna", "otto"]) {
        assert_eq!(client.json().await["data"], format!("of token-of-{name}"));
    }
}

/// It was public when it was last read; by now it is not.
#[tokio::test]
async fn a_push_that_is_not_for_everybody() {
    for headers in [vec![], vec![("Cache-Control", "private")], vec![("Cache-Control", "public, no-store")]] {
        let private = Arc::new(AtomicBool::new(false));
        let is_private = private.clone();
        let api = Api::new(move |seen| {
            if is_private.load(Ordering::SeqCst) {
                json(200, &[], own(seen))
            } else {
                json(200, &[PUBLIC], "1")
            }
        })
        .await;
        let bed = Bed::with(&api.url, |setup| setup.config.poll_every = Span::seconds(60)).await;
        let mut both = anna_and_otto(&bed, "/page").await;
        private.store(true, Ordering::SeqCst);
        assert_eq!(bed.push("PUT", "/page", &headers, r#""of token-of-anna""#).await, 204);
        each_its_own(&mut both).await;
        for client in &mut both {
            client.quiet().await;
        }
        assert_eq!(bed.metric("polysocket_pogo_feeds", ""), 2);
    }
}

/// The answers have not changed, but who may see them.
#[tokio::test]
async fn a_push_that_takes_back_what_was_public() {
    let api = Api::new(|_| json(200, &[PUBLIC, ("etag", "\"1\"")], "1")).await;
    let bed = Bed::with(&api.url, |setup| setup.config.poll_every = Span::seconds(60)).await;
    let mut both = anna_and_otto(&bed, "/page").await;
    api.now(|seen| json(200, &[], own(seen)));
    let line = r#"{"path":"/page","data":"secret","public":false}"#;
    assert_eq!(bed.push("POST", "/_pogo/publish", &[], line).await, 204);
    each_its_own(&mut both).await;
}

#[tokio::test]
async fn not_modified_and_no_longer_public() {
    let api = Api::new(|_| json(200, &[PUBLIC, ("etag", "\"1\"")], "1")).await;
    for forbids in [("cache-control", "private"), ("cache-control", "no-store"), ("vary", "Authorization")] {
        api.now(|_| json(200, &[PUBLIC, ("etag", "\"1\"")], "1"));
        let bed = Bed::new(&api.url).await;
        let mut both = anna_and_otto(&bed, "/page").await;
        api.now(move |seen| match seen.header("if-none-match") {
            Some(_) => json(304, &[forbids, ("etag", "\"1\"")], ""),
            None => json(200, &[], own(seen)),
        });
        each_its_own(&mut both).await;
    }
}

#[tokio::test]
async fn one_who_asks_without_a_token_speaks_for_all() {
    let n = Arc::new(AtomicU64::new(1));
    let (counter, good) = (n.clone(), Arc::new(AtomicBool::new(true)));
    let is_good = good.clone();
    let api = Api::new(move |seen| match seen.token() {
        Some(_) if !is_good.load(Ordering::SeqCst) => json(400, &[], "{}"),
        _ => json(200, &[PUBLIC], counter.load(Ordering::SeqCst).to_string()),
    })
    .await;
    let bed = Bed::new(&api.url).await;
    let mut both = anna_and_otto(&bed, "/page").await;
    let mut nobody = bed.client().await;
    nobody.bind("/page").await;
    good.store(false, Ordering::SeqCst);
    let then = api.reads("/page");
    eventually("it is polled", async || api.reads("/page") > then + 5).await;
    n.store(2, Ordering::SeqCst);
    for client in both.iter_mut().chain([&mut nobody]) {
        let frame = client.json().await;
        assert_eq!(frame["data"], 2, "{frame}");
    }
    assert_eq!(bed.metric("polysocket_pogo_feeds", ""), 1);
}

/// Whichever token is asked with first is refused from then on.
#[tokio::test]
async fn a_token_that_is_refused_is_moved_alone() {
    for status in [400, 401, 403, 429] {
        let (n, bad) = (Arc::new(AtomicU64::new(1)), Arc::new(Mutex::new(None::<String>)));
        let (counter, refused) = (n.clone(), bad.clone());
        let api = Api::new(move |seen| {
            let n = counter.load(Ordering::SeqCst);
            let token = seen.token().unwrap().to_owned();
            if n > 1 && *refused.lock().unwrap().get_or_insert(token.clone()) == token {
                return json(status, &[], "{}");
            }
            json(200, &[PUBLIC], n.to_string())
        })
        .await;
        let bed = Bed::new(&api.url).await;
        let both = anna_and_otto(&bed, "/page").await;
        n.store(2, Ordering::SeqCst);
        eventually("one is refused", async || bad.lock().unwrap().is_some()).await;
        let is_anna = bad.lock().unwrap().as_deref() == Some("token-of-anna");
        let [anna, otto] = both;
        let (mut bad, mut good) = if is_anna { (anna, otto) } else { (otto, anna) };
        assert_eq!(bad.json().await["httpStatus"], status);
        let frame = good.json().await;
        assert_eq!(frame["data"], 2, "{status}: {frame}");
        n.store(3, Ordering::SeqCst);
        let frame = good.json().await;
        assert_eq!(frame["data"], 3, "{status}: {frame}");
        assert_eq!(bed.metric("polysocket_pogo_feeds", ""), 2, "one shared, one for who is refused");
    }
}

#[tokio::test]
async fn what_was_for_all_is_gone_for_all() {
    let api = Api::new(|_| json(200, &[PUBLIC], "1")).await;
    let bed = Bed::with(&api.url, |setup| setup.config.poll_longest = Span::millis(50)).await;
    let mut both = anna_and_otto(&bed, "/page").await;
    api.now(|_| json(404, &[], "{}"));
    for client in &mut both {
        let frame = client.json().await;
        assert_eq!((&frame["status"], &frame["data"]), (&410.into(), &Value::Null), "{frame}");
    }
    api.now(|_| json(200, &[PUBLIC], "2"));
    for client in &mut both {
        assert_eq!(client.json().await["data"], 2);
    }
}
