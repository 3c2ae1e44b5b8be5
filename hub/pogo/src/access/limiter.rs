//! How many requests somebody may make: so many in a second on average, some more at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Names that are counted at the same time; those that made no request lately are forgotten first.
const NAMES_MAX: usize = 100_000;

/// Token buckets by name, each kept as the moment at which it will be full again (generic cell rate algorithm).
#[derive(Debug)]
pub(crate) struct Limiter<K> {
    /// What one request costs; none: no limit.
    each: Option<Duration>,
    /// What an unused bucket has.
    burst: Duration,
    full_at: Mutex<HashMap<K, Instant>>,
}

impl<K: Hash + Eq> Limiter<K> {
    /// `per_second` of 0 is no limit.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let each = Duration::from_secs(1).checked_div(per_second);
        let burst = each.unwrap_or_default().saturating_mul(burst.max(1));
        Self { each, burst, full_at: Mutex::default() }
    }

    /// Takes one request's share; false: there is none left.
    pub(crate) fn take(&self, name: K) -> bool {
        let Some(each) = self.each else { return true };
        let now = Instant::now();
        let mut all = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= NAMES_MAX {
            all.retain(|_, full_at| *full_at > now);
        }
        if all.len() >= NAMES_MAX && !all.contains_key(&name) {
            // So many are busy at once that nothing can be said of one more.
            return false;
        }
        let slot = all.entry(name).or_insert(now);
        let full_at = (*slot).max(now) + each;
        let allowed = full_at - now <= self.burst;
        if allowed {
            *slot = full_at;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_has_a_burst_and_then_the_rate() {
        let limiter = Limiter::new(10, 5);
        let taken = |name: &'static str| (0..100).take_while(|_| limiter.take(name)).count();
        assert_eq!((taken("a"), taken("b"), taken("a")), (5, 5, 0));
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(taken("a"), 2);
        let none = Limiter::new(0, 0);
        assert!((0..1000).all(|_| none.take("a")));
    }
}
