//! Counters for the metrics page.

use std::sync::atomic::{AtomicU64, Ordering};

/// A moment of a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Whether it can be reached, as far as known.
    pub reachable: bool,
    /// Connections made since the start; more than one means that some were lost.
    pub connects: u64,
    /// Asks of this process that wait for an answer now.
    pub asks_waiting: u64,
    /// Asks refused because a relay of this process does not take them as fast as they come.
    pub asks_refused: u64,
    /// Cancels and refusals that were not sent, because there were too many at once or no connection.
    pub notices_dropped: u64,
    /// Messages that could not be read.
    pub messages_ignored: u64,
}

/// What counts up.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub connects: Count,
    pub asks_refused: Count,
    pub notices_dropped: Count,
    pub messages_ignored: Count,
}

/// A counter that guards nothing, hence relaxed.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
