//! How many messages a client may send: so many in a second on average, some more at once.

use std::time::Duration;

use tokio::time::Instant;

/// A token bucket, kept as the moment at which it will be full again (generic cell rate algorithm).
#[derive(Debug)]
pub(crate) struct Flood {
    /// What one message costs; none: no limit.
    each: Option<Duration>,
    /// What an unused bucket has.
    burst: Duration,
    full_at: Instant,
}

impl Flood {
    pub(crate) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let each = Duration::from_secs(1).checked_div(per_second);
        Self { each, burst: each.unwrap_or_default().saturating_mul(burst), full_at: now }
    }

    /// Takes one message's share; false: there is none left.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let Some(each) = self.each else { return true };
        let full_at = self.full_at.max(now) + each;
        let allowed = full_at - now <= self.burst;
        if allowed {
            self.full_at = full_at;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_the_rate() {
        let start = Instant::now();
        let mut flood = Flood::new(10, 5, start);
        let taken = |flood: &mut Flood, now| (0..100).take_while(|_| flood.take(now)).count();
        assert_eq!(taken(&mut flood, start), 5);
        assert_eq!(taken(&mut flood, start + Duration::from_millis(99)), 0);
        assert_eq!(taken(&mut flood, start + Duration::from_millis(100)), 1);
        assert_eq!(taken(&mut flood, start + Duration::from_millis(350)), 2);
        assert_eq!(taken(&mut flood, start + Duration::from_secs(60)), 5);
    }

    #[test]
    fn zero_is_no_limit() {
        let now = Instant::now();
        let mut flood = Flood::new(0, 0, now);
        assert!((0..10_000).all(|_| flood.take(now)));
    }
}
