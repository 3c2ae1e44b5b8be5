//! Secrets of users: any, plain, or hashed. Compared so that the time tells nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, ParamsBuilder, Version};
use aws_lc_rs::{constant_time, digest};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::wire::Reason;

/// The most memory a hash in a configuration may ask for, KiB. Each check takes it anew.
const HASH_KIB_MAX: u32 = 256 * 1024;
/// The most passes it may ask for.
const HASH_PASSES_MAX: u32 = 16;

/// What a user must know.
#[derive(Clone)]
pub(crate) enum Secret {
    /// The original's empty secret: whatever is said is right.
    Any,
    /// SHA-256 of the secret: of one length, and the time of a comparison tells nothing of the secret.
    Plain([u8; digest::SHA256_OUTPUT_LEN]),
    /// Argon2id (RFC 9106) in the PHC string format.
    Hashed(Arc<str>),
}

/// Never what it is: that of a weak one would help to find it.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::Plain(_) => "plain",
            Self::Hashed(_) => "hashed",
        })
    }
}

fn sha256(text: &str) -> [u8; digest::SHA256_OUTPUT_LEN] {
    let mut out = [0; digest::SHA256_OUTPUT_LEN];
    out.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    out
}

impl Secret {
    /// As the original's configuration has it.
    pub(crate) fn plain(secret: &str) -> Self {
        if secret.is_empty() { Self::Any } else { Self::Plain(sha256(secret)) }
    }

    /// A hash that [`check_hash`] found good.
    pub(crate) fn hashed(phc: &str) -> Self {
        Self::Hashed(phc.into())
    }

    /// Whether `said` is right.
    pub(crate) async fn verify(&self, said: &str, checks: &HashChecks) -> Result<bool, Reason> {
        match self {
            Self::Any => Ok(true),
            Self::Plain(hash) => Ok(constant_time::verify_slices_are_equal(hash, &sha256(said)).is_ok()),
            Self::Hashed(phc) => checks.verify(phc.clone(), said.to_owned()).await,
        }
    }
}

/// Checks of hashes, which cost memory and time on purpose: a few at the same time, the others wait.
#[derive(Debug)]
pub(crate) struct HashChecks {
    places: Arc<Semaphore>,
    within: Duration,
}

impl HashChecks {
    pub(crate) fn new(at_once: usize, within: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(at_once)), within }
    }

    async fn verify(&self, phc: Arc<str>, said: String) -> Result<bool, Reason> {
        let checked = timeout(self.within, async {
            let place = self.places.clone().acquire_owned().await.ok()?;
            let check = tokio::task::spawn_blocking(move || {
                // The place is free when the work is done, also when nobody waits for it any more.
                let _place = place;
                let hash = PasswordHash::new(&phc).ok()?;
                Some(Argon2::default().verify_password(said.as_bytes(), &hash).is_ok())
            });
            check.await.ok().flatten()
        });
        checked.await.ok().flatten().ok_or(Reason::Unavailable)
    }
}

/// Whether a hash in a configuration can be checked, and at a price that can be paid.
pub(crate) fn check_hash(phc: &str) -> Result<(), String> {
    let hash = PasswordHash::new(phc)
        .map_err(|_| "is no hash in PHC format; make one with `polysocket rocket -hash-secret`")?;
    if hash.algorithm.as_str() != "argon2id" {
        return Err("is not made by argon2id, the only algorithm that is taken".into());
    }
    if hash.salt.is_none() || hash.hash.is_none() {
        return Err("has no salt or no hash in it; copy the whole line".into());
    }
    let cost = |name: &str| hash.params.get_decimal(name).unwrap_or(u32::MAX);
    if cost("m") > HASH_KIB_MAX || cost("t") > HASH_PASSES_MAX {
        return Err(format!("asks for more than {HASH_KIB_MAX} KiB (m) or {HASH_PASSES_MAX} passes (t)"));
    }
    Ok(())
}

/// The hash of a secret for `secret_hash`: argon2id with 19 MiB, two passes and one lane (OWASP's second choice of
/// 2023), a salt of its own, in PHC format. None when the system gives no randomness.
pub fn hash_secret(secret: &str) -> Option<String> {
    hash_with(secret, 19 * 1024, 2)
}

fn hash_with(secret: &str, kib: u32, passes: u32) -> Option<String> {
    let params = ParamsBuilder::new().m_cost(kib).t_cost(passes).p_cost(1).build().ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    argon2.hash_password(secret.as_bytes()).ok().map(|hash| hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checks() -> HashChecks {
        HashChecks::new(1, Duration::from_secs(30))
    }

    #[tokio::test]
    async fn three_kinds() {
        let hashed = Secret::hashed(&hash_with("päss", 64, 1).expect("hashed"));
        for (secret, right, wrong) in [
            (Secret::plain(""), vec!["", "x"], vec![]),
            (Secret::plain("s"), vec!["s"], vec!["", "S", "s ", "ss"]),
            (hashed, vec!["päss"], vec!["", "pass", "päss "]),
        ] {
            for said in right {
                assert_eq!(secret.verify(said, &checks()).await, Ok(true), "{secret:?} {said}");
            }
            for said in wrong {
                assert_eq!(secret.verify(said, &checks()).await, Ok(false), "{secret:?} {said}");
            }
        }
    }

    #[tokio::test]
    async fn who_has_to_wait_too_long_is_told_so() {
        let checks = HashChecks::new(1, Duration::from_millis(1));
        let _taken = checks.places.clone().acquire_owned().await.expect("a place");
        let secret = Secret::hashed(&hash_with("s", 64, 1).expect("hashed"));
        assert_eq!(secret.verify("s", &checks).await, Err(Reason::Unavailable));
    }

    #[test]
    fn hashes_of_others() {
        let ok = hash_with("s", 64, 1).expect("hashed");
        assert!(ok.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{ok}");
        assert_eq!(check_hash(&ok), Ok(()));
        for bad in [
            "",
            "secret",
            "$2b$12$abcdefghijklmnopqrstuv",
            "$argon2i$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ",
            "$argon2id$v=19$m=9999999,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
            "$argon2id$v=19$m=64,t=99,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA",
        ] {
            assert!(check_hash(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?}", Secret::plain("hunter2")), "plain");
    }
}
