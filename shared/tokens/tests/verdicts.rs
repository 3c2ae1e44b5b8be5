//! Every verdict on a token, over every algorithm.
#![allow(clippy::unwrap_used)]

mod common;

use common::{TestKey, claims, file, now, unsigned};
use polysocket_config::{Size, Tables};
use polysocket_outbound::Target;
use polysocket_protocol::Word;
use polysocket_tokens::{Algorithm, AuthConfig, Claims, Grant, Keyring, StaticToken, TokenError, mint};
use serde_json::{Value, json};

const PAGE: Option<&str> = Some("https://app.example.com");
const ALGORITHMS: [Algorithm; 4] = [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa];

fn config(keys: &[&TestKey]) -> AuthConfig {
    AuthConfig {
        audience: Some("relay".to_owned()),
        issuer: Some("https://issuer.example".to_owned()),
        keys: Tables(keys.iter().map(|key| key.row()).collect()),
        ..AuthConfig::default()
    }
}

fn ring(keys: &[&TestKey]) -> Keyring {
    Keyring::new(&config(keys)).unwrap()
}

#[track_caller]
fn refused(case: &str, found: &Result<Grant, TokenError>, word: Word, token: &str) {
    let Err(error) = found else { panic!("{case}: accepted") };
    assert_eq!(error.word(), word, "{case}: {error}");
    let text = format!("{error} {error:?}");
    for part in token.split('.').filter(|part| part.len() > 8) {
        assert!(!text.contains(part), "{case}: the text shows the token: {text}");
    }
}

#[tokio::test]
async fn every_algorithm_and_word() {
    for algorithm in ALGORITHMS {
        let key = TestKey::new("this", algorithm);
        let other = TestKey::new("that", algorithm);
        let ring = ring(&[&key]);
        let good = key.sign(Some("this"), &claims(&json!({})));
        let (message, signature) = good.rsplit_once('.').unwrap();
        let (header, payload) = message.split_once('.').unwrap();
        let sign = |change: Value| key.sign(Some("this"), &claims(&change));

        for token in [&good, &key.sign(None, &claims(&json!({})))] {
            let grant = ring.verify(token, PAGE).await.unwrap_or_else(|error| panic!("{algorithm}: {error}"));
            assert_eq!(grant.holder, "sub:user-7");
        }
        let cases: Vec<(&str, String, Word)> = vec![
            ("expired", sign(json!({"exp": now() - 31})), Word::TokenExpired),
            ("not yet valid", sign(json!({"nbf": now() + 60})), Word::BadToken),
            ("without end", sign(json!({"exp": null})), Word::BadToken),
            ("for another", sign(json!({"aud": "else"})), Word::WrongAudience),
            ("for others", sign(json!({"aud": ["else", "where"]})), Word::WrongAudience),
            ("for nobody", sign(json!({"aud": null})), Word::WrongAudience),
            ("from another", sign(json!({"iss": "https://issuer.example.org"})), Word::BadToken),
            ("from nobody", sign(json!({"iss": null})), Word::BadToken),
            ("no targets", sign(json!({"targets": null})), Word::BadToken),
            ("empty targets", sign(json!({"targets": []})), Word::BadToken),
            ("bad target", sign(json!({"targets": ["wss://"]})), Word::BadToken),
            ("targets of a wrong type", sign(json!({"targets": {"a": 1}})), Word::BadToken),
            ("empty origins", sign(json!({"origins": []})), Word::BadToken),
            ("other origins", sign(json!({"origins": ["https://www.example.com"]})), Word::WrongOrigin),
            ("bad upstream origin", sign(json!({"origin": "https://a.example/\r\nX: y"})), Word::BadToken),
            ("not JSON", key.sign(Some("this"), &json!("text")), Word::BadToken),
            ("other key of this id", other.sign(Some("this"), &claims(&json!({}))), Word::BadToken),
            ("other key without id", other.sign(None, &claims(&json!({}))), Word::BadToken),
            ("unknown id", other.sign(Some("that"), &claims(&json!({}))), Word::BadToken),
            ("no signature", format!("{message}."), Word::BadToken),
            ("half a signature", format!("{message}.{}", &signature[..signature.len() / 2]), Word::BadToken),
            ("padded", format!("{good}="), Word::BadToken),
            (
                "other claims",
                unsigned_with(header, &claims(&json!({"sub": "user-8"})), signature),
                Word::BadToken,
            ),
            ("two parts", format!("{header}.{payload}"), Word::BadToken),
            ("four parts", format!("{good}.{signature}"), Word::BadToken),
        ];
        for (case, token, word) in cases {
            refused(&format!("{algorithm}, {case}"), &ring.verify(&token, PAGE).await, word, &token);
        }
    }
}

fn unsigned_with(header: &str, claims: &Value, signature: &str) -> String {
    let token = unsigned("", claims, b"");
    format!("{header}{token}{signature}")
}

#[tokio::test]
async fn shapes_that_are_no_token() {
    let ring = ring(&[&TestKey::new("k", Algorithm::Hs256)]);
    for token in
        ["", " ", "x", "..", "a.b.c", "null", "undefined", "eyJhbGciOiJIUzI1NiJ9", "🦀.🦀.🦀", "\0.\0.\0"]
    {
        refused(token, &ring.verify(token, PAGE).await, Word::BadToken, token);
    }
    assert_eq!(ring.verify("", PAGE).await.unwrap_err(), TokenError::Missing);
    let longest = "a".repeat(8192);
    assert_eq!(ring.verify(&longest, PAGE).await.unwrap_err(), TokenError::Unreadable);
    assert_eq!(
        ring.verify(&format!("{longest}a"), PAGE).await.unwrap_err(),
        TokenError::TooLong { max: 8192 }
    );
}

/// The header says which algorithm, the key decides whether that is so (RFC 8725 §3.1).
#[tokio::test]
async fn the_header_does_not_choose_the_algorithm() {
    let keys = ALGORITHMS.map(|algorithm| TestKey::new(algorithm.name(), algorithm));
    let all = ring(&keys.each_ref());
    let good = claims(&json!({}));
    for none in ["none", "None", "nOnE", "HS384", "RS512", "PS256", "ES384", "", "hs256"] {
        for kid in ["", r#","kid":"HS256""#, r#","kid":"RS256""#] {
            for signature in [&b""[..], b"signature"] {
                let token = unsigned(&format!(r#"{{"alg":"{none}"{kid}}}"#), &good, signature);
                refused(none, &all.verify(&token, PAGE).await, Word::WrongAlgorithm, &token);
            }
        }
    }
    for key in &keys {
        for other in keys.iter().filter(|other| other.algorithm != key.algorithm) {
            let case = format!("{} with the id of {}", key.id, other.id);
            let token = key.sign(Some(&other.id), &good);
            refused(&case, &all.verify(&token, PAGE).await, Word::WrongAlgorithm, &token);
            let only_other = ring(&[other]);
            let token = key.sign(None, &good);
            refused(&case, &only_other.verify(&token, PAGE).await, Word::WrongAlgorithm, &token);
        }
    }
}

/// A public key is known to everybody, so it must never be the secret of an HMAC.
#[tokio::test]
async fn a_public_key_is_no_secret() {
    let (hs, rs) = (TestKey::new("hs", Algorithm::Hs256), TestKey::new("rs", Algorithm::Rs256));
    let es = TestKey::new("es", Algorithm::Es256);
    for public in [&rs.public, &es.public] {
        for secret in [public.as_str(), public.trim_end()] {
            let forger = TestKey {
                id: "forged".to_owned(),
                algorithm: Algorithm::Hs256,
                private: secret.to_owned(),
                public: String::new(),
            };
            for kid in [None, Some("rs"), Some("es")] {
                let token = forger.sign(kid, &claims(&json!({})));
                let found = ring(&[&rs, &es]).verify(&token, PAGE).await;
                refused("without HS256", &found, Word::WrongAlgorithm, &token);
            }
            let token = forger.sign(None, &claims(&json!({})));
            refused(
                "beside HS256",
                &ring(&[&rs, &es, &hs]).verify(&token, PAGE).await,
                Word::BadToken,
                &token,
            );
        }
    }
}

/// A token does not bring its own key, nor extensions that nobody here knows (RFC 7515 §4.1.11).
#[tokio::test]
async fn headers_that_would_take_over() {
    let (ours, theirs) = (TestKey::new("k", Algorithm::EdDsa), TestKey::new("k", Algorithm::EdDsa));
    let ring = ring(&[&ours]);
    let signed = |key: &TestKey, more: &Value| {
        let mut header = json!({"alg": "EdDSA", "kid": "k"});
        header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let token = unsigned(&header.to_string(), &claims(&json!({})), b"");
        let message = token.trim_end_matches('.');
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key.encoding(), key.algorithm.into());
        format!("{message}.{}", signature.unwrap())
    };
    let brought = signed(&theirs, &json!({"jwk": theirs.jwk(), "jku": "https://evil.example/keys"}));
    assert_eq!(ring.verify(&brought, PAGE).await.unwrap_err(), TokenError::Signature);
    let critical = signed(&ours, &json!({"crit": ["b64"], "b64": false}));
    assert_eq!(ring.verify(&critical, PAGE).await.unwrap_err(), TokenError::Critical);
    let harmless = signed(&ours, &json!({"typ": "at+jwt", "x5c": 7, "alg": "Ed25519"}));
    assert!(ring.verify(&harmless, PAGE).await.is_ok());
}

/// Claims, the origin of the request, and the origin for the target.
type PageCase = (Value, Option<&'static str>, Result<Option<&'static str>, TokenError>);

#[tokio::test]
async fn pages() {
    let key = TestKey::new("k", Algorithm::Hs256);
    let ring = ring(&[&key]);
    let table: [PageCase; 14] = [
        (json!({}), None, Ok(None)),
        (json!({}), PAGE, Ok(PAGE)),
        (json!({}), Some("null"), Ok(Some("null"))),
        (json!({}), Some("not an origin"), Ok(None)),
        (json!({"origin": "https://own.example:8443"}), PAGE, Ok(Some("https://own.example:8443"))),
        (json!({"origin": "https://own.example:8443"}), None, Ok(Some("https://own.example:8443"))),
        (json!({"origins": "https://app.example.com"}), PAGE, Ok(PAGE)),
        (json!({"origins": ["https://a.example", "https://*.example.com"]}), PAGE, Ok(PAGE)),
        (json!({"origins": ["*"]}), None, Ok(None)),
        (json!({"origins": ["https://*.example.com"]}), None, Err(TokenError::UnknownOrigin)),
        (json!({"origins": ["https://*.example.com"]}), Some("garbage"), Err(TokenError::UnknownOrigin)),
        (json!({"origins": ["https://*.example.com"]}), Some("null"), Err(TokenError::Origin)),
        (
            json!({"origins": ["https://*.example.com"]}),
            Some("https://evilexample.com"),
            Err(TokenError::Origin),
        ),
        (
            json!({"origins": ["https://example.com"]}),
            Some("https://example.com.evil.net"),
            Err(TokenError::Origin),
        ),
    ];
    for (change, page, expected) in table {
        let found = ring.verify(&key.sign(None, &claims(&change)), page).await;
        let expected = expected.map(|origin| origin.map(str::to_owned));
        assert_eq!(found.map(|grant| grant.upstream_origin), expected, "{change} for {page:?}");
    }
}

/// What takes tokens without targets relies on everything else having been checked.
#[tokio::test]
async fn no_targets_is_the_last_word() {
    let key = TestKey::new("k", Algorithm::Hs256);
    let ring = ring(&[&key]);
    for (change, page, expected) in [
        (json!({}), PAGE, Word::BadToken),
        (json!({"origins": ["https://app.example.com"]}), PAGE, Word::BadToken),
        (json!({"origins": ["https://app.example.com"]}), Some("https://b.example"), Word::WrongOrigin),
        (json!({"origins": ["https://app.example.com"]}), None, Word::WrongOrigin),
        (json!({"exp": now() - 31}), PAGE, Word::TokenExpired),
    ] {
        let mut claims = claims(&change);
        claims["targets"] = json!([]);
        let error = ring.verify(&key.sign(None, &claims), page).await.unwrap_err();
        assert_eq!(error.word(), expected, "{change} for {page:?}: {error}");
        assert_eq!(error == TokenError::NoTargets, expected == Word::BadToken, "{change}: {error}");
    }
    for origins in [json!([]), json!(["app.example.com"]), json!("x")] {
        let token = key.sign(None, &claims(&json!({"targets": null, "origins": origins})));
        let error = ring.verify(&token, PAGE).await.unwrap_err();
        assert!(matches!(error, TokenError::BadClaim { claim: "origins", .. }), "{origins}: {error}");
    }
}

#[tokio::test]
async fn holders_never_meet() {
    let key = TestKey::new("k", Algorithm::Es256);
    let strict = ring(&[&key]);
    let any_issuer = Keyring::new(&AuthConfig { issuer: None, ..config(&[&key]) }).unwrap();
    let holder = async |ring: &Keyring, change: Value| {
        let token = key.sign(None, &claims(&change));
        let holder = ring.verify(&token, PAGE).await.unwrap().holder;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b":._@+-".contains(&b);
        assert!(holder.len() <= 68 && holder.bytes().all(plain), "{holder}");
        holder
    };
    assert_eq!(holder(&strict, json!({"sub": "ann@example.com"})).await, "sub:ann@example.com");
    let long = "x".repeat(65);
    let mut all = vec![holder(&strict, json!({"sub": "x".repeat(64)})).await];
    for change in [
        json!({"sub": long}),
        json!({"sub": "key:main"}),
        json!({"sub": "}{a\r\nDEL *"}),
        json!({"sub": "ünï"}),
        json!({"sub": null}),
        json!({"sub": null, "jti": "2"}),
    ] {
        all.push(holder(&strict, change.clone()).await);
        assert_eq!(holder(&strict, change.clone()).await, *all.last().unwrap(), "{change} is not stable");
    }
    for issuer in ["https://one.example", "https://two.example"] {
        all.push(holder(&any_issuer, json!({"iss": issuer, "sub": "user-7"})).await);
    }
    let mut distinct = all.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), all.len(), "{all:?}");
}

#[tokio::test]
async fn what_is_minted_is_accepted() {
    for algorithm in ALGORITHMS {
        let key = TestKey::new("k", algorithm);
        let wanted = Claims {
            sub: Some("ann".to_owned()),
            iss: Some("https://issuer.example".to_owned()),
            aud: vec!["relay".to_owned()],
            exp: now() + 60,
            iat: Some(now()),
            targets: vec!["wss://*.example.com/live".to_owned()],
            origins: Some(vec!["https://app.example.com".to_owned()]),
            origin: Some("https://own.example".to_owned()),
            sockets: Some(3),
            creates_per_second: Some(0.5),
            bytes_per_second: Some(4096),
            ..Claims::default()
        };
        assert_eq!(key.signing().algorithm(), algorithm);
        let token = mint(&key.signing(), &wanted).unwrap();
        let grant = ring(&[&key]).verify(&token, PAGE).await.unwrap();
        assert_eq!((grant.holder.as_str(), grant.expires_at), ("sub:ann", Some(wanted.exp)));
        assert_eq!(grant.upstream_origin.as_deref(), Some("https://own.example"));
        assert_eq!((grant.sockets_max, grant.bytes_per_second_max), (Some(3), Some(4096)));
        assert_eq!(grant.creates_per_second_max, Some(0.5));
        assert!(grant.allows(&Target::parse("wss://chat.example.com/live/7").unwrap()));
        assert!(!grant.allows(&Target::parse("wss://chat.example.com/admin").unwrap()));
        assert!(!grant.allows(&Target::parse("wss://example.net/live").unwrap()));

        let empty = Claims { targets: Vec::new(), ..wanted.clone() };
        assert_eq!(mint(&key.signing(), &empty).unwrap_err(), TokenError::NoTargets.into());
        let bad = Claims { origins: Some(vec!["example.com".to_owned()]), ..wanted };
        assert!(mint(&key.signing(), &bad).unwrap_err().to_string().contains("origins"));
    }
}

fn static_token(name: &str, key: &str) -> StaticToken {
    StaticToken {
        name: name.to_owned(),
        key: Some(key.to_owned()),
        targets: vec!["wss://chat.example.com".to_owned()],
        ..StaticToken::default()
    }
}

#[tokio::test]
async fn static_tokens() {
    let key = TestKey::new("k", Algorithm::Hs256);
    let restricted = StaticToken {
        key: None,
        key_file: Some(file("fedcba9876543210fedcba9876543210\n")),
        origins: vec!["https://*.example.com".to_owned()],
        upstream_origin: Some("https://own.example".to_owned()),
        sockets_max: Some(2),
        creates_per_second_max: Some(1.5),
        bytes_per_second_max: Some(Size::kib(64)),
        ..static_token("restricted", "")
    };
    let tokens = Tables(vec![static_token("open", "0123456789abcdef0123456789abcdef"), restricted]);
    let ring = Keyring::new(&AuthConfig { tokens: tokens.clone(), ..config(&[&key]) }).unwrap();

    let grant = ring.verify("0123456789abcdef0123456789abcdef", None).await.unwrap();
    assert_eq!(
        (grant.holder.as_str(), grant.upstream_origin.as_deref(), grant.sockets_max),
        ("key:open", None, None)
    );
    assert_eq!(grant.expires_at, None);
    assert!(grant.allows(&Target::parse("wss://chat.example.com/").unwrap()));
    assert!(!grant.allows(&Target::parse("wss://chat.example.org/").unwrap()));
    let grant = ring.verify("0123456789abcdef0123456789abcdef", PAGE).await.unwrap();
    assert_eq!(grant.upstream_origin.as_deref(), PAGE);

    let file = "fedcba9876543210fedcba9876543210";
    let grant = ring.verify(file, PAGE).await.unwrap();
    assert_eq!((grant.holder.as_str(), grant.sockets_max), ("key:restricted", Some(2)));
    assert_eq!((grant.creates_per_second_max, grant.bytes_per_second_max), (Some(1.5), Some(65_536)));
    assert_eq!(grant.upstream_origin.as_deref(), Some("https://own.example"));
    assert_eq!(ring.verify(file, None).await.unwrap_err(), TokenError::UnknownOrigin);
    assert_eq!(ring.verify(file, Some("https://example.com")).await.unwrap_err(), TokenError::Origin);

    let near = [
        "0123456789abcdef0123456789abcde",
        "0123456789abcdef0123456789abcdef0",
        "0123456789ABCDEF0123456789abcdef",
    ];
    for token in near {
        refused("nearly", &ring.verify(token, PAGE).await, Word::BadToken, token);
    }
    assert!(
        ring.verify(&key.sign(None, &claims(&json!({}))), PAGE).await.is_ok(),
        "JWTs beside static tokens"
    );

    let only = Keyring::new(&AuthConfig { tokens, ..AuthConfig::default() }).unwrap();
    let token = key.sign(None, &claims(&json!({})));
    refused("a JWT where there are no keys", &only.verify(&token, PAGE).await, Word::BadToken, &token);
    let open = Keyring::new(&AuthConfig::default()).unwrap();
    refused("nothing configured", &open.verify(&token, PAGE).await, Word::BadToken, &token);
}

/// An issuer may name its keys where the operator did not.
#[tokio::test]
async fn keys_without_id() {
    let key = TestKey::new("k", Algorithm::EdDsa);
    let mut config = config(&[&key, &TestKey::new("other", Algorithm::EdDsa)]);
    config.keys[0].id = None;
    let ring = Keyring::new(&config).unwrap();
    for kid in [None, Some("k"), Some("whatever")] {
        assert!(ring.verify(&key.sign(kid, &claims(&json!({}))), PAGE).await.is_ok(), "{kid:?}");
    }
    let token = TestKey::new("x", Algorithm::EdDsa).sign(None, &claims(&json!({})));
    assert_eq!(ring.verify(&token, PAGE).await.unwrap_err(), TokenError::Signature);
}
