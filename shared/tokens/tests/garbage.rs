//! Whatever is sent as a token: it is refused, and nothing breaks.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::LazyLock;

use common::{TestKey, claims, unsigned};
use polysocket_config::Tables;
use polysocket_tokens::{Algorithm, AuthConfig, Keyring, StaticToken, TokenError};
use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().build().unwrap());
static KEYS: LazyLock<[TestKey; 4]> = LazyLock::new(|| {
    [Algorithm::Hs256, Algorithm::Rs256, Algorithm::Es256, Algorithm::EdDsa]
        .map(|algorithm| TestKey::new(algorithm.name(), algorithm))
});
static RING: LazyLock<Keyring> = LazyLock::new(|| {
    let token = StaticToken {
        name: "one".to_owned(),
        key: Some("0123456789abcdef0123456789abcdef".to_owned()),
        targets: vec!["*".to_owned()],
        ..StaticToken::default()
    };
    let config = AuthConfig {
        audience: Some("relay".to_owned()),
        keys: Tables(KEYS.iter().map(TestKey::row).collect()),
        tokens: Tables(vec![token]),
        ..AuthConfig::default()
    };
    Keyring::new(&config).unwrap()
});

fn verify(token: &str, origin: Option<&str>) -> Result<(), TokenError> {
    RUNTIME.block_on(RING.verify(token, origin)).map(|_| ())
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(|v| json!(v)),
        any::<i64>().prop_map(|v| json!(v)),
        any::<f64>().prop_map(|v| json!(v)),
        "\\PC{0,12}".prop_map(|v| json!(v)),
        prop_oneof![Just("*"), Just("wss://*.example.com"), Just("https://a.example"), Just("relay")]
            .prop_map(|v| json!(v)),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|v| json!(v)),
            prop::collection::hash_map("\\PC{0,6}", inner, 0..4).prop_map(|v| json!(v)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(token in "\\PC{0,200}", origin in proptest::option::of("\\PC{0,60}")) {
        prop_assert!(verify(&token, origin.as_deref()).is_err());
    }

    #[test]
    fn three_parts_of_anything(header in json_value(), payload in json_value(), signature: Vec<u8>) {
        let token = unsigned(&header.to_string(), &payload, &signature);
        prop_assert!(verify(&token, None).is_err());
    }

    #[test]
    fn well_signed_claims_of_anything(key in 0..4usize, name in prop_oneof![
        Just("exp"), Just("nbf"), Just("aud"), Just("sub"), Just("iss"), Just("targets"), Just("origins"),
        Just("origin"), Just("sockets"), Just("creates_per_second"), Just("bytes_per_second"),
    ], value in json_value(), origin in proptest::option::of("https://[a-z.]{1,20}")) {
        let token = KEYS[key].sign(None, &claims(&json!({ name: value })));
        // It may well be a good one; then it must say where it may go.
        if let Ok(grant) = RUNTIME.block_on(RING.verify(&token, origin.as_deref())) {
            prop_assert!(!grant.targets.is_empty());
            prop_assert!(grant.holder.len() <= 68);
            prop_assert!(grant.creates_per_second_max.is_none_or(|rate| rate.is_finite() && rate >= 0.0));
        }
    }

    #[test]
    fn one_other_character(key in 0..4usize, at: prop::sample::Index, put in "[A-Za-z0-9_.=-]") {
        let good = KEYS[key].sign(None, &claims(&json!({})));
        prop_assert!(verify(&good, None).is_ok());
        let at = at.index(good.len());
        let mut changed = good.clone();
        changed.replace_range(at..=at, &put);
        prop_assert!(changed == good || verify(&changed, None).is_err(), "at {}", at);
    }
}
