//! How many channels and inboxes a user may bring into being.
//!
//! A channel begins to exist when somebody subscribes to it for the first time, and goes on existing; an inbox leaves
//! traces for a while. Nobody needs many at once, except who wants to fill the memory, or to have everybody else's channels
//! forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Users that are remembered for having created something, all of a mount. One that has created none lately is
/// forgotten first.
const USERS_MAX: usize = 10_000;

/// A bucket for each user: so many at once, so many a second in the long run.
#[derive(Debug)]
pub(crate) struct Creations {
    burst: f64,
    per_second: f64,
    users: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Creations {
    pub(crate) fn new(burst: u32, per_second: f64) -> Self {
        Self { burst: f64::from(burst), per_second, users: Mutex::default() }
    }

    fn refilled(&self, bucket: Bucket, now: Instant) -> f64 {
        let since: Duration = now.saturating_duration_since(bucket.at);
        since.as_secs_f64().mul_add(self.per_second, bucket.left).min(self.burst)
    }

    /// Counts one, if there may be one more.
    pub(crate) fn take(&self, user: &str, now: Instant) -> bool {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if !users.contains_key(user) && users.len() >= USERS_MAX {
            users.retain(|_, bucket| self.refilled(*bucket, now) < self.burst);
            if users.len() >= USERS_MAX {
                return false;
            }
        }
        let bucket = users.entry(user.to_owned()).or_insert(Bucket { left: self.burst, at: now });
        *bucket = Bucket { left: self.refilled(*bucket, now), at: now };
        if bucket.left < 1.0 {
            return false;
        }
        bucket.left -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_a_trickle() {
        let creations = Creations::new(3, 2.0);
        let start = Instant::now();
        let take = |ms| creations.take("u", start + Duration::from_millis(ms));
        assert_eq!([take(0), take(0), take(0), take(0)], [true, true, true, false]);
        assert!(creations.take("v", start));
        assert_eq!([take(400), take(500), take(500)], [false, true, false]);
        assert_eq!([take(60_000), take(60_000), take(60_000), take(60_000)], [true, true, true, false]);
    }

    #[test]
    fn users_are_forgotten_when_they_are_quiet() {
        let creations = Creations::new(2, 1.0);
        let start = Instant::now();
        for user in 0..USERS_MAX {
            assert!(creations.take(&user.to_string(), start));
        }
        assert!(!creations.take("one more", start));
        assert!(creations.take("one more", start + Duration::from_secs(1)));
    }
}
