//! What tokens allow.

use std::time::{SystemTime, UNIX_EPOCH};

use polysocket_config::Tables;
use polysocket_outbound::{Policy, TargetsConfig};
use polysocket_tokens::{Algorithm, AuthConfig, Claims, JwtKey, Keyring, SigningKey, StaticToken, mint};

use crate::bed::{Bed, CREATE, memory};
use crate::relay::{Does, Relay};

const SECRET: &str = "for tests only: a secret of 32 bytes or more";
const STATIC: &str = "static-for-tests-only";

fn keyring() -> Keyring {
    let key =
        JwtKey { algorithm: Some(Algorithm::Hs256), secret: Some(SECRET.to_owned()), ..JwtKey::default() };
    let token = StaticToken {
        name: "page".to_owned(),
        key: Some(STATIC.to_owned()),
        targets: vec!["target.example".to_owned()],
        origins: vec!["https://page.example".to_owned()],
        upstream_origin: Some("https://upstream.example".to_owned()),
        bytes_per_second_max: Some(polysocket_config::Size::kib(64)),
        ..StaticToken::default()
    };
    Keyring::new(&AuthConfig {
        audience: Some("us".to_owned()),
        keys: Tables::from(vec![key]),
        tokens: Tables::from(vec![token]),
        ..AuthConfig::default()
    })
    .unwrap()
}

fn bed() -> Bed {
    Bed::with(memory(), |parts| {
        parts.keyring = Some(keyring());
        let deny = vec!["denied.example".to_owned()];
        parts.policy = Policy::new(&TargetsConfig { deny, ..TargetsConfig::default() }).unwrap();
    })
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A JWT that is good for all targets, but for what is changed.
fn jwt(change: impl FnOnce(&mut Claims)) -> String {
    let mut claims = Claims {
        sub: Some("ann".to_owned()),
        aud: vec!["us".to_owned()],
        exp: now() + 60,
        targets: vec!["*".to_owned()],
        ..Claims::default()
    };
    change(&mut claims);
    mint(&SigningKey::from_secret(SECRET.as_bytes()).unwrap(), &claims).unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_fault_has_its_word() {
    let bed = bed();
    let mut relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    let of_page = jwt(|claims| claims.origins = Some(vec!["https://page.example".to_owned()]));
    let narrow = jwt(|claims| claims.targets = vec!["other.example".to_owned()]);
    // A header that says `alg` ES256, for which there is no key.
    let foreign = jwt(|_| ()).replacen(
        jwt(|_| ()).split('.').next().unwrap(),
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9",
        1,
    );
    let table = [
        (String::new(), "bad-token"),
        ("not-a-token".to_owned(), "bad-token"),
        (jwt(|_| ()) + "x", "bad-token"),
        (jwt(|claims| claims.exp = now() - 60), "token-expired"),
        (jwt(|claims| claims.aud = vec!["them".to_owned()]), "wrong-audience"),
        (foreign, "wrong-algorithm"),
        (of_page, "wrong-origin"),
        (STATIC.to_owned(), "wrong-origin"),
        (narrow, "forbidden"),
    ];
    for (token, word) in table {
        let answer =
            bed.get_from(&format!("{CREATE}&token={token}"), "origin", "https://other.example").await;
        answer.refused(word);
        assert!(token.is_empty() || !answer.body.contains(&token), "the token is not repeated");
    }
    assert!(relay.heard_nothing());
}

#[tokio::test(start_paused = true)]
async fn the_operator_has_the_last_word_and_says_it_to_bearers_only() {
    let bed = bed();
    let mut relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    for target in
        ["ws://denied.example/", "ws://127.0.0.1/", "ws://[::1]/", "ws://localhost/", "ws://10.0.0.1/"]
    {
        let any_port = jwt(|claims| claims.targets = vec!["*:*".to_owned()]);
        let answer = bed.get(&format!("/create?target={target}&token={any_port}")).await;
        answer.refused("forbidden");
        assert_eq!(answer.body, r#"{"ok":false,"error":"forbidden: this target is not allowed"}"#);
        bed.get(&format!("/create?target={target}&token=x")).await.refused("bad-token");
    }
    assert!(relay.heard_nothing());
}

#[tokio::test(start_paused = true)]
async fn the_token_says_what_the_target_sees() {
    let bed = bed();
    let mut relay = Relay::start(&bed.registry, "tom", Does::Open).await;
    // A script: its page is known by the referrer.
    let answer = bed.get_from(&format!("{CREATE}&token={STATIC}"), "referer", "https://page.example/x").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let asked = relay.asked().await;
    assert_eq!(asked.origin.as_deref(), Some("https://upstream.example"));
    assert_eq!(asked.page_origin.as_deref(), Some("https://page.example"));
    assert_eq!(asked.bytes_per_second_max, Some(64 * 1024));
    assert!(!asked.holder.is_empty(), "all sockets of the token share it");
    assert_eq!(asked.socket_lease, None, "nothing of it is counted");

    let token = jwt(|_| ());
    let answer = bed.get_from(&format!("{CREATE}&token={token}"), "origin", "https://any.example").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(relay.asked().await.origin.as_deref(), Some("https://any.example"));
}
