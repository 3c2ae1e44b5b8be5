//! What is wrong with `[auth]`: each mistake names its key, and no text shows a secret.
#![allow(clippy::unwrap_used)]

mod common;

use common::{TestKey, file, pem};
use polysocket_config::{Section, toml};
use polysocket_tokens::{Algorithm, AuthConfig, Keyring, SigningKey};

const SECRET: &str = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA";

fn problems(text: &str) -> Vec<String> {
    let config: AuthConfig = toml::from_str(text).unwrap();
    let mut problems = Vec::new();
    config.check(&mut problems);
    problems.into_iter().map(|problem| problem.key).collect()
}

#[track_caller]
fn check(text: &str, keys: &[&str]) {
    assert_eq!(problems(text), keys, "{text}");
}

#[test]
fn what_is_right() {
    check("", &[]);
    check("jwks_url = 'https://issuer.example/keys?v=1'", &[]);
    check("jwks_url = 'http://10.0.0.7:8080/keys'", &[]);
    check(&format!("[[keys]]\nalgorithm = 'HS256'\nsecret = '{SECRET}'"), &[]);
    check("[[keys]]\nid = 'a'\nalgorithm = 'EdDSA'\npublic_key_file = 'a.pem'", &[]);
    check("[[keys]]\nalgorithm = 'HS256'\nsecret_file = 'a'", &[]);
    check(
        &format!(
            "[[tokens]]\nname = 'a'\nkey = '{SECRET}'\ntargets = ['*']\norigins = ['https://*.a.example']"
        ),
        &[],
    );
    assert!(toml::from_str::<AuthConfig>("").unwrap().is_open());
    assert!(!toml::from_str::<AuthConfig>("jwks_url = 'https://a.example'").unwrap().is_open());
}

#[test]
fn what_is_wrong() {
    check("audience = ''\nissuer = ''", &["auth.audience", "auth.issuer"]);
    check("leeway = '11m'", &["auth.leeway"]);
    for url in [
        "issuer.example/keys",
        "ftp://issuer.example",
        "https://u:p@issuer.example",
        "https://u@issuer.example",
        "file:///k",
    ] {
        check(&format!("jwks_url = '{url}'"), &["auth.jwks_url"]);
    }
    check("jwks_refresh_floor = '900ms'\njwks_timeout = '900ms'", &["auth.jwks_refresh_floor"]);
    check("jwks_timeout = '11s'", &["auth.jwks_timeout"]);
    check("jwks_max_age = '5s'", &["auth.jwks_max_age"]);
    check("jwks_timeout = '0s'\ntoken_bytes_max = 0", &["auth.jwks_timeout", "auth.token_bytes_max"]);
    check(&format!("[[keys]]\nsecret = '{SECRET}'"), &["auth.keys[0].algorithm"]);
    check("[[keys]]\nalgorithm = 'HS256'", &["auth.keys[0].secret"]);
    check(
        &format!("[[keys]]\nalgorithm = 'HS256'\nsecret = '{SECRET}'\nsecret_file = 'a'"),
        &["auth.keys[0].secret"],
    );
    check(
        "[[keys]]\nalgorithm = 'HS256'\nsecret = '0123456789abcdef0123456789abcde'",
        &["auth.keys[0].secret"],
    );
    check("[[keys]]\nalgorithm = 'HS256'\npublic_key_file = 'a'", &["auth.keys[0].public_key_file"]);
    check(&format!("[[keys]]\nalgorithm = 'RS256'\nsecret = '{SECRET}'"), &["auth.keys[0].secret"]);
    check("[[keys]]\nalgorithm = 'ES256'", &["auth.keys[0].public_key_file"]);
    check(
        "[[keys]]\nalgorithm = 'HS256'\nsecret = '-----BEGIN PUBLIC KEY-----AAAAAAAAAAAAAAAAAAAA'",
        &["auth.keys[0].secret"],
    );
    check("[[tokens]]", &["auth.tokens[0].name", "auth.tokens[0].key", "auth.tokens[0].targets"]);
    let token = format!("[[tokens]]\nname = 'a'\nkey = '{SECRET}'\ntargets = ['*']\n");
    check(&format!("{token}{}", token.replace("'c2V", "'x")), &["auth.tokens[1].name"]);
    check(&token.replace("'a'", "'a b'"), &["auth.tokens[0].name"]);
    check(&token.replace(SECRET, "short"), &["auth.tokens[0].key"]);
    check(&format!("{token}key_file = 'a'"), &["auth.tokens[0].key"]);
    check(&token.replace("['*']", "['*', 'wss://']"), &["auth.tokens[0].targets[1]"]);
    check(&format!("{token}origins = ['a.example']"), &["auth.tokens[0].origins[0]"]);
    check(&format!("{token}upstream_origin = 'https://a.example/'"), &["auth.tokens[0].upstream_origin"]);
    check(&format!("{token}creates_per_second_max = -1.0"), &["auth.tokens[0].creates_per_second_max"]);
    for algorithm in ["none", "HS512", "hs256", ""] {
        assert!(toml::from_str::<AuthConfig>(&format!("[[keys]]\nalgorithm = '{algorithm}'")).is_err());
    }
}

#[test]
fn secrets_are_not_shown() {
    let text = format!(
        "[[keys]]\nalgorithm = 'HS256'\nsecret = '{SECRET}'\n[[tokens]]\nname = 'a'\nkey = '{SECRET}'\ntargets = ['*']"
    );
    let config: AuthConfig = toml::from_str(&text).unwrap();
    let ring = Keyring::new(&config).unwrap();
    let signing = SigningKey::from_secret(SECRET.as_bytes()).unwrap();
    let shown = format!("{config:?} {ring:?} {signing:?} {:?}", config.keys[0]);
    assert!(!shown.contains(SECRET), "{shown}");
}

/// RSA of 1024 bits.
const SMALL: &str = "-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDNesnlvvU5yx4i6ao6k3+oO7Us
XFfncjsO73WAV4TbD38FqYtHS+X1kjatYof6pQzrVZBiDa0QTtPbb19vsvfQLQNy
V5oaruKYghVAbuvDeQy0r+B4YAWWGWMR4id30aUXipyzUMzRUKMCz64rqwl2iOqp
mi9cMl+DpqDDtib8lwIDAQAB
-----END PUBLIC KEY-----
";

#[test]
fn files_that_hold_no_key() {
    let rs = TestKey::new("rs", Algorithm::Rs256);
    let es = TestKey::new("es", Algorithm::Es256);
    let table = [
        ("RS256", file(&rs.private), "openssl pkey"),
        ("RS256", file(&es.public), "RSA public key"),
        ("RS256", file(SMALL), "2048"),
        ("ES256", file(&rs.public), "P-256"),
        ("EdDSA", file(&es.public), "Ed25519"),
        ("ES256", file(&pem("PUBLIC KEY", b"\x30\x03\x02\x01\x05")), "P-256"),
        ("ES256", file(&pem("CERTIFICATE", b"\x30\x03\x02\x01\x05")), "BEGIN PUBLIC KEY"),
        ("ES256", file(""), "BEGIN PUBLIC KEY"),
        ("ES256", file("x").with_extension("missing"), "cannot read"),
    ];
    for (algorithm, path, expected) in table {
        let config = format!("[[keys]]\nalgorithm = '{algorithm}'\npublic_key_file = '{}'", path.display());
        let error = Keyring::new(&toml::from_str(&config).unwrap()).unwrap_err().to_string();
        assert!(error.starts_with("auth.keys[0].public_key_file: ") && error.contains(expected), "{error}");
    }
    for (content, right) in [(SECRET, true), ("short\n", false), ("", false)] {
        let config = format!("[[keys]]\nalgorithm = 'HS256'\nsecret_file = '{}'", file(content).display());
        assert_eq!(Keyring::new(&toml::from_str(&config).unwrap()).is_ok(), right, "{content}");
    }
}

#[test]
fn every_wrong_row_is_told() {
    let text = format!(
        "jwks_url = 'nowhere'\n[[keys]]\nalgorithm = 'HS256'\nsecret = 'short'\n[[keys]]\nalgorithm = 'RS256'\n\
         [[tokens]]\nname = 'a'\nkey = '{SECRET}'\ntargets = ['*']\n[[tokens]]\nname = 'b'\nkey = '{SECRET}'\ntargets = ['*']"
    );
    let error = Keyring::new(&toml::from_str(&text).unwrap()).unwrap_err();
    let keys: Vec<_> = error.0.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(
        keys,
        ["auth.keys[0].secret", "auth.keys[1].public_key_file", "auth.tokens[1].key", "auth.jwks_url"]
    );
}
