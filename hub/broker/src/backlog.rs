//! How much waits to be delivered in this process, of all topics together.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

pub(crate) struct Backlog {
    bytes: AtomicUsize,
    bytes_max: usize,
    smaller: Notify,
}

impl Backlog {
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes: AtomicUsize::new(0), bytes_max, smaller: Notify::new() }
    }

    /// Adds so much, if it fits. Nothing at all always fits.
    pub fn add(&self, bytes: usize) -> bool {
        if bytes == 0 {
            return true;
        }
        let fits = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes <= self.bytes_max;
        if !fits {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        fits
    }

    pub fn remove(&self, bytes: usize) {
        if bytes > 0 {
            let was = self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            let half = self.bytes_max / 2;
            if was > half && was - bytes <= half {
                self.smaller.notify_waiters();
            }
        }
    }

    /// Until it is less than half full: those who wait are few enough to fit in the other half.
    pub async fn room(&self) {
        while !self.has_room() {
            let smaller = self.smaller.notified();
            tokio::pin!(smaller);
            smaller.as_mut().enable();
            // It may have become smaller before this one listened.
            if !self.has_room() {
                smaller.await;
            }
        }
    }

    pub fn has_room(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) <= self.bytes_max / 2
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn who_waits_goes_on_when_half_is_gone() {
        let backlog = Arc::new(Backlog::new(100));
        assert!(backlog.add(60) && backlog.add(40) && !backlog.add(1) && backlog.add(0));
        let waits = tokio::spawn({
            let backlog = backlog.clone();
            async move { backlog.room().await }
        });
        tokio::task::yield_now().await;
        backlog.remove(40);
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        backlog.remove(60);
        waits.await.expect("it goes on");
    }
}
