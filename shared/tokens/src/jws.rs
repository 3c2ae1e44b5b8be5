//! The compact form of a signed token (RFC 7515 §7.1): `header.payload.signature`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use crate::TokenError;
use crate::algorithm::Algorithm;

/// A token that has the right shape. Nothing in it is true before a key has verified it.
#[derive(Debug, Clone, Copy)]
pub struct Jws<'a> {
    /// Header and payload as they were signed.
    pub message: &'a str,
    pub(crate) payload: &'a str,
    pub(crate) signature: &'a str,
}

/// What is used of a header. `jwk`, `jku`, `x5c` and `x5u` are not: a token does not bring its own key.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    pub algorithm: Algorithm,
    pub key_id: Option<String>,
}

#[derive(Deserialize)]
struct RawHeader {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

impl<'a> Jws<'a> {
    /// Takes a token apart.
    pub fn parse(token: &'a str) -> Result<(Header, Self), TokenError> {
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Unreadable)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Unreadable)?;
        if payload.contains('.') {
            return Err(TokenError::Unreadable);
        }
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| TokenError::Unreadable)?;
        let header: RawHeader = serde_json::from_slice(&header).map_err(|_| TokenError::Unreadable)?;
        if header.crit.is_some() {
            return Err(TokenError::Critical);
        }
        let algorithm = header.alg.parse().map_err(|_| TokenError::Algorithm)?;
        Ok((Header { algorithm, key_id: header.kid }, Self { message, payload, signature }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, expected: Result<(Algorithm, Option<&str>), TokenError>) {
        let token = format!("{}.e30.c2ln", URL_SAFE_NO_PAD.encode(header));
        let found = Jws::parse(&token).map(|(header, _)| (header.algorithm, header.key_id));
        assert_eq!(found, expected.map(|(algorithm, id)| (algorithm, id.map(str::to_owned))), "{header}");
    }

    #[test]
    fn headers() {
        check(r#"{"alg":"HS256","typ":"JWT"}"#, Ok((Algorithm::Hs256, None)));
        check(r#"{"alg":"Ed25519","kid":"k"}"#, Ok((Algorithm::EdDsa, Some("k"))));
        check(r#"{"alg":"ES256","jwk":{"kty":"EC"},"x5c":5}"#, Ok((Algorithm::Es256, None)));
        for none in ["none", "None", "NONE", "nOnE", "", "HS384", "hs256", "HS256 ", "RS512", "PS256", "dir"]
        {
            check(&format!(r#"{{"alg":"{none}"}}"#), Err(TokenError::Algorithm));
        }
        check(r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, Err(TokenError::Critical));
        check(r#"{"alg":"HS256","alg":"none"}"#, Err(TokenError::Unreadable));
        for unreadable in ["", "{}", "[]", "null", r#"{"alg":1}"#, r#"{"alg":"HS256","kid":1}"#] {
            check(unreadable, Err(TokenError::Unreadable));
        }
    }

    #[test]
    fn shapes() {
        for token in [
            "",
            ".",
            "..",
            "...",
            "a.b",
            "e30",
            "eyJhbGciOiJIUzI1NiJ9.e30",
            "eyJhbGciOiJIUzI1NiJ9.a.b.c",
            "é.é.é",
        ] {
            assert_eq!(Jws::parse(token).map(|_| ()), Err(TokenError::Unreadable), "{token}");
        }
    }
}
