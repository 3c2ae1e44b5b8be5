//! The key all nodes of a cluster share.

use aws_lc_rs::{constant_time, hmac, rand};
use polysocket_config::{Problem, section};

section! {
    /// What all routers and relays of one cluster have in common.
    pub struct ClusterConfig = "cluster" check check {
        /// Signs socket ids, so that any node can refuse an id that was never issued. At least 32 characters, the
        /// same on all nodes. Without it every process makes its own, which is right for a single process only.
        secret: Option<String> = None,
    }
}

fn check(config: &ClusterConfig, problems: &mut Vec<Problem>) {
    if config.secret.as_ref().is_some_and(|secret| secret.len() < 32) {
        problems.push(Problem::new(
            "cluster.secret",
            "is shorter than 32 characters; make one with `openssl rand -hex 32`",
        ));
    }
}

/// Signs and checks socket ids.
#[derive(Clone)]
pub struct ClusterKey(hmac::Key);

impl ClusterKey {
    /// From the configured secret, or a random one for this process.
    pub fn new(config: &ClusterConfig) -> Self {
        let mut random = [0u8; 32];
        let secret = if let Some(secret) = &config.secret {
            secret.as_bytes()
        } else {
            // A process that has no randomness must not issue ids at all.
            rand::fill(&mut random).expect("the operating system has randomness");
            &random
        };
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The short MAC of `bytes`.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 8] {
        let mut mac = [0; 8];
        mac.copy_from_slice(&hmac::sign(&self.0, bytes).as_ref()[..8]);
        mac
    }

    /// Whether `mac` is that of `bytes`, in constant time.
    pub fn verify(&self, bytes: &[u8], mac: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.sign(bytes), mac).is_ok()
    }
}

impl std::fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClusterKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_secret_verifies_and_another_does_not() {
        let key =
            |secret: Option<&str>| ClusterKey::new(&ClusterConfig { secret: secret.map(str::to_owned) });
        let (one, other) = (key(Some(&"a".repeat(32))), key(Some(&"b".repeat(32))));
        let mac = one.sign(b"id");
        assert!(key(Some(&"a".repeat(32))).verify(b"id", &mac));
        assert!(!other.verify(b"id", &mac) && !one.verify(b"other", &mac) && !key(None).verify(b"id", &mac));
    }
}
