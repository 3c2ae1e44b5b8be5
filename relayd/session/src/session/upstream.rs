//! The upstream: when it is dialled, read and written, and what it says.

use polysocket_protocol::{Bytes, CloseDown, Kind, Unit, close, json};

use super::{Phase, Session};
use crate::Time;
use crate::inbox::ToUpstream;

impl Session {
    /// Whether the upstream is to be dialled.
    pub fn wants_dial(&self) -> bool {
        self.phase == Phase::Dialing
    }

    /// The upstream is open.
    pub fn upstream_open(&mut self, protocol: &str, extensions: &str) {
        if self.phase != Phase::Dialing {
            return;
        }
        self.phase = Phase::Open;
        if self.held {
            self.outbox.push(Unit::whole(Kind::Open, json::open_payload(protocol, extensions).into()));
            self.signals.receiver = true;
        }
        self.signals.upstream = true;
    }

    /// Whether the upstream is to be read: there is room for what it says.
    pub fn wants_upstream(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Closing(_))
            && self.outbox.bytes() < self.limits.outbox_bytes_max
    }

    /// A message from the upstream; `text` must be UTF-8.
    pub fn upstream_message(&mut self, now: Time, text: bool, data: Bytes) {
        if self.abandoned || !matches!(self.phase, Phase::Open | Phase::Closing(_)) {
            return;
        }
        if data.len() > self.limits.message_bytes_max {
            return self.close(now, close::TOO_BIG, "message is over the limit");
        }
        self.outbox.push_message(if text { Kind::Text } else { Kind::Binary }, data);
        self.signals.receiver = true;
        if self.outbox.bytes() >= self.limits.outbox_bytes_max && self.stall_at.is_none() {
            self.stall_at = Some(now.plus(self.limits.stall_ms));
        }
    }

    /// The upstream is gone: how, or that it never was there.
    pub fn upstream_closed(&mut self, now: Time, how: CloseDown) {
        if matches!(self.phase, Phase::Lingering(_) | Phase::Over) {
            return;
        }
        self.inbox.shut();
        self.stall_at = None;
        self.signals.senders = true;
        self.signals.upstream = true;
        if self.abandoned {
            return self.finish();
        }
        let told = self.verdict.take().unwrap_or(how);
        self.told = Some(told.code);
        self.outbox.push(Unit::whole(Kind::Close, told.encode()));
        self.phase = Phase::Lingering(now.plus(self.limits.idle_ms));
        self.signals.receiver = true;
    }

    /// What to write to the upstream next.
    pub fn next_up(&mut self, now: Time) -> Option<ToUpstream> {
        if !self.is_open() {
            return None;
        }
        let message = self.inbox.pop()?;
        if let ToUpstream::Close(_) = message {
            self.phase = Phase::Closing(now.plus(self.limits.closing_ms));
        }
        Some(message)
    }

    /// What cost this much was written.
    pub fn upstream_written(&mut self, cost: usize) {
        self.inbox.written(cost);
        self.signals.senders = true;
    }
}
