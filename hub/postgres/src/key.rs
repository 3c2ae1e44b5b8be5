//! Keys that verify tokens. Pure.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::error::Rejection;

/// A shorter secret can be guessed from any token (RFC 7518, section 3.2).
pub const SECRET_BYTES_MIN: usize = 32;
/// Longer ones than 256 bits have to be as long as their hash.
const LONGER: [(Algorithm, usize); 2] = [(Algorithm::HS384, 48), (Algorithm::HS512, 64)];
/// No token that a URL could hold is longer.
const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A key, and the algorithms it may be used with: they are never taken from a token alone.
#[derive(Clone)]
pub struct Key {
    pub id: Option<String>,
    algorithms: Vec<Algorithm>,
    verifies: DecodingKey,
    /// It can be guessed.
    pub weak: bool,
    /// Whoever can verify with it can sign with it.
    pub shared: bool,
}

/// jsonwebtoken picks its cryptography at run time; that another caller said so before is no error.
pub fn install_provider() {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}

impl Key {
    /// A shared secret.
    fn shared(secret: &[u8]) -> Self {
        let longer = LONGER.iter().filter(|(_, bytes)| secret.len() >= *bytes);
        let algorithms = std::iter::once(Algorithm::HS256).chain(longer.map(|(algorithm, _)| *algorithm));
        Self {
            id: None,
            algorithms: algorithms.collect(),
            verifies: DecodingKey::from_secret(secret),
            weak: secret.len() < SECRET_BYTES_MIN,
            shared: true,
        }
    }

    /// A JWK; none where it is not for verifying, or not known.
    fn of_jwk(jwk: &Jwk) -> Option<Self> {
        if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
            return None;
        }
        let operations = jwk.common.key_operations.as_ref();
        if operations.is_some_and(|all| !all.contains(&KeyOperations::Verify)) {
            return None;
        }
        let key = DecodingKey::from_jwk(jwk).ok()?;
        let (mut algorithms, weak) = match &jwk.algorithm {
            AlgorithmParameters::OctetKey(_) => {
                let shared = Self::shared(key.try_get_as_bytes().ok()?);
                (shared.algorithms, shared.weak)
            }
            AlgorithmParameters::RSA(_) => {
                use Algorithm::{PS256, PS384, PS512, RS256, RS384, RS512};
                (vec![RS256, RS384, RS512, PS256, PS384, PS512], false)
            }
            AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
                EllipticCurve::P256 => (vec![Algorithm::ES256], false),
                EllipticCurve::P384 => (vec![Algorithm::ES384], false),
                _ => return None,
            },
            AlgorithmParameters::OctetKeyPair(pair) if pair.curve == EllipticCurve::Ed25519 => {
                (vec![Algorithm::EdDSA], false)
            }
            _ => return None,
        };
        if let Some(only) = jwk.common.key_algorithm {
            algorithms.retain(|algorithm| KeyAlgorithm::from(*algorithm) == only);
        }
        let shared = matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_));
        let id = jwk.common.key_id.clone();
        (!algorithms.is_empty()).then_some(Self { id, algorithms, verifies: key, weak, shared })
    }
}

/// Reads a secret as the original's `PGWS_JWT_SECRET` takes it: a JWK, a set of them, or text.
pub fn read_secret(secret: &[u8]) -> Result<Vec<Key>, String> {
    if secret.is_empty() {
        return Err("is empty".to_owned());
    }
    if secret.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Err("is a key in PEM; write it as a JWK".to_owned());
    }
    // A set first: to the library it is also a JWK, of a type that is not known.
    match read_set(secret) {
        Some(keys) if keys.is_empty() => Err("is a set of JWKs, none of which can verify tokens".to_owned()),
        Some(keys) => Ok(keys),
        None => match serde_json::from_slice::<Jwk>(secret) {
            Ok(jwk) => {
                Key::of_jwk(&jwk).map(|key| vec![key]).ok_or("is a JWK that cannot verify tokens".to_owned())
            }
            // Somebody's JWK with a slip in it, and public: it must not become a secret that anybody could sign with.
            Err(_) if matches!(secret.trim_ascii_start().first(), Some(b'{' | b'[')) => {
                Err("begins as JSON does, but is neither a JWK nor a set of them".to_owned())
            }
            Err(_) => Ok(vec![Key::shared(secret)]),
        },
    }
}

/// Reads a set of JWKs; those that cannot be used are left out. None: it is no set.
pub fn read_set(json: &[u8]) -> Option<Vec<Key>> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(json).ok()?;
    let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    Some(keys.filter_map(|key| Key::of_jwk(&key)).collect())
}

/// A secret in base64 or base64url, with or without padding; the original also takes `.` for padding.
pub fn decode_base64(text: &[u8]) -> Result<Vec<u8>, String> {
    let text = String::from_utf8_lossy(text).trim().replace('.', "=");
    let engines = [&STANDARD, &STANDARD_NO_PAD, &URL_SAFE, &URL_SAFE_NO_PAD];
    let decoded = engines.iter().find_map(|engine| engine.decode(&text).ok());
    decoded.ok_or_else(|| "is not base64".to_owned())
}

/// A token that has the right shape. Nothing in it is true before a key has verified it.
pub struct Token<'a> {
    message: &'a str,
    payload: &'a str,
    signature: &'a str,
    algorithm: Algorithm,
    pub key_id: Option<String>,
}

/// Why a token was refused.
const UNREADABLE: Rejection = Rejection::Token("this is no token");

impl<'a> Token<'a> {
    /// Takes a token apart (RFC 7515, section 7.1).
    pub fn parse(token: &'a str) -> Result<Self, Rejection> {
        #[derive(Deserialize)]
        struct Header {
            alg: Algorithm,
            kid: Option<String>,
            crit: Option<Value>,
        }
        if token.len() > TOKEN_BYTES_MAX {
            return Err(UNREADABLE);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(UNREADABLE)?;
        let (header, payload) = message.split_once('.').ok_or(UNREADABLE)?;
        if payload.contains('.') {
            return Err(UNREADABLE);
        }
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| UNREADABLE)?;
        // `none` is no algorithm, and so not read.
        let header: Header = serde_json::from_slice(&header).map_err(|_| UNREADABLE)?;
        if header.crit.is_some() {
            return Err(Rejection::Token("the token needs an extension that is not known"));
        }
        Ok(Self { message, payload, signature, algorithm: header.alg, key_id: header.kid })
    }

    /// The claims, if one of these keys has signed them.
    pub fn claims(&self, keys: &[Key]) -> Result<Map<String, Value>, Rejection> {
        let fits = |key: &&Key| key.algorithms.contains(&self.algorithm);
        let verifies = |key: &Key| {
            let message = self.message.as_bytes();
            let valid = jsonwebtoken::crypto::verify(self.signature, message, &key.verifies, self.algorithm);
            valid.unwrap_or(false)
        };
        if !keys.iter().filter(fits).any(verifies) {
            return Err(Rejection::Token("JWSInvalidSignature"));
        }
        let claims = URL_SAFE_NO_PAD.decode(self.payload).map_err(|_| UNREADABLE)?;
        serde_json::from_slice(&claims).map_err(|_| UNREADABLE)
    }
}

#[cfg(test)]
mod tests;
