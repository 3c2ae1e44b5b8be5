//! Keys that verify signatures.

use std::ops::RangeInclusive;

use aws_lc_rs::rsa::PublicEncryptingKey;
use aws_lc_rs::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};

use crate::algorithm::Algorithm;
use crate::jws::{Header, Jws};

/// A shared secret is at least as long as the hash it is used with (RFC 7518 §3.2), or it can be guessed
/// offline from any token.
pub const SECRET_BYTES_MIN: usize = 32;

/// Sizes of RSA keys that verify anything; below, forging is a matter of money (RFC 7518 §3.3).
const RSA_BITS: RangeInclusive<usize> = 2048..=8192;

/// One key, for one algorithm. Which one is never taken from a token: that is how a public key once became
/// the secret of an HMAC.
#[derive(Debug, Clone)]
pub struct VerifyingKey {
    /// A token with this `kid` is for this key. A key without an id is tried for any token.
    pub id: Option<String>,
    /// What it verifies.
    pub algorithm: Algorithm,
    key: DecodingKey,
}

/// The claims of a token whose signature was right; there is no other way to come by one.
#[derive(Debug)]
pub struct Authentic(Vec<u8>);

/// Why no key verified a token; the greater says more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Miss {
    /// There is no key it could be for.
    NoKey,
    /// A key it is for is one of another algorithm.
    OtherAlgorithm,
    /// A key of this algorithm says no.
    Signature,
}

impl Authentic {
    #[cfg(test)]
    pub fn for_test(json: &str) -> Self {
        Self(json.as_bytes().to_vec())
    }

    /// The JSON of the claims.
    pub fn claims(&self) -> &[u8] {
        &self.0
    }
}

impl VerifyingKey {
    /// A shared secret, for HS256.
    pub fn from_secret(id: Option<String>, secret: &[u8]) -> Result<Self, String> {
        check_secret(secret)?;
        Ok(Self { id, algorithm: Algorithm::Hs256, key: DecodingKey::from_secret(secret) })
    }

    /// A public key in PEM, as `openssl pkey -pubout` writes it.
    pub fn from_public_pem(id: Option<String>, algorithm: Algorithm, pem: &[u8]) -> Result<Self, String> {
        // The library would also take a private key and the first bits of a certificate.
        let text = String::from_utf8_lossy(pem);
        if text.contains("PRIVATE KEY-----") {
            return Err("this is a private key, which has no place here; write the public one with \
                        `openssl pkey -in private.pem -pubout`"
                .to_owned());
        }
        if !text.contains("-----BEGIN PUBLIC KEY-----") && !text.contains("-----BEGIN RSA PUBLIC KEY-----") {
            return Err("there is no public key in PEM (`-----BEGIN PUBLIC KEY-----`) in it".to_owned());
        }
        let no_key = |_| unfit(algorithm);
        match algorithm {
            Algorithm::Hs256 => Err("HS256 has a shared secret, not a public key".to_owned()),
            Algorithm::Rs256 => {
                let key = DecodingKey::from_rsa_pem(pem).and_then(|key| Jwk::from_decoding_key(&key, None));
                match key.map_err(no_key)?.algorithm {
                    AlgorithmParameters::RSA(key) => Self::from_rsa_components(id, &key.n, &key.e),
                    _ => Err(unfit(algorithm)),
                }
            }
            Algorithm::Es256 => Self::on_p256(id, DecodingKey::from_ec_pem(pem).map_err(no_key)?),
            Algorithm::EdDsa => Self::on_ed25519(id, DecodingKey::from_ed_pem(pem).map_err(no_key)?),
        }
    }

    /// An RSA key by modulus and exponent in base64url (RFC 7518 §6.3.1).
    pub fn from_rsa_components(id: Option<String>, n: &str, e: &str) -> Result<Self, String> {
        let algorithm = Algorithm::Rs256;
        let decode = |part| URL_SAFE_NO_PAD.decode(part).map_err(|_| unfit(algorithm));
        let (n, e) = (decode(n)?, decode(e)?);
        let parsed: Result<PublicEncryptingKey, _> = RsaPublicKeyComponents { n: &n, e: &e }.try_into();
        if !parsed.is_ok_and(|key| RSA_BITS.contains(&key.key_size_bits())) {
            return Err(unfit(algorithm));
        }
        Ok(Self { id, algorithm, key: DecodingKey::from_rsa_raw_components(&n, &e) })
    }

    /// A point on P-256 by its coordinates in base64url (RFC 7518 §6.2.1).
    pub fn from_ec_coordinates(id: Option<String>, x: &str, y: &str) -> Result<Self, String> {
        Self::on_p256(id, DecodingKey::from_ec_components(x, y).map_err(|_| unfit(Algorithm::Es256))?)
    }

    /// An Ed25519 key in base64url (RFC 8037 §2).
    pub fn from_ed25519(id: Option<String>, x: &str) -> Result<Self, String> {
        Self::on_ed25519(id, DecodingKey::from_ed_components(x).map_err(|_| unfit(Algorithm::EdDsa))?)
    }

    fn on_p256(id: Option<String>, key: DecodingKey) -> Result<Self, String> {
        Self { id, algorithm: Algorithm::Es256, key }.proved(&signature::ECDSA_P256_SHA256_FIXED)
    }

    fn on_ed25519(id: Option<String>, key: DecodingKey) -> Result<Self, String> {
        Self { id, algorithm: Algorithm::EdDsa, key }.proved(&signature::ED25519)
    }

    /// Parses the key as verifying will, so that a bad one is found when it is read and not with the first
    /// token.
    fn proved(self, curve: &'static dyn VerificationAlgorithm) -> Result<Self, String> {
        let point = self.key.try_get_as_bytes().map_err(|_| unfit(self.algorithm))?;
        UnparsedPublicKey::new(curve, point).parse().map_err(|_| unfit(self.algorithm))?;
        Ok(self)
    }

    fn is_for(&self, id: Option<&str>) -> bool {
        match (&self.id, id) {
            (Some(own), Some(asked)) => own == asked,
            _ => true,
        }
    }

    fn verify(&self, jws: Jws<'_>) -> Option<Authentic> {
        let valid = jsonwebtoken::crypto::verify(
            jws.signature,
            jws.message.as_bytes(),
            &self.key,
            self.algorithm.into(),
        );
        if valid.unwrap_or(false) { URL_SAFE_NO_PAD.decode(jws.payload).ok().map(Authentic) } else { None }
    }
}

/// Tries the keys that a token may be for.
pub fn verify_with_any(keys: &[VerifyingKey], header: &Header, jws: Jws<'_>) -> Result<Authentic, Miss> {
    let mut miss = Miss::NoKey;
    for key in keys.iter().filter(|key| key.is_for(header.key_id.as_deref())) {
        if key.algorithm != header.algorithm {
            miss = miss.max(Miss::OtherAlgorithm);
        } else if let Some(authentic) = key.verify(jws) {
            return Ok(authentic);
        } else {
            miss = Miss::Signature;
        }
    }
    Err(miss)
}

/// Refuses a secret for HS256 that protects nothing.
pub fn check_secret(secret: &[u8]) -> Result<(), String> {
    if secret.starts_with(b"-----BEGIN") {
        return Err(
            "this is a key in PEM, not a shared secret; name its algorithm and give it as public_key_file"
                .to_owned(),
        );
    }
    if secret.len() < SECRET_BYTES_MIN {
        return Err(format!(
            "the secret has {} bytes and needs {SECRET_BYTES_MIN} or more; make one with `openssl rand -base64 48`",
            secret.len()
        ));
    }
    Ok(())
}

/// jsonwebtoken picks its cryptography at run time, and panics when features of two crates disagree on it.
/// Saying so once is enough; that another caller was first is no error.
pub fn install_provider() {
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}

fn unfit(algorithm: Algorithm) -> String {
    match algorithm {
        Algorithm::Hs256 => "this is no secret for HS256".to_owned(),
        Algorithm::Rs256 => "this is no RSA public key of 2048 to 8192 bits, as RS256 needs".to_owned(),
        Algorithm::Es256 => "this is no public key on the curve P-256, as ES256 needs".to_owned(),
        Algorithm::EdDsa => "this is no Ed25519 public key, as EdDSA needs".to_owned(),
    }
}
