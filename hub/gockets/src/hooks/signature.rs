//! Signatures as in Standard Webhooks 1.0 (standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`.

use std::fmt;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What its text begins with.
const PREFIX: &str = "whsec_";
/// The specification asks for 24 to 64 bytes.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A symmetric secret. Written `whsec_` and base64; never shown by `{:?}`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// Why a text is no secret. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a secret is `whsec_` and 24 to 64 bytes in base64; make one with `echo whsec_$(openssl rand -base64 32)`"
)]
pub struct NotASecret;

impl Secret {
    /// A new one of 32 bytes.
    pub fn random() -> Self {
        let mut bytes = vec![0; 32];
        getrandom::fill(&mut bytes).expect("the operating system has randomness");
        Self(bytes)
    }

    /// Reads `whsec_…`.
    pub fn parse(text: &str) -> Result<Self, NotASecret> {
        let encoded = text.strip_prefix(PREFIX).ok_or(NotASecret)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NotASecret)?;
        if BYTES.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(NotASecret) }
    }

    /// In text, for whoever is to verify with it.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// One signature: `v1,` and base64.
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, &self.0));
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.sign()))
    }
}

/// The value of `webhook-signature`: one signature for each secret, so that secrets can be changed without a gap.
pub fn signatures(secrets: &[Secret], id: &str, timestamp: u64, body: &[u8]) -> String {
    let each: Vec<String> = secrets.iter().map(|secret| secret.sign(id, timestamp, body)).collect();
    each.join(" ")
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.reveal())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn signs_as_the_reference_does() {
        // The test vector of the reference libraries.
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_signs() {
        let secrets = [Secret::random(), Secret::random()];
        let line = signatures(&secrets, "msg_1", 1, b"x");
        let both: Vec<&str> = line.split(' ').collect();
        assert_eq!(both, [secrets[0].sign("msg_1", 1, b"x"), secrets[1].sign("msg_1", 1, b"x")]);
        assert_ne!(both[0], both[1]);
    }

    #[test]
    fn reads_what_it_writes_and_nothing_weak() {
        let secret = Secret::random();
        assert_eq!(Secret::parse(&secret.reveal()), Ok(secret.clone()));
        assert!(!format!("{secret:?}").contains(&secret.reveal()[6..12]));
        let weak = format!("whsec_{}", STANDARD.encode([1; 23]));
        let huge = format!("whsec_{}", STANDARD.encode([1; 65]));
        for text in ["", "whsec_", &weak, &huge, "whsec_***", &secret.reveal()[6..]] {
            assert_eq!(Secret::parse(text), Err(NotASecret), "{text}");
        }
    }
}
