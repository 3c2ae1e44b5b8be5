//! Keys made for one test run, and tokens forged with another library's encoder, so that a mistake of ours in
//! both directions cannot hide.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::unwrap_used)]

pub mod issuer;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header};
use polysocket_tokens::{Algorithm, JwtKey, SigningKey};
use serde_json::{Value, json};

/// A key of any kind, with what each side needs of it.
pub struct TestKey {
    pub id: String,
    pub algorithm: Algorithm,
    /// The private key in PEM, or the secret.
    pub private: String,
    /// The public key in PEM; empty for a secret.
    pub public: String,
}

impl TestKey {
    pub fn new(id: &str, algorithm: Algorithm) -> Self {
        let (private, public) = match algorithm {
            Algorithm::Hs256 => (format!("{id}-0123456789abcdef0123456789abcdef"), String::new()),
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
                let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
                (pem("PRIVATE KEY", private.as_ref()), pem("PUBLIC KEY", public.as_ref()))
            }
            Algorithm::Es256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
                let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
                (pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref()), pem("PUBLIC KEY", public.as_ref()))
            }
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::generate().unwrap();
                let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap();
                (pem("PRIVATE KEY", pair.to_pkcs8v1().unwrap().as_ref()), pem("PUBLIC KEY", public.as_ref()))
            }
        };
        Self { id: id.to_owned(), algorithm, private, public }
    }

    pub fn signing(&self) -> SigningKey {
        let key = match self.algorithm {
            Algorithm::Hs256 => SigningKey::from_secret(self.private.as_bytes()),
            _ => SigningKey::from_private_pem(self.private.as_bytes()),
        };
        key.unwrap().with_id(&self.id)
    }

    /// The row of the configuration that trusts this key.
    pub fn row(&self) -> JwtKey {
        let secret = self.algorithm == Algorithm::Hs256;
        JwtKey {
            id: Some(self.id.clone()),
            algorithm: Some(self.algorithm),
            secret: secret.then(|| self.private.clone()),
            public_key_file: (!secret).then(|| file(&self.public)),
            ..JwtKey::default()
        }
    }

    pub fn encoding(&self) -> EncodingKey {
        let pem = self.private.as_bytes();
        match self.algorithm {
            Algorithm::Hs256 => EncodingKey::from_secret(pem),
            Algorithm::Rs256 => EncodingKey::from_rsa_pem(pem).unwrap(),
            Algorithm::Es256 => EncodingKey::from_ec_pem(pem).unwrap(),
            Algorithm::EdDsa => EncodingKey::from_ed_pem(pem).unwrap(),
        }
    }

    /// The key for a JWK set.
    pub fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.encoding(), self.algorithm.into()).unwrap();
        jwk.common.key_id = Some(self.id.clone());
        serde_json::to_value(jwk).unwrap()
    }

    /// A token with these claims, whatever they are, and this `kid`.
    pub fn sign(&self, kid: Option<&str>, claims: &Value) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(self.algorithm.into()) };
        jsonwebtoken::encode(&header, claims, &self.encoding()).unwrap()
    }
}

/// Claims that pass under the rules of the tests, changed by `change`; a `null` there takes a claim away.
pub fn claims(change: &Value) -> Value {
    let mut claims = json!({
        "iss": "https://issuer.example", "aud": "relay", "sub": "user-7", "exp": now() + 600,
        "targets": ["wss://chat.example.com"],
    });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

/// A token put together without any key.
pub fn unsigned(header: &str, claims: &Value, signature: &[u8]) -> String {
    let claims = URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("{}.{claims}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(signature))
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// A file of the test run with this content.
pub fn file(content: &str) -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, content).unwrap();
    path
}
