//! Reading a JWK set (RFC 7517).

use serde::Deserialize;
use serde_json::Value;

use crate::key::VerifyingKey;

/// The most keys that are taken from one set. A token without `kid` may have to be tried with each, and an
/// issuer has two or three.
pub const KEYS_MAX: usize = 32;

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// What is used of a key. Private parts, certificates and thumbprints are not looked at.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The keys of a set that can verify tokens. Others are passed over, as RFC 7517 §5 asks: an issuer may have
/// keys for other purposes, and one key that we cannot read must not take the others with it.
pub fn parse(json: &[u8]) -> Result<Vec<VerifyingKey>, String> {
    let set: Set = serde_json::from_slice(json)
        .map_err(|error| format!("it is not a JWK set (`{{\"keys\":[…]}}`), see line {}", error.line()))?;
    let mut keys = Vec::new();
    for (index, value) in set.keys.into_iter().enumerate() {
        if keys.len() == KEYS_MAX {
            tracing::warn!(
                keys_max = KEYS_MAX,
                "the JWK set has more keys than are used; the rest is passed over"
            );
            break;
        }
        match serde_json::from_value(value).map_err(|_| "it is no JWK".to_owned()).and_then(read) {
            Ok(key) => keys.push(key),
            Err(reason) => tracing::debug!(index, reason, "a key of the JWK set is passed over"),
        }
    }
    Ok(keys)
}

fn read(jwk: Jwk) -> Result<VerifyingKey, String> {
    if jwk.usage.is_some_and(|usage| usage != "sig") {
        return Err("it is not for signatures (`use`)".to_owned());
    }
    if jwk.key_ops.is_some_and(|operations| !operations.iter().any(|operation| operation == "verify")) {
        return Err("it is not for verifying (`key_ops`)".to_owned());
    }
    let part = |part: Option<String>| part.ok_or_else(|| "a part of the key is missing".to_owned());
    let key = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) => VerifyingKey::from_rsa_components(jwk.kid, &part(jwk.n)?, &part(jwk.e)?)?,
        ("EC", Some("P-256")) => VerifyingKey::from_ec_coordinates(jwk.kid, &part(jwk.x)?, &part(jwk.y)?)?,
        ("OKP", Some("Ed25519")) => VerifyingKey::from_ed25519(jwk.kid, &part(jwk.x)?)?,
        // Whoever can read the set could sign with it.
        ("oct", _) => return Err("it is a shared secret, which has no place in a public set".to_owned()),
        _ => return Err("its type is none of RSA, EC on P-256, and OKP with Ed25519".to_owned()),
    };
    if jwk.alg.is_some_and(|name| name.parse() != Ok(key.algorithm)) {
        return Err(format!("its `alg` is not {}", key.algorithm));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::algorithm::Algorithm;

    // The example keys of RFC 7517 §A.1 and RFC 8037 §A.2.
    const EC: &str = r#""kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM""#;
    const RSA: &str = r#""kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB""#;
    const ED: &str = r#""kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#;

    #[track_caller]
    fn check(key: &str, expected: Option<(Algorithm, Option<&str>)>) {
        let found = parse(format!(r#"{{"keys":[{{{key}}}]}}"#).as_bytes()).unwrap();
        let found: Vec<_> = found.iter().map(|key| (key.algorithm, key.id.as_deref())).collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{key}");
    }

    #[test]
    fn keys_that_verify() {
        check(EC, Some((Algorithm::Es256, None)));
        check(ED, Some((Algorithm::EdDsa, None)));
        check(RSA, Some((Algorithm::Rs256, None)));
        check(&format!(r#"{EC},"kid":"1","use":"sig","alg":"ES256""#), Some((Algorithm::Es256, Some("1"))));
        check(
            &format!(r#"{RSA},"alg":"RS256","key_ops":["verify"],"x5c":["x"]"#),
            Some((Algorithm::Rs256, None)),
        );
        check(&format!(r#"{ED},"alg":"Ed25519""#), Some((Algorithm::EdDsa, None)));
    }

    #[test]
    fn keys_that_do_not() {
        check(r#""kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0","alg":"HS256""#, None);
        check(&format!(r#"{EC},"use":"enc""#), None);
        check(&format!(r#"{EC},"key_ops":["sign"]"#), None);
        check(&format!(r#"{EC},"alg":"HS256""#), None);
        check(&format!(r#"{EC},"alg":"RS256""#), None);
        check(&format!(r#"{RSA},"alg":"PS256""#), None);
        check(&format!(r#"{RSA},"alg":"none""#), None);
        check(&EC.replace("P-256", "P-384"), None);
        check(&ED.replace("Ed25519", "X25519"), None);
        check(&EC.replace("4Etl", "4Etm"), None); // Not on the curve.
        check(&ED.replace("11qY", ""), None);
        check(r#""kty":"RSA","n":"AQAB","e":"AQAB""#, None);
        check(r#""kty":"EC","crv":"P-256","x":"AA""#, None);
        check(r#""kty":5"#, None);
        check("", None);
    }

    #[test]
    fn one_bad_key_leaves_the_others() {
        let set = format!(r#"{{"keys":[5,null,{{"kty":"oct"}},{{{EC}}},{{}},{{{ED}}}],"more":1}}"#);
        assert_eq!(parse(set.as_bytes()).unwrap().len(), 2);
        assert_eq!(parse(br#"{"keys":[]}"#).unwrap().len(), 0);
        let many = vec![format!("{{{ED}}}"); KEYS_MAX + 1].join(",");
        assert_eq!(parse(format!(r#"{{"keys":[{many}]}}"#).as_bytes()).unwrap().len(), KEYS_MAX);
    }

    #[test]
    fn what_is_no_set() {
        for text in ["", "{}", "[]", "<html>", r#"{"keys":{}}"#, r#"{"keys":null}"#] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
