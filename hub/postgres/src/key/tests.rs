use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::json;

use super::*;

/// The token in the README of 2016, signed with `secret`.
const SEED: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJjaGFubmVsIjoiY2hhdCIsIm1vZGUiOiJydyJ9._w1IGqgRfLM6epJwy6wBWOZOeSILEpJozR64qVuFgpU";

fn claims(token: &str, secret: &[u8]) -> Result<Map<String, Value>, Rejection> {
    install_provider();
    Token::parse(token)?.claims(&read_secret(secret).expect("keys"))
}

fn signed(algorithm: Algorithm, secret: &[u8]) -> String {
    install_provider();
    encode(&Header::new(algorithm), &json!({"a": 1}), &EncodingKey::from_secret(secret)).expect("a token")
}

#[test]
fn the_seeds_token() {
    let found = claims(SEED, b"secret").expect("verified");
    assert_eq!(Value::from(found), json!({"channel": "chat", "mode": "rw"}));
    assert!(read_secret(b"secret").expect("a key")[0].weak);
    assert_eq!(claims(SEED, b"Secret"), Err(Rejection::Token("JWSInvalidSignature")));
}

#[test]
fn secrets_are_for_hashes_that_they_are_long_enough_for() {
    let long = [7; 64];
    for (algorithm, bytes, good) in [
        (Algorithm::HS256, 32, true),
        (Algorithm::HS384, 47, false),
        (Algorithm::HS384, 48, true),
        (Algorithm::HS512, 63, false),
        (Algorithm::HS512, 64, true),
    ] {
        let secret = &long[..bytes];
        assert_eq!(claims(&signed(algorithm, secret), secret).is_ok(), good, "{algorithm:?} {bytes}");
    }
}

#[test]
fn keys_as_jwk_and_as_a_set() {
    let secret = b"reallyreallyreallyreallyverysafe";
    let token = signed(Algorithm::HS256, secret);
    let jwk =
        |secret: &[u8], alg: &str| json!({"kty": "oct", "k": URL_SAFE_NO_PAD.encode(secret), "alg": alg});
    let good = jwk(secret, "HS256");
    assert!(claims(&token, good.to_string().as_bytes()).is_ok());
    let set = json!({"keys": [{"kty": "no"}, jwk(&[1; 32], "HS256"), good]});
    assert!(claims(&token, set.to_string().as_bytes()).is_ok());
    let wrong = json!({"keys": [jwk(&[1; 32], "HS256")]});
    assert!(claims(&token, wrong.to_string().as_bytes()).is_err());
    // A key is for its algorithm, and an RSA key is no secret.
    assert!(read_secret(jwk(secret, "HS512").to_string().as_bytes()).is_err());
    assert!(
        claims(&signed(Algorithm::HS512, &[1; 64]), jwk(&[1; 64], "HS256").to_string().as_bytes()).is_err()
    );
    // A slip makes no key of them, least of all a secret that is public.
    for broken in [r#"{"kty":"RSA","n":"AQ"}"#, " \n{\"kty\":", "[{}]", "{}", r#"{"keys":5}"#] {
        let refused = read_secret(broken.as_bytes()).err().expect(broken);
        assert!(refused.contains("JWK"), "{broken}: {refused}");
    }
    assert!(read_secret(br#"{"keys":[]}"#).is_err() && read_secret(b"").is_err());
    assert!(read_secret(b"-----BEGIN PUBLIC KEY-----").is_err());
}

#[test]
fn what_is_no_token() {
    let none = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode("{}"));
    let critical = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","crit":["b64"]}"#));
    for token in ["", "a", "a.b", "a.b.c.d", &none, &critical, &"x".repeat(20_000)] {
        let refused = claims(token, b"secret").expect_err(token);
        assert!(refused.to_string().starts_with("Error: "), "{refused}");
    }
}

#[test]
fn base64_in_all_its_forms() {
    for text in ["_-8=", "/+8=", "_-8.", "_-8", " _-8=\n"] {
        assert_eq!(decode_base64(text.as_bytes()), Ok(vec![0xff, 0xef]), "{text}");
    }
    assert!(decode_base64(b"?").is_err());
}
