//! How long to wait before the next attempt. Pure but for its randomness.

use std::time::Duration;

use rand::Rng;

/// Pauses that double, each shortened by a random part of up to a half, so that nodes do not all come at once.
#[derive(Debug, Clone)]
pub struct Retry {
    first: Duration,
    longest: Duration,
    /// Failures in a row.
    failures: u32,
}

impl Retry {
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// It worked.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// Failures in a row so far.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// It failed again: how long to wait.
    pub fn pause(&mut self) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.failures.min(20));
        self.failures = self.failures.saturating_add(1);
        doubled.min(self.longest).mul_f64(rand::rng().random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_longest() {
        let (first, longest) = (Duration::from_millis(100), Duration::from_millis(500));
        let mut retry = Retry::new(first, longest);
        for expected in [100, 200, 400, 500, 500] {
            let pause = retry.pause();
            let expected = Duration::from_millis(expected);
            assert!(pause <= expected && pause >= expected / 2, "{pause:?} {expected:?}");
        }
        assert_eq!(retry.failures(), 5);
        retry.reset();
        assert!(retry.pause() <= first);
    }
}
