//! How many creates per second: the generic cell rate algorithm (GCRA, ITU-T I.371), as a virtual schedule.
//!
//! One number per holder: the time at which the next cell is due, if they came evenly. A create is early if it comes
//! before that by more than the tolerance. Both implementations take their numbers from here; Redis runs the same
//! three lines in `admit.lua`.

use std::time::Duration;

/// Slowest rate: one in a day.
const INTERVAL_MAX: Duration = Duration::from_secs(86_400);
/// Fastest rate: a million in a second, which is none at all.
const INTERVAL_MIN: Duration = Duration::from_micros(1);

/// A rate with its burst.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Between two creates that come evenly. Whole microseconds.
    pub interval: Duration,
    /// How early one may be: `(burst - 1) * interval`.
    pub tolerance: Duration,
}

/// When never is the answer, what is said of when.
pub(crate) const NEVER_MS: u64 = 86_400_000;

impl Rate {
    /// `None` for a rate of zero, which admits nothing. `per_second` is finite and not negative.
    ///
    /// The burst is one second's worth, but at least one. Intervals are rounded up, so that an average is never
    /// exceeded.
    pub fn per_second(per_second: f64) -> Option<Self> {
        if per_second <= 0.0 {
            return None;
        }
        let seconds = (1.0 / per_second).clamp(INTERVAL_MIN.as_secs_f64(), INTERVAL_MAX.as_secs_f64());
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1 to 86.4e9 by the clamp"
        )]
        let interval = Duration::from_micros((seconds * 1e6).ceil() as u64);
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "1 to a million by the clamp"
        )]
        let burst = per_second.floor().clamp(1.0, 1e6) as u32;
        Some(Self { interval, tolerance: interval * (burst - 1) })
    }

    /// Takes one at `now`. `due` is the state, on the same axis; returns the new one, or how long to wait.
    pub fn take(self, due: Duration, now: Duration) -> Result<Duration, Duration> {
        let wait = due.saturating_sub(self.tolerance).saturating_sub(now);
        if wait.is_zero() { Ok(due.max(now) + self.interval) } else { Err(wait) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_evenly_spaced_creates_and_one_burst() {
        let rate = Rate::per_second(4.0).expect("a rate");
        assert_eq!(rate.interval, Duration::from_millis(250));
        let now = Duration::from_secs(100);
        let mut due = Duration::ZERO;
        for _ in 0..4 {
            due = rate.take(due, now).expect("within the burst");
        }
        assert_eq!(rate.take(due, now), Err(Duration::from_millis(250)));
        assert!(rate.take(due, now + Duration::from_millis(249)).is_err());
        assert!(rate.take(due, now + Duration::from_millis(250)).is_ok());
    }

    #[test]
    fn fractions_and_extremes() {
        assert_eq!(Rate::per_second(0.0), None);
        let rate = Rate::per_second(0.5).expect("a rate");
        assert_eq!((rate.interval, rate.tolerance), (Duration::from_secs(2), Duration::ZERO));
        assert_eq!(Rate::per_second(3.0).expect("a rate").interval, Duration::from_micros(333_334));
        assert_eq!(Rate::per_second(1e-30).expect("a rate").interval, INTERVAL_MAX);
        assert_eq!(Rate::per_second(1e30).expect("a rate").interval, INTERVAL_MIN);
    }
}
