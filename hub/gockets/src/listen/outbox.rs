//! What waits for a listener by HTTP, bounded in bytes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Items in order, from the broker's calls to a request's task.
pub(crate) struct Outbox<T> {
    // Held for moments; nothing is awaited under it.
    state: Mutex<State<T>>,
    bytes_max: usize,
    changed: Notify,
}

struct State<T> {
    items: VecDeque<(usize, T)>,
    bytes: usize,
    ended: bool,
}

impl<T> Outbox<T> {
    /// An empty one. It holds at most so many bytes, and one item more of any size.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let state = State { items: VecDeque::new(), bytes: 0, ended: false };
        Self { state: Mutex::new(state), bytes_max, changed: Notify::new() }
    }

    /// Adds an item. Where more waits already than may, the outbox ends instead: what waits is still given, so that
    /// whoever comes back after the last of it has come further. False then.
    pub(crate) fn add(&self, bytes: usize, item: T) -> bool {
        let mut state = self.state();
        if state.ended {
            return false;
        }
        let fits = state.bytes <= self.bytes_max;
        if fits {
            state.bytes += bytes;
            state.items.push_back((bytes, item));
        } else {
            state.ended = true;
        }
        drop(state);
        self.changed.notify_one();
        fits
    }

    /// Nothing more will come.
    pub(crate) fn end(&self) {
        self.state().ended = true;
        self.changed.notify_one();
    }

    /// What is there now, at most `max`.
    pub(crate) fn take(&self, max: usize) -> Vec<T> {
        let mut state = self.state();
        let some = state.items.len().min(max);
        let taken: Vec<(usize, T)> = state.items.drain(..some).collect();
        state.bytes -= taken.iter().map(|(bytes, _)| bytes).sum::<usize>();
        taken.into_iter().map(|(_, item)| item).collect()
    }

    /// Until there is something, or it has ended: false.
    pub(crate) async fn some(&self) -> bool {
        loop {
            let changed = self.changed.notified();
            {
                let state = self.state();
                if !state.items.is_empty() || state.ended {
                    return !state.items.is_empty();
                }
            }
            changed.await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn in_order_and_bounded() {
        let outbox = Outbox::new(10);
        assert!(outbox.add(10, "full") && outbox.add(100, "and one more"));
        assert!(!outbox.add(1, "no room"));
        assert!(outbox.some().await);
        assert_eq!(outbox.take(9), ["full", "and one more"]);
        assert!(!outbox.some().await, "it has ended");
        let outbox = Outbox::new(10);
        for item in ["a", "b", "c"] {
            assert!(outbox.add(3, item));
        }
        assert_eq!(outbox.take(2), ["a", "b"]);
        assert!(outbox.add(7, "d"));
        outbox.end();
        assert!(outbox.some().await, "what waits is given before the end");
        assert_eq!(outbox.take(9), ["c", "d"]);
        assert!(!outbox.some().await && !outbox.add(1, "late"));
    }
}
