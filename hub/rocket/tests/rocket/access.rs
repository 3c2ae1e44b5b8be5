//! Sessions, patterns, hashed secrets, tokens.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use polysocket_tokens::{AuthConfig, JwtKey, Keyring};
use serde_json::{Value, json};

use crate::bed::{Bed, Client, Setup, user};

const SUBSCRIBE: &str = r#"{"subscribe":{"channel":"c"}}"#;
const DENIED: &str = r#"{"err":"ACCESS_DENIED"}"#;

#[tokio::test]
async fn sessions_as_the_original_has_them() {
    let bed = Bed::start().await;
    let mut backend = bed.backend().await;
    let mut client = bed.user("reader", "r").await;
    client.subscribe("c").await;
    // An unknown user leaves the session, a wrong secret ends it; subscriptions stay.
    client.says(r#"{"authenticate":{"user":"x","secret":""}}"#, r#"{"err":"INVALID_USER"}"#).await;
    client.says(SUBSCRIBE, r#"{"subscribed":"c"}"#).await;
    client
        .says(r#"{"authenticate":{"user":"reader","secret":"x"}}"#, r#"{"err":"INVALID_CREDENTIALS"}"#)
        .await;
    client.says(SUBSCRIBE, DENIED).await;
    backend.broadcast("c", 1).await;
    client.hears(r#"{"channel":"c","data":1,"event":"e"}"#).await;
    // Another login takes the place of the first; subscriptions stay.
    client.login("reader", "r").await;
    client.login("nobody", "n").await;
    client.says(SUBSCRIBE, DENIED).await;
    backend.broadcast("c", 2).await;
    client.hears(r#"{"channel":"c","data":2,"event":"e"}"#).await;
}

#[tokio::test]
async fn strict_sessions_take_their_subscriptions_with_them() {
    let bed = Bed::with(|setup| setup.rocket.strict_sessions = true).await;
    let mut backend = bed.backend().await;
    for (name, secret, kept) in [("reader", "r", true), ("reader", "x", false), ("nobody", "n", false)] {
        let mut client = bed.user("reader", "r").await;
        client.subscribe("c").await;
        client.ask(&json!({"authenticate": {"user": name, "secret": secret}}).to_string()).await;
        backend.broadcast("c", 1).await;
        if kept {
            client.hears(r#"{"channel":"c","data":1,"event":"e"}"#).await;
        }
        client.hears_nothing().await;
    }
}

#[tokio::test]
async fn channels_by_pattern() {
    let bed = Bed::with(|setup| {
        let mut anna = user("anna", "a", 3);
        anna.read = vec!["news-*".into(), "chat".into()];
        anna.write = vec!["chat".into()];
        setup.rocket.hubs[0].users.push(anna);
    })
    .await;
    let mut backend = bed.backend().await;
    for channel in ["news-1", "chat", "other"] {
        backend.subscribe(channel).await;
    }
    let mut anna = bed.user("anna", "a").await;
    anna.subscribe("news-1").await;
    anna.subscribe("chat").await;
    anna.says(r#"{"subscribe":{"channel":"other"}}"#, DENIED).await;
    anna.says(r#"{"broadcast":{"event":"e","channel":"news-1"}}"#, DENIED).await;
    // What she may not write to she is not told of, not even whether it exists.
    anna.says(r#"{"broadcast":{"event":"e","channel":"nothing"}}"#, DENIED).await;
    anna.says(r#"{"broadcast":{"event":"e","channel":"chat"}}"#, r#"{"broadcasted":"chat"}"#).await;
    anna.hears(r#"{"event":"e","channel":"chat"}"#).await;
}

#[tokio::test]
async fn hashed_secrets() {
    // Made by the reference implementation, libargon2.
    let hash = "$argon2id$v=19$m=64,t=1,p=1$cG9seXNvY2tldA$Aw4c+MKxDVANgDsx9j8rW+OhTz3hK4xdkSugo4hisag";
    let bed = Bed::with(|setup| {
        let mut anna = user("anna", "", 3);
        anna.secret = None;
        anna.secret_hash = Some(hash.into());
        setup.rocket.hubs[0].users.push(anna);
    })
    .await;
    let mut client = bed.client().await;
    for wrong in ["", "sEcret", hash] {
        let request = json!({"authenticate": {"user": "anna", "secret": wrong}}).to_string();
        client.says(&request, r#"{"err":"INVALID_CREDENTIALS"}"#).await;
    }
    client.login("anna", "correct horse").await;
    client.subscribe("c").await;
}

const KEY: &str = "0123456789abcdef0123456789abcdef";

fn jwt(claims: &Value, key: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&json!({"alg":"HS256","typ":"JWT"})), part(claims));
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key.as_bytes());
    let tag = aws_lc_rs::hmac::sign(&key, message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

async fn bed_with_tokens() -> Bed {
    bed_with_tokens_and(|_| ()).await
}

async fn bed_with_tokens_and(change: impl FnOnce(&mut Setup)) -> Bed {
    let key =
        JwtKey { algorithm: Some("HS256".parse().unwrap()), secret: Some(KEY.into()), ..JwtKey::default() };
    let auth = AuthConfig { keys: vec![key].into(), ..AuthConfig::default() };
    let keyring = Arc::new(Keyring::new(&auth).unwrap());
    Bed::with(|setup| {
        setup.rocket.hubs[0].jwt = true;
        setup.keyring = Some(keyring);
        change(setup);
    })
    .await
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

async fn login(client: &mut Client, user: &str, token: &str) -> Value {
    client.ask_json(&json!({"authenticate": {"user": user, "secret": token}}).to_string()).await
}

#[tokio::test]
async fn users_by_token() {
    let bed = bed_with_tokens().await;
    let rights = json!({"/echo": {"read": ["news-*"], "write": ["chat"]}});
    let good = json!({"sub": "anna", "exp": now() + 600, "rocket": rights});
    let mut client = bed.client().await;
    assert_eq!(login(&mut client, "anna", &jwt(&good, KEY)).await, json!({"authenticated": "anna"}));
    client.subscribe("news-1").await;
    client.says(r#"{"subscribe":{"channel":"chat"}}"#, DENIED).await;
    client.says(r#"{"broadcast":{"event":"e","channel":"news-1"}}"#, DENIED).await;
    bed.backend().await.subscribe("chat").await;
    client.says(r#"{"broadcast":{"event":"e","channel":"chat"}}"#, r#"{"broadcasted":"chat"}"#).await;
    // One that also is for a relay's targets is as good.
    let both = json!({"sub": "anna", "exp": now() + 600, "rocket": rights, "targets": ["ws://a.example"]});
    assert_eq!(login(&mut client, "anna", &jwt(&both, KEY)).await, json!({"authenticated": "anna"}));

    // A configured user is not to be had by a token.
    let backend = json!({"sub": "backend", "exp": now() + 600, "rocket": rights});
    let refused = login(&mut client, "backend", &jwt(&backend, KEY)).await;
    assert_eq!(refused, json!({"err": "INVALID_CREDENTIALS"}));
    client.says(SUBSCRIBE, DENIED).await;

    let mut client = bed.client().await;
    for (user, token, why) in [
        ("anna", jwt(&good, "another key of 32 bytes and more."), "signature"),
        ("anna", jwt(&json!({"sub": "anna", "exp": now() - 60, "rocket": rights}), KEY), "expired"),
        ("anna", jwt(&json!({"sub": "anna", "rocket": rights}), KEY), "`exp`"),
        ("anna", jwt(&json!({"sub": "anna", "exp": now() + 9, "aud": "x", "rocket": rights}), KEY), "`aud`"),
        ("otto", jwt(&good, KEY), "`sub`"),
        ("anna", jwt(&json!({"sub": "anna", "exp": now() + 600}), KEY), "`rocket`"),
        ("anna", jwt(&json!({"sub": "anna", "exp": now() + 600, "rocket": {"/x": {}}}), KEY), "`rocket`"),
        ("anna", "not a token".into(), "not one of ours"),
    ] {
        let refused = login(&mut client, user, &token).await;
        assert_eq!(refused["err"], "INVALID_CREDENTIALS", "{why}");
        assert!(refused["reason"].as_str().unwrap().contains(why), "{why}: {refused}");
    }
}

#[tokio::test]
async fn pages_that_a_token_is_for() {
    let bed = bed_with_tokens().await;
    let token = |origins| {
        let rights = json!({"*": {"read": ["*"]}});
        jwt(&json!({"sub": "anna", "exp": now() + 600, "rocket": rights, "origins": origins}), KEY)
    };
    let ours = ["https://*.example.com"];
    for (page, origins, why) in [
        (Some("https://app.example.com"), json!(ours), None),
        (Some("https://app.example.org"), json!(ours), Some("not for pages of this origin")),
        (None, json!(ours), Some("tells no origin")),
        (None, json!(["*"]), None),
        (Some("https://app.example.com"), json!([]), Some("is empty")),
        (Some("https://app.example.com"), json!(7), Some("`origins`")),
    ] {
        let mut client = Client::try_connect(&format!("ws://{}/echo", bed.address), page).await.unwrap();
        let answer = login(&mut client, "anna", &token(origins.clone())).await;
        let reason = answer["reason"].as_str();
        assert_eq!(why.is_none(), answer == json!({"authenticated": "anna"}), "{page:?} {origins}: {answer}");
        assert!(why.is_none_or(|why| reason.unwrap().contains(why)), "{page:?} {origins}: {answer}");
    }
}

#[tokio::test]
async fn a_token_s_session_ends_with_it() {
    let bed = bed_with_tokens().await;
    let rights = json!({"*": {"read": ["*"]}});
    // As good as expired: 30 seconds of leeway, of which all but one are gone.
    let ends = json!({"sub": "anna", "exp": now() - 28, "rocket": rights});
    let stays = json!({"sub": "anna", "exp": now() + 600, "rocket": rights});
    let (mut anna, mut otto) = (bed.client().await, bed.client().await);
    assert_eq!(login(&mut anna, "anna", &jwt(&ends, KEY)).await, json!({"authenticated": "anna"}));
    assert_eq!(login(&mut otto, "anna", &jwt(&ends, KEY)).await, json!({"authenticated": "anna"}));
    // A new token in time, and the session goes on.
    assert_eq!(login(&mut otto, "anna", &jwt(&stays, KEY)).await, json!({"authenticated": "anna"}));
    assert_eq!(anna.closed().await, (1008, "session expired".into()));
    otto.subscribe("c").await;
}

/// A token for `sub`, which may read these channels and write to any.
fn token_of(sub: &str, channels: &[&str]) -> String {
    let rights = json!({"/echo": {"read": channels, "write": ["*"]}});
    jwt(&json!({"sub": sub, "exp": now() + 600, "rocket": rights}), KEY)
}

/// Logged in by a token, a member of the channel, and with an inbox, whose token is given, too.
async fn bearer(bed: &Bed, sub: &str, channels: &[&str], channel: &str) -> (Client, String) {
    let mut client = bed.client().await;
    let login = json!({"authenticate": {"user": sub, "secret": token_of(sub, channels), "token": true}});
    let inbox = client.ask_json(&login.to_string()).await["token"].as_str().unwrap().to_owned();
    join(&mut client, channel).await;
    (client, inbox)
}

/// Members of the channel, as one sees them who joins.
async fn join(client: &mut Client, channel: &str) -> Value {
    let request = json!({"subscribe": {"channel": channel, "presence": true}}).to_string();
    let answer = client.ask_json(&request).await;
    assert_eq!(answer["subscribed"], channel);
    // Its own coming.
    assert_eq!(client.json().await["joined"], channel);
    answer["members"].clone()
}

/// Whatever a client does before the end of its token, what the token allowed does not outlive it.
#[tokio::test]
async fn nothing_of_a_token_outlives_its_session() {
    let bed = bed_with_tokens().await;
    let login = |user: &str, secret: &str| json!({"authenticate": {"user": user, "secret": secret}});
    for escape in [
        login("anna", "no token"),
        login("backend", "a wrong secret"),
        // Anybody may be this one; it may read the channel, too.
        login("frontend", ""),
        login("otto", &token_of("otto", &["*"])),
        json!({"logout": true}),
    ] {
        let (mut backend, (mut anna, inbox)) = (bed.backend().await, bearer(&bed, "anna", &["c"], "c").await);
        join(&mut backend, "c").await;
        assert_eq!(anna.json().await["joined"], "c", "{escape}");
        anna.ask(&escape.to_string()).await;
        backend.send(r#"{"broadcast":{"channel":"c","event":"e"}}"#).await;
        assert_eq!(backend.json().await["left"], "c", "{escape}");
        backend.hears(r#"{"broadcasted":"c"}"#).await;
        backend.hears(r#"{"channel":"c","event":"e"}"#).await;
        let direct = json!({"direct": {"event": "e", "client": inbox}}).to_string();
        backend.says(&direct, r#"{"err":"INVALID_CLIENT"}"#).await;
        anna.hears_nothing().await;
    }
}

/// The rest goes on without a break.
#[tokio::test]
async fn a_token_with_less_ends_what_it_does_not_allow() {
    let bed = bed_with_tokens().await;
    let (mut backend, (mut anna, inbox)) =
        (bed.backend().await, bearer(&bed, "anna", &["a", "b"], "b").await);
    anna.subscribe("a").await;
    join(&mut backend, "b").await;
    assert_eq!(anna.json().await["joined"], "b");
    let answer = login(&mut anna, "anna", &token_of("anna", &["b", "new"])).await;
    assert_eq!(answer, json!({"authenticated": "anna"}));
    backend.broadcast("a", 1).await;
    backend.broadcast("b", 2).await;
    // Nobody left and came again.
    backend.hears(r#"{"channel":"b","data":2,"event":"e"}"#).await;
    anna.hears(r#"{"channel":"b","data":2,"event":"e"}"#).await;
    let direct = json!({"direct": {"event": "e", "client": inbox}}).to_string();
    backend.says(&direct, &format!(r#"{{"directSent":"{inbox}"}}"#)).await;
    assert_eq!(anna.json().await["event"], "e");
    anna.subscribe("new").await;
    anna.hears_nothing().await;
}

/// Where tokens are taken, configured users still are as the original has them.
#[tokio::test]
async fn subscriptions_of_a_configured_user_outlive_its_session() {
    let bed = bed_with_tokens().await;
    let (mut backend, mut client) = (bed.backend().await, bed.user("reader", "r").await);
    client.subscribe("c").await;
    login(&mut client, "reader", "wrong").await;
    backend.broadcast("c", 1).await;
    client.hears(r#"{"channel":"c","data":1,"event":"e"}"#).await;
    login(&mut client, "anna", &token_of("anna", &["other"])).await;
    backend.broadcast("c", 2).await;
    client.hears(r#"{"channel":"c","data":2,"event":"e"}"#).await;
}

#[tokio::test]
async fn strict_sessions_follow_a_new_token() {
    let bed = bed_with_tokens_and(|setup| setup.rocket.strict_sessions = true).await;
    let token = |channels: &[&str]| {
        let rights = json!({"/echo": {"read": channels}});
        jwt(&json!({"sub": "anna", "exp": now() + 600, "rocket": rights}), KEY)
    };
    let (mut anna, mut backend) = (bed.client().await, bed.backend().await);
    login(&mut anna, "anna", &token(&["a", "b"])).await;
    anna.subscribe("a").await;
    anna.subscribe("b").await;
    assert_eq!(login(&mut anna, "anna", &token(&["b"])).await, json!({"authenticated": "anna"}));
    backend.broadcast("a", 1).await;
    backend.broadcast("b", 2).await;
    anna.hears(r#"{"channel":"b","data":2,"event":"e"}"#).await;
    anna.hears_nothing().await;
}

#[tokio::test]
async fn a_hub_that_takes_tokens_needs_keys() {
    let mut setup = crate::bed::setup();
    setup.rocket.hubs[0].jwt = true;
    let registry = prometheus::Registry::new();
    let life = polysocket_service::Lifecycle::new();
    let metrics = polysocket_broker::BrokerMetrics::new(&registry);
    let refused = polysocket_rocket::Rocket::new(polysocket_rocket::Parts {
        config: setup.rocket,
        broker: polysocket_broker::Broker::open(&setup.broker, metrics).await.unwrap(),
        sockets: polysocket_socket::Sockets::new(
            setup.socket,
            life.clone(),
            polysocket_socket::SocketMetrics::new(&registry),
        ),
        queue_bytes_max: 1024,
        keyring: None,
        life,
        metrics: polysocket_rocket::RocketMetrics::new(&registry),
    });
    let text = refused.map(drop).unwrap_err().to_string();
    assert!(text.contains("rocket.hubs[0].jwt"), "{text}");
}
