//! Deadlines: one next, whatever waits.

use polysocket_protocol::{CloseDown, close};

use super::{Phase, Session};
use crate::Time;

/// No deadline.
const NEVER: Time = Time(u64::MAX);

impl Session {
    /// When [`timeout`](Self::timeout) is to be called next.
    pub fn deadline(&self) -> Option<Time> {
        let mut next = match self.phase {
            Phase::Closing(at) | Phase::Lingering(at) => at,
            Phase::Over => return None,
            Phase::Held | Phase::Dialing | Phase::Open => NEVER,
        };
        match &self.receiver {
            Some(receiver) if !receiver.beat_due => next = next.min(receiver.beat_at),
            None if !self.abandoned => next = next.min(self.idle_at),
            _ => {}
        }
        if let Some(at) = self.stall_at {
            next = next.min(at);
        }
        (next != NEVER).then_some(next)
    }

    /// Does what is due.
    pub fn timeout(&mut self, now: Time) {
        if self.stall_at.is_some_and(|at| at <= now) {
            self.stall_at = None;
            self.close(now, close::POLICY, "the page does not read");
        }
        match self.phase {
            Phase::Closing(at) if at <= now => self.upstream_closed(now, CloseDown::abnormal()),
            Phase::Lingering(at) if at <= now => return self.finish(),
            _ => {}
        }
        match &mut self.receiver {
            Some(receiver) if receiver.beat_at <= now && !receiver.beat_due => {
                receiver.beat_due = true;
                self.signals.receiver = true;
            }
            None if self.idle_at <= now && !self.abandoned => self.abandon(now),
            _ => {}
        }
    }
}
