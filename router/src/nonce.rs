//! What a repeat of a create is found by.

use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::config::CREATE_TIMEOUT_MAX;

/// How long a repeat finds the create before it: longer than a create may take, and the client's pause before the
/// repeat. Shorter than relays know their requests: then a repeat would open a second socket on the lease of the first,
/// and so have one more than its token allows.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(15);
/// How long relays do (`REMEMBERED` in relayd's `establish`).
const RELAYS_REMEMBER: Duration = Duration::from_secs(20);

const _: () = assert!(CREATE_TIMEOUT_MAX.as_duration().as_millis() < REMEMBERED.as_millis());
const _: () = assert!(REMEMBERED.as_millis() < RELAYS_REMEMBER.as_millis());

/// A nonce as clients choose it.
pub(crate) fn is_nonce(text: &str) -> bool {
    (16..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// The name of the claim. Holder and target are part of it, so that nobody gets another's socket, nor one to another
/// target, by the same nonce. Each part is preceded by its length, so that no two lists of parts are alike.
pub(crate) fn claim_key(holder: &str, target: &str, nonce: &str) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [holder, target, nonce] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces() {
        for text in ["a".repeat(16), "Z".repeat(64), "0123456789_-abcdEF".into()] {
            assert!(is_nonce(&text), "{text}");
        }
        for text in ["a".repeat(15), "a".repeat(65), "a".repeat(16) + "+", "é".repeat(10), String::new()] {
            assert!(!is_nonce(&text), "{text}");
        }
    }

    #[test]
    fn no_two_creates_have_one_key() {
        let keys = [
            claim_key("sub:a", "ws://b/", "n"),
            claim_key("sub:b", "ws://b/", "n"),
            claim_key("sub:a", "ws://c/", "n"),
            claim_key("sub:a", "ws://b/", "m"),
            claim_key("sub:aws", "://b/", "n"),
        ];
        let distinct: std::collections::HashSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert!(keys.iter().all(|key| key.len() == 43), "fits into a registry's nonce");
        assert_eq!(keys[0], claim_key("sub:a", "ws://b/", "n"));
    }
}
