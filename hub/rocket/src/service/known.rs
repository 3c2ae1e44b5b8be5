//! Channels that existed a moment ago.
//!
//! A backend broadcasts without being subscribed, so that every message of its would ask the broker first whether the
//! channel exists: over Redis that is a second round trip. Channels go only when nobody has used them for long.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long it is taken for granted. Far less than any broker remembers a channel.
const GRANTED: Duration = Duration::from_secs(5);
/// Channels of a hub that are remembered; then all are asked for anew.
const CHANNELS_MAX: usize = 4096;

/// The names, and when the broker was asked.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashMap<Box<str>, Instant>>);

impl Known {
    pub(super) fn has(&self, channel: &str, now: Instant) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(channel).is_some_and(|asked| now.saturating_duration_since(*asked) < GRANTED)
    }

    pub(super) fn add(&self, channel: &str, now: Instant) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= CHANNELS_MAX {
            known.clear();
        }
        known.insert(channel.into(), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn for_a_moment_and_so_many() {
        let known = Known::default();
        let start = Instant::now();
        assert!(!known.has("c", start));
        known.add("c", start);
        assert!(known.has("c", start + Duration::from_millis(4999)));
        assert!(!known.has("c", start + GRANTED));
        for n in 0..CHANNELS_MAX {
            known.add(&n.to_string(), start);
        }
        assert!(!known.has("c", start));
        assert!(known.0.lock().expect("unlocked").len() <= CHANNELS_MAX);
    }
}
