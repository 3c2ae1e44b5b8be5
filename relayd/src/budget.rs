//! Bytes per second of a token, on this node: a debt in time (GCRA), paid by waiting.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use dashmap::DashMap;
use tokio::time::Instant;

/// How far ahead of its rate a token may be without waiting.
const BURST: Duration = Duration::from_secs(1);

/// What the sessions of one token share.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes_per_second: u64,
    /// When everything spent so far would have been earned.
    paid_at: Mutex<Instant>,
}

impl Budget {
    fn new(bytes_per_second: u64) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), paid_at: Mutex::new(Instant::now()) }
    }

    /// Spends `bytes`; how long whoever spent them must wait before the next. Nobody waits for what others spend
    /// meanwhile, or who waits shortest would have it all.
    pub(crate) fn spend(&self, bytes: usize) -> Duration {
        let now = Instant::now();
        let cost = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second as f64);
        let mut paid_at = self.paid_at.lock().unwrap_or_else(PoisonError::into_inner);
        *paid_at = (*paid_at).max(now) + cost;
        paid_at.duration_since(now).saturating_sub(BURST)
    }
}

/// The budgets in use, by the token's holder.
#[derive(Debug, Default)]
pub(crate) struct Budgets(DashMap<String, Weak<Budget>>);

impl Budgets {
    /// The budget of a holder; all its sessions get the same one.
    pub(crate) fn of(&self, holder: &str, bytes_per_second: u64) -> Arc<Budget> {
        let mut entry = self.0.entry(holder.to_owned()).or_default();
        if let Some(budget) =
            entry.upgrade().filter(|budget| budget.bytes_per_second == bytes_per_second.max(1))
        {
            return budget;
        }
        let budget = Arc::new(Budget::new(bytes_per_second));
        *entry = Arc::downgrade(&budget);
        budget
    }

    /// Forgets those nobody uses.
    pub(crate) fn sweep(&self) {
        self.0.retain(|_, budget| budget.strong_count() > 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_second_is_free_and_then_it_is_waited_for() {
        let budgets = Budgets::default();
        let budget = budgets.of("me", 1000);
        assert_eq!(budget.spend(1000), Duration::ZERO);
        assert_eq!(budgets.of("me", 1000).spend(500), Duration::from_millis(500), "shared");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(budget.spend(1000), Duration::ZERO, "nothing is saved up beyond the burst");
        drop(budget);
        budgets.sweep();
        assert!(budgets.0.is_empty());
    }
}
