//! How many connections there may be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::HttpMetrics;

/// The places of all listeners of a server.
pub(crate) struct Places {
    most: usize,
    taken: AtomicUsize,
    metrics: HttpMetrics,
}

impl Places {
    pub(crate) fn new(most: usize, metrics: &HttpMetrics) -> Arc<Self> {
        Arc::new(Self { most, taken: AtomicUsize::new(0), metrics: metrics.clone() })
    }

    /// A place for a connection, if there is one left.
    pub(crate) fn take(self: &Arc<Self>) -> Option<Place> {
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.taken.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        self.metrics.open.inc();
        Some(Place(self.clone()))
    }
}

/// One place. It goes with the connection's socket wherever that goes, also when it becomes a WebSocket, and is given
/// back when it is dropped.
pub(crate) struct Place(Arc<Places>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.open.dec();
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Place")
    }
}
