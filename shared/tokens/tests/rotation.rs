//! A JWK set over HTTP: keys come and go, servers fail, and attackers make key ids up.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::issuer::Issuer;
use common::{TestKey, claims};
use futures_util::future::{join, join_all};
use polysocket_config::Span;
use polysocket_protocol::Word;
use polysocket_tokens::{Algorithm, AuthConfig, JwksError, Keyring, TokenError};
use serde_json::json;

const FLOOR: Duration = Duration::from_secs(10);
const MAX_AGE: Duration = Duration::from_secs(600);

fn ring(url: &str) -> Keyring {
    let config = AuthConfig {
        jwks_url: Some(url.to_owned()),
        audience: Some("relay".to_owned()),
        jwks_refresh_floor: Span::seconds(FLOOR.as_secs()),
        jwks_max_age: Span::seconds(MAX_AGE.as_secs()),
        ..AuthConfig::default()
    };
    Keyring::new(&config).unwrap()
}

fn token(key: &TestKey) -> String {
    key.sign(Some(&key.id), &claims(&json!({})))
}

/// Lets time pass without waiting for it. Sockets do not take part, so none may be in use meanwhile.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// Asks until the fetch that runs in the background has taken the key away.
async fn refused_in_the_end(ring: &Keyring, token: &str) -> TokenError {
    let asking = async {
        loop {
            match ring.verify(token, None).await {
                Err(error) => break error,
                Ok(_) => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), asking).await.expect("the key was taken away")
}

#[tokio::test]
async fn keys_rotate() {
    for algorithm in [Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa] {
        let (a, b) = (TestKey::new("a", algorithm), TestKey::new("b", algorithm));
        let issuer = Issuer::start(&[&a]).await;
        let ring = ring(&issuer.url());
        assert!(ring.verify(&token(&a), None).await.is_ok(), "{algorithm}");
        assert_eq!(issuer.requests(), 1);
        assert_eq!(ring.verify(&token(&b), None).await.unwrap_err(), TokenError::UnknownKey);

        issuer.publish(&[&a, &b]);
        pass(FLOOR).await;
        assert!(
            ring.verify(&token(&b), None).await.is_ok(),
            "{algorithm}: the new key is fetched when it is first seen"
        );
        assert!(ring.verify(&token(&a), None).await.is_ok(), "{algorithm}: the old one is still published");
        assert_eq!(issuer.requests(), 2);

        issuer.publish(&[&b]);
        pass(MAX_AGE * 2).await;
        assert_eq!(ring.verify(&token(&a), None).await.unwrap_err(), TokenError::UnknownKey, "{algorithm}");
        assert!(ring.verify(&token(&b), None).await.is_ok(), "{algorithm}");
    }
}

/// As above, from an issuer that does not name its keys.
#[tokio::test]
async fn keys_rotate_without_ids() {
    let (a, b) = (TestKey::new("a", Algorithm::Es256), TestKey::new("b", Algorithm::Es256));
    let issuer = Issuer::start(&[&a]).await;
    let ring = ring(&issuer.url());
    let unnamed = |key: &TestKey| key.sign(None, &claims(&json!({})));
    assert!(ring.verify(&unnamed(&a), None).await.is_ok());
    issuer.publish(&[&b]);
    pass(FLOOR).await;
    assert!(ring.verify(&unnamed(&b), None).await.is_ok());
    assert_eq!(ring.verify(&unnamed(&a), None).await.unwrap_err(), TokenError::Signature);
}

#[tokio::test]
async fn made_up_key_ids_cost_one_request_per_floor() {
    let (a, b) = (TestKey::new("a", Algorithm::EdDsa), TestKey::new("b", Algorithm::EdDsa));
    let issuer = Issuer::start(&[&a]).await;
    let ring = ring(&issuer.url());
    for round in 1..=3 {
        for n in 0..50 {
            let made_up = b.sign(Some(&format!("made-up-{n}")), &claims(&json!({})));
            assert_eq!(ring.verify(&made_up, None).await.unwrap_err(), TokenError::UnknownKey);
        }
        assert_eq!(issuer.requests(), round);
        pass(FLOOR).await;
    }
    // A shared secret can never be in a public set, so such a token costs none at all.
    let secret = TestKey::new("c", Algorithm::Hs256);
    assert_eq!(ring.verify(&token(&secret), None).await.unwrap_err(), TokenError::Algorithm);
    assert_eq!(issuer.requests(), 3);
}

#[tokio::test]
async fn many_wait_for_one_fetch() {
    let a = TestKey::new("a", Algorithm::EdDsa);
    let issuer = Issuer::start(&[&a]).await;
    issuer.answer(false);
    let (ring, token) = (ring(&issuer.url()), token(&a));
    let (found, ()) = join(join_all((0..50).map(|_| ring.verify(&token, None))), async {
        issuer.asked(1).await;
        issuer.answer(true);
    })
    .await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!(issuer.requests(), 1);
}

/// Whoever asks first may go away; the others get their keys all the same.
#[tokio::test]
async fn a_fetch_outlives_who_began_it() {
    let a = TestKey::new("a", Algorithm::EdDsa);
    let issuer = Issuer::start(&[&a]).await;
    issuer.answer(false);
    let (ring, token) = (ring(&issuer.url()), token(&a));
    tokio::select! {
        biased;
        _ = ring.verify(&token, None) => panic!("verified without a key"),
        () = issuer.asked(1) => {}
    }
    issuer.answer(true);
    assert!(ring.verify(&token, None).await.is_ok());
    assert_eq!(issuer.requests(), 1);
}

#[tokio::test]
async fn an_old_set_is_used_while_a_newer_is_fetched() {
    let a = TestKey::new("a", Algorithm::EdDsa);
    let issuer = Issuer::start(&[&a]).await;
    let ring = ring(&issuer.url());
    assert_eq!(ring.preload().await, Ok(1));
    assert_eq!(ring.preload().await, Ok(1));
    assert_eq!(issuer.requests(), 1);
    pass(MAX_AGE + FLOOR).await;
    issuer.publish(&[]);
    issuer.answer(false);
    assert!(ring.verify(&token(&a), None).await.is_ok(), "at once, with the set at hand");
    issuer.asked(2).await;
    issuer.answer(true);
    // Its answer counts as soon as it is there, without another request.
    assert_eq!(refused_in_the_end(&ring, &token(&a)).await, TokenError::UnknownKey);
    assert_eq!(issuer.requests(), 2);
}

#[tokio::test]
async fn an_issuer_that_is_down() {
    let (a, b) = (TestKey::new("a", Algorithm::EdDsa), TestKey::new("b", Algorithm::EdDsa));
    let issuer = Issuer::start(&[&a]).await;
    let url = issuer.url();
    let ring = ring(&url);
    assert!(ring.verify(&token(&a), None).await.is_ok());
    drop(issuer);
    tokio::task::yield_now().await;

    for _ in 0..3 {
        pass(MAX_AGE * 3).await;
        assert!(ring.verify(&token(&a), None).await.is_ok(), "a known key is good, however old");
        let error = ring.verify(&token(&b), None).await.unwrap_err();
        assert_eq!((error.word(), error), (Word::Unavailable, TokenError::Unavailable));
    }

    let cold = self::ring(&url);
    assert_eq!(cold.verify(&token(&a), None).await.unwrap_err(), TokenError::Unavailable);
    assert!(matches!(cold.preload().await, Err(JwksError::Connect { .. })));
}

#[tokio::test]
async fn what_is_served_instead_of_keys() {
    let a = TestKey::new("a", Algorithm::EdDsa);
    let issuer = Issuer::start(&[&a]).await;
    let ring = ring(&issuer.url());
    assert!(ring.verify(&token(&a), None).await.is_ok());
    issuer.serve("<html>we will be back soon</html>");
    pass(MAX_AGE * 2).await;
    assert!(ring.verify(&token(&a), None).await.is_ok(), "the keys are used on");
    assert_eq!(issuer.requests(), 2);

    // A shared secret in a public set is everybody's: a token that is signed with it is nobody's.
    let secret = TestKey::new("s", Algorithm::Hs256);
    issuer.publish(&[&secret]);
    pass(MAX_AGE * 2).await;
    assert_eq!(ring.preload().await, Ok(1), "after a failure the old keys do not wait for the fetch");
    issuer.asked(3).await;
    assert_eq!(refused_in_the_end(&ring, &token(&a)).await, TokenError::UnknownKey);
    assert_eq!(ring.verify(&token(&secret), None).await.unwrap_err(), TokenError::Algorithm);
}

#[tokio::test]
async fn keys_of_the_configuration_ask_nobody() {
    let (a, own) = (TestKey::new("a", Algorithm::EdDsa), TestKey::new("own", Algorithm::Rs256));
    let issuer = Issuer::start(&[&a]).await;
    let mut config = AuthConfig {
        jwks_url: Some(issuer.url()),
        audience: Some("relay".to_owned()),
        ..AuthConfig::default()
    };
    config.keys.push(own.row());
    let ring = Keyring::new(&config).unwrap();
    assert!(ring.verify(&token(&own), None).await.is_ok());
    let forged = TestKey::new("own", Algorithm::Rs256);
    assert_eq!(issuer.requests(), 0);
    assert_eq!(ring.verify(&token(&forged), None).await.unwrap_err(), TokenError::Signature);
    assert!(ring.verify(&token(&a), None).await.is_ok());
    assert_eq!(issuer.requests(), 1);
}
