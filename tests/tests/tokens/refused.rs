//! Tokens that are refused, each with a word of its own.

use polysocket_tests::client::http::Request;
use polysocket_tests::client::{Create, Event, Session, Settings, base64};
use serde_json::json;
use tokio::time::timeout;

use crate::{Bed, Files, SECRET, SOON, hs256, polysocket};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_token_has_a_word_of_its_own() {
    let auth = format!("audience = \"polysocket\"\n{}", hs256());
    let mut bed = Bed::start(Files::new(), &auth).await;
    let good = bed.token(&[]).await;
    assert_eq!(bed.word(&bed.wish(&good)).await, Ok(()));
    bed.refuses("", "bad-token").await;
    bed.refuses("not.a.token", "bad-token").await;
    bed.refuses(&"x".repeat(12_000), "bad-token").await;

    // Changed anywhere, it is not ours.
    let parts: Vec<&str> = good.split('.').collect();
    let none = json!({ "alg": "none", "typ": "JWT" }).to_string();
    let none = base64::encode_url(none.as_bytes());
    for (changed, word) in [
        (format!("{}.{}.{}", parts[0], parts[1], with_other_end(parts[2])), "bad-token"),
        (format!("{}.{}.", parts[0], parts[1]), "bad-token"),
        (format!("{}.{}", parts[0], parts[1]), "bad-token"),
        (format!("{none}.{}.", parts[1]), "wrong-algorithm"),
        (format!("{none}.{}.{}", parts[1], parts[2]), "wrong-algorithm"),
    ] {
        let found = bed.word(&bed.wish(&changed)).await;
        let word = Err(word.to_owned());
        // The last character of a signature may carry bits that do not count; then it is refused for that.
        assert!(found == word || found == Err("bad-token".into()), "{changed}: {found:?}");
    }

    let expired = bed.token(&["--expires", "1s"]).await;
    bed.until(&expired, Err("token-expired")).await;
    let elsewhere = bed.token(&["--audience", "another"]).await;
    bed.refuses(&elsewhere, "wrong-audience").await;
    let (key, _) = bed.files.key("ed", "EdDSA").await;
    let other = bed.token(&["--private-key", &key]).await;
    bed.refuses(&other, "wrong-algorithm").await;

    let for_page = bed.token(&["--origin", "https://app.example.com"]).await;
    bed.refuses(&for_page, "wrong-origin").await;
    for (origin, expected) in [
        ("https://app.example.com", Ok(())),
        ("https://evil.example.com", Err("wrong-origin")),
        ("http://app.example.com", Err("wrong-origin")),
        ("null", Err("wrong-origin")),
    ] {
        let wish = Create { origin: Some(origin.into()), ..bed.wish(&for_page) };
        assert_eq!(bed.word(&wish).await, expected.map_err(str::to_owned), "{origin}");
    }

    // Another target than those in it.
    let other_target =
        polysocket(&["token", "--config", &bed.config, "--target", "wss://chat.example.com"]).await;
    bed.refuses(other_target.out.trim(), "forbidden").await;
    // A token for everything does not reach what the operator forbids.
    let everything = bed.token(&["--target", "*", "--target", "ws://10.0.0.1:*"]).await;
    let inside = Create { target: "ws://10.0.0.1/".into(), ..bed.wish(&everything) };
    assert_eq!(bed.word(&inside).await, Err("forbidden".into()));

    bed.keeps_secret(&[&good, &expired, &for_page, parts[2], SECRET]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_over_its_limits_is_refused_until_it_is_not() {
    let bed = Bed::start(Files::new(), &hs256()).await;
    let two = bed.token(&["--subject", "two", "--sockets", "2"]).await;
    let open = async || Session::open(&bed.http, &bed.wish(&two), Settings::default()).await;
    let (first, _second) = (open().await.unwrap(), open().await.unwrap());
    bed.refuses(&two, "limit").await;
    // Another's are counted apart; another token of the same subject is not.
    let other = bed.token(&["--subject", "other", "--sockets", "2"]).await;
    assert_eq!(bed.word(&bed.wish(&other)).await, Ok(()));
    let again = bed.token(&["--subject", "two", "--sockets", "2"]).await;
    bed.refuses(&again, "limit").await;
    assert!(matches!(first.expect_within(SOON).await, Event::Open { .. }));
    first.close(Some(1000), "");
    assert!(matches!(first.expect_within(SOON).await, Event::Close(_)));
    first.finished().await;
    bed.until(&two, Ok(())).await;

    let slow = bed.token(&["--subject", "slow", "--creates-per-second", "1"]).await;
    let mut words = Vec::new();
    for _ in 0..5 {
        words.push(bed.word(&bed.wish(&slow)).await);
    }
    assert_eq!(words[0], Ok(()));
    assert!(words.contains(&Err("limit".into())), "{words:?}");
    bed.until(&slow, Ok(())).await;
    // It says when to come again.
    let query = format!("target={}&token={slow}&v=1", bed.upstream.url("/echo"));
    let url = format!("{}/create?{query}", bed.cluster.router());
    let refused = timeout(SOON, async {
        loop {
            let answer = bed.http.request(&Request::get(&url), SOON).await.unwrap();
            if answer.head.status() == 429 {
                return answer;
            }
        }
    });
    let refused = refused.await.unwrap();
    let seconds: u64 = refused.head.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&seconds), "{seconds}");
}

/// The signature with another last character, in bits that count.
fn with_other_end(signature: &str) -> String {
    let (rest, last) = signature.split_at(signature.len() - 1);
    format!("{rest}{}", if last == "A" { "Q" } else { "A" })
}
