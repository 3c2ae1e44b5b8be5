//! Tokens, their end, limits and block lists.

use std::time::{SystemTime, UNIX_EPOCH};

use polysocket_config::{Span, Tables};
use polysocket_pogo::AuthMode;
use polysocket_tokens::{Algorithm, AuthConfig, JwtKey};
use serde_json::json as value;

use crate::api::{Api, json};
use crate::bed::{Bed, Client, Setup, Talks};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const KNOWN: &str = "7879a3aa5783ba49e89fb2ee3a27480c96c4e6ce";

fn auth(token: &str) -> String {
    format!(r#"{{"seqId":1,"event":"auth","data":{{"token":"{token}"}}}}"#)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn api() -> Api {
    Api::new(|seen| match (seen.path.as_str(), seen.token()) {
        ("/me", Some("good-token")) => json(200, &[], format!(r#"{{"active":true,"exp":{}}}"#, now() + 100)),
        ("/me", Some("short-token")) => json(200, &[], format!(r#"{{"exp":{}}}"#, now() + 1)),
        ("/me", Some("inactive-token")) => json(200, &[], r#"{"active":false}"#),
        ("/me", _) => json(401, &[], "{}"),
        (_, token) => json(200, &[], value!({"token": token}).to_string()),
    })
    .await
}

#[tokio::test]
async fn known_tokens_and_jwts() {
    let api = api().await;
    let bed = Bed::with(&api.url, |setup| {
        setup.config.auth = AuthMode::Known;
        setup.config.auth_required = true;
        setup.config.tokens = vec![KNOWN.into()];
        setup.config.blocked_users = vec!["sub:eve".into()];
        trust_jwts(setup);
    })
    .await;
    let mut client = bed.client().await;
    for request in [
        r#"{"seqId":1,"event":"bind","path":"/a"}"#,
        r#"{"seqId":1,"event":"streama:subscribe","channel":"c"}"#,
    ] {
        let answer = client.ask(request).await;
        assert!(
            answer.starts_with(r#"{"seqId":1,"status":"error","code":"unauthorized","message":"#),
            "{answer}"
        );
    }
    assert!(client.ask(&auth("0000000000000000000000000000000000000000")).await.contains("unauthorized"));
    assert!(client.ask(&auth(KNOWN)).await.contains(r#""status":"ok""#));
    assert_eq!(client.bind("/a").await["token"], KNOWN, "and it is passed on");
    let ends = now() + 60;
    let answer = client.ask(&auth(&sign(&value!({"sub": "anna", "exp": ends})))).await;
    assert_eq!(answer, format!(r#"{{"seqId":1,"status":"ok","data":{{"expires":{}}}}}"#, ends + 30));
    client.json().await;
    assert!(
        client.ask(&auth(&sign(&value!({"sub": "anna", "exp": now() - 60})))).await.contains("unauthorized")
    );
    assert!(client.ask(&auth(&sign(&value!({"sub": "eve", "exp": ends})))).await.contains("forbidden"));
    let answer = bed.send("GET", "/a", &[], b"").await;
    assert_eq!(answer.status(), 401);
    let answer = bed.send("GET", "/a", &[("Authorization", &format!("Bearer {KNOWN}"))], b"").await;
    assert_eq!(answer.status(), 200);
}

fn trust_jwts(setup: &mut Setup) {
    let key = JwtKey { algorithm: Some(Algorithm::Hs256), secret: Some(SECRET.into()), ..JwtKey::default() };
    setup.auth = Some(AuthConfig { keys: Tables::from(vec![key]), ..AuthConfig::default() });
}

/// A token is for pages of the origins that it names, also where it is for no relay's targets.
#[tokio::test]
async fn the_origins_of_a_jwt() {
    let api = api().await;
    let bed = Bed::with(&api.url, |setup| {
        setup.config.auth = AuthMode::Known;
        trust_jwts(setup);
    })
    .await;
    let (app, other) = (("Origin", "https://app.example"), ("Origin", "https://other.example"));
    for (origins, page, is_taken) in [
        (value!(null), None, true),
        (value!(null), Some(other), true),
        (value!(["https://app.example"]), Some(app), true),
        (value!("https://app.example"), Some(app), true),
        (value!(["https://app.example"]), Some(other), false),
        (value!(["https://app.example"]), Some(("Origin", "null")), false),
        (value!(["https://app.example"]), None, false),
        (value!(["*"]), None, true),
        (value!([]), Some(app), false),
        (value!(["https://app.example", "app.example"]), Some(app), false),
        (value!(7), Some(app), false),
    ] {
        let token = sign(&value!({"sub": "anna", "exp": now() + 60, "origins": origins}));
        let mut client = Client::try_open(bed.address, "/", page.as_slice()).await.unwrap();
        let answer = client.ask(&auth(&token)).await;
        let expected = if is_taken { r#""status":"ok""# } else { r#""code":"unauthorized""# };
        assert!(answer.contains(expected), "{origins} for {page:?}: {answer}");
        let bearer = format!("Bearer {token}");
        let headers: Vec<_> = page.into_iter().chain([("Authorization", bearer.as_str())]).collect();
        let status = bed.send("GET", "/a", &headers, b"").await.status();
        assert_eq!(status, if is_taken { 200 } else { 401 }, "{origins} for {page:?}");
    }
    // A page's `GET` from its own server.
    let token = sign(&value!({"sub": "anna", "exp": now() + 60, "origins": ["https://app.example"]}));
    let bearer = format!("Bearer {token}");
    for (referer, status) in [("https://app.example/page", 200), ("https://other.example/", 401)] {
        let headers = [("Referer", referer), ("Authorization", bearer.as_str())];
        assert_eq!(bed.send("GET", "/a", &headers, b"").await.status(), status, "{referer}");
    }
}

/// A JWT (RFC 7519) with whatever claims.
fn sign(claims: &serde_json::Value) -> String {
    use aws_lc_rs::hmac;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    let head = BASE64.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let message = format!("{head}.{}", BASE64.encode(claims.to_string()));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes()), message.as_bytes());
    format!("{message}.{}", BASE64.encode(tag.as_ref()))
}

#[tokio::test]
async fn asking_the_api() {
    let api = api().await;
    let bed = Bed::with(&api.url, |setup| {
        setup.config.auth = AuthMode::Introspect;
        setup.config.introspect = Some("/me".into());
    })
    .await;
    let mut client = bed.client().await;
    let answer = client.ask(&auth("good-token")).await;
    assert!(answer.starts_with(r#"{"seqId":1,"status":"ok","data":{"expires":"#), "{answer}");
    for token in ["bad-token", "inactive-token", "not a token"] {
        assert!(client.ask(&auth(token)).await.contains(r#""code":"unauthorized""#), "{token}");
    }
    assert_eq!(client.bind("/a").await["token"], "good-token", "what was refused has changed nothing");
    // At its end it is asked for again; here it is good again and again.
    assert!(client.ask(&auth("short-token")).await.contains("ok"));
    assert_eq!(client.json().await["data"]["token"], "short-token");
    let before = api.reads("/me");
    crate::bed::eventually("it is asked for again", async || api.reads("/me") > before).await;
    client.quiet().await;
    api.now(|_| json(401, &[], "{}"));
    // The bind fails, and then the session ends, or the other way round.
    let mut last = client.text().await;
    if last.contains(r#""event":"error""#) {
        last = client.text().await;
    }
    assert_eq!(last, r#"{"event":"auth:expired"}"#);
}

#[tokio::test]
async fn the_end_of_a_session() {
    let api = api().await;
    let bed = Bed::with(&api.url, |setup| setup.config.session_time = Span::seconds(2)).await;
    let mut client = bed.user("some-token").await;
    assert_eq!(client.bind("/a").await["token"], "some-token");
    assert_eq!(client.text().await, r#"{"event":"auth:expired"}"#);
    assert_eq!((bed.metric("polysocket_pogo_binds", ""), bed.metric("polysocket_pogo_feeds", "")), (0, 0));
    client.quiet().await;
    assert_eq!(client.bind("/a").await["token"], serde_json::Value::Null, "it is nobody now");
}

#[tokio::test]
async fn limits_of_requests() {
    let api = api().await;
    let bed = Bed::with(&api.url, |setup| {
        setup.config.user_requests_per_second = 1;
        setup.config.user_requests_burst = 5;
    })
    .await;
    // On all of a user's connections together.
    let (mut one, mut other) = (bed.user("some-token").await, bed.user("some-token").await);
    let mut refused = 0;
    for _ in 0..5 {
        for client in [&mut one, &mut other] {
            let answer = client.ask(r#"{"id":1,"event":"show","uri":"/a"}"#).await;
            refused += u64::from(answer.contains(r#""code":"rate_limited""#));
        }
    }
    assert!((4..=5).contains(&refused), "{refused}");
    assert!(bed.user("other-token").await.ask(r#"{"id":1,"event":"show","uri":"/a"}"#).await.contains("ok"));
    let bed = Bed::with(&api.url, |setup| {
        setup.config.address_requests_per_second = 1;
        setup.config.address_requests_burst = 3;
    })
    .await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(bed.send("GET", "/a", &[], b"").await.status());
    }
    assert_eq!((&statuses[..3], statuses.last()), (&[200, 200, 200][..], Some(&429)), "{statuses:?}");
}

#[tokio::test]
async fn who_is_blocked() {
    let api = api().await;
    let bed = Bed::with(&api.url, |setup| setup.config.blocked_addresses = vec!["127.0.0.0/8".into()]).await;
    assert_eq!(Client::try_open(bed.address, "/", &[]).await.err().unwrap().status(), 403);
    assert_eq!(bed.send("GET", "/a", &[], b"").await.status(), 403);
    let bed = Bed::with(&api.url, |setup| {
        setup.config.allow = vec!["/a".into(), "/b".into()];
        setup.config.deny = vec!["/a/secret".into()];
    })
    .await;
    let mut client = bed.client().await;
    client.bind("/a/x").await;
    for path in ["/a/secret", "/a/secret/x", "/c", "/ab"] {
        let answer = client.ask(&format!(r#"{{"seqId":1,"event":"get","path":"{path}"}}"#)).await;
        assert!(answer.contains(r#""code":"forbidden""#), "{path}: {answer}");
    }
    assert!(!api.seen().iter().any(|seen| seen.path.contains("secret")));
}
