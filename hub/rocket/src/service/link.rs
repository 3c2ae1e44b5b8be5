//! The order of what a client gets: the answer first, then what its request caused.
//!
//! A broadcast comes back to its sender when that is subscribed, and may do so before the broker has said where it was
//! published. So while a request is under way messages are held back; the answer lets them go.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use polysocket_socket::{Sender, text_frame};

/// RFC 6455, section 7.4.1: a policy was violated.
pub(super) const POLICY: u16 = 1008;

/// A connection as its conversation and its subscriptions see it.
#[derive(Debug)]
pub(super) struct Link {
    sender: Sender,
    held: Mutex<Held>,
    /// As many bytes may be held as may be queued for the connection.
    held_bytes_max: usize,
}

#[derive(Debug, Default)]
struct Held {
    holding: bool,
    frames: Vec<Bytes>,
    bytes: usize,
}

impl Link {
    pub(super) fn new(sender: Sender, held_bytes_max: usize) -> Self {
        Self { sender, held: Mutex::default(), held_bytes_max }
    }

    pub(super) fn sender(&self) -> &Sender {
        &self.sender
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on messages wait for the answer.
    pub(super) fn hold(&self) {
        self.held().holding = true;
    }

    /// What a subscription may be given of the past: half of what may be queued, so that the answer before it and what
    /// comes after it find room, too.
    pub(super) fn past_bytes_max(&self) -> usize {
        self.held_bytes_max / 2
    }

    /// Sends an answer, then what belongs to it, then what was held back.
    pub(super) fn answer(&self, text: &[u8], with: Vec<Bytes>) {
        let frame = text_frame(text);
        let mut held = self.held();
        self.sender.send(frame);
        for frame in with.into_iter().chain(std::mem::take(&mut *held).frames) {
            self.sender.send(frame);
        }
    }

    /// Sends a message of a subscription that has not ended.
    pub(super) fn pass(&self, ended: &AtomicBool, frame: Bytes) {
        let mut held = self.held();
        if ended.load(Ordering::Relaxed) {
            return;
        }
        if !held.holding {
            self.sender.send(frame);
            return;
        }
        if held.bytes > self.held_bytes_max {
            // The same end as that of a client which does not keep up.
            self.sender.close(POLICY, "slow consumer");
            return;
        }
        held.bytes += frame.len();
        held.frames.push(frame);
    }

    /// Ends a subscription: nothing of it is passed after this returns.
    pub(super) fn end(&self, ended: &AtomicBool) {
        let _order = self.held();
        ended.store(true, Ordering::Relaxed);
    }
}
