//! The relay's clock, as the session core wants it.

use polysocket_session::Time;
use tokio::time::{Duration, Instant};

/// Counts from the relay's start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now(self) -> Time {
        Time(u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// The moment at which [`now`](Self::now) is at least `time`.
    pub(crate) fn instant(self, time: Time) -> Instant {
        self.0 + Duration::from_millis(time.0)
    }
}
