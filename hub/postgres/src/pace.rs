//! How fast one client is read. Pure: the time is passed in.

use std::time::Duration;

use tokio::time::Instant;

/// Lets so many messages through in a second, and a burst of them after a pause. A client that is faster is read later
/// and not closed: what it said while the database was away comes all at once, and is no flood.
#[derive(Debug)]
pub struct Pace {
    per_second: u32,
    burst: u32,
    /// When all of the burst is there again.
    full: Instant,
}

impl Pace {
    /// 0 in a second is no limit.
    pub fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        Self { per_second, burst: burst.max(1), full: now }
    }

    /// One more message came: how long to wait before it is looked at.
    pub fn wait(&mut self, now: Instant) -> Duration {
        if self.per_second == 0 {
            return Duration::ZERO;
        }
        let each = Duration::from_secs(1) / self.per_second;
        self.full = self.full.max(now) + each;
        // The burst holds `burst` of them; `full` is as far ahead as they are used up.
        (self.full - now).saturating_sub(each * self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_so_many_in_a_second() {
        let now = Instant::now();
        let mut pace = Pace::new(100, 5, now);
        let waits: Vec<u128> = (0..8).map(|_| pace.wait(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 10, 20, 30]);
        let later = now + Duration::from_millis(80);
        assert_eq!((0..7).map(|_| pace.wait(later).as_millis()).collect::<Vec<_>>(), [0, 0, 0, 0, 0, 10, 20]);
        let mut pace = Pace::new(0, 0, now);
        assert!((0..1000).all(|_| pace.wait(now) == Duration::ZERO));
    }
}
