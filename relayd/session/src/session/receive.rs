//! What the page receives: receivers that come and go, units that are read, and acks that remove them.

use polysocket_protocol::Word;
use polysocket_protocol::limits::PAUSE_MS_MAX;

use super::{Attached, Phase, Session};
use crate::Time;
use crate::receiver::{Attach, Batch, Receiver, ReceiverId, Style, Take};

/// Most repeats of a parked poll that share it.
const HOLDERS_MAX: u8 = 4;

impl Session {
    /// A receiver comes. It replaces the one before, unless it is a repeat.
    pub fn attach(&mut self, now: Time, request: &Attach) -> Result<Attached, Word> {
        self.check_alive()?;
        if let Some(number) = request.ack {
            let stale = number < self.outbox.acked() && request.style == Style::Poll;
            self.ack_units(number)?;
            if stale {
                return Ok(Attached::Stale);
            }
        }
        if self.is_over() || (!request.told && self.ended() && !self.outbox.has_messages()) {
            self.finish();
            return Err(Word::Gone);
        }
        self.idle_ms = request.pause_ms.map_or(self.limits.idle_ms, |ms| ms.min(PAUSE_MS_MAX));
        if request.dial && self.phase == Phase::Held {
            self.phase = Phase::Dialing;
            self.signals.upstream = true;
        }
        if let Some(parked) = self.repeated(request) {
            parked.holders += 1;
            return Ok(Attached::Receiver(parked.id));
        }
        self.receivers = self.receivers.wrapping_add(1);
        let id = ReceiverId(self.receivers);
        self.signals.receiver |= self.receiver.is_some();
        self.receiver = Some(Receiver {
            id,
            style: request.style,
            consumes: request.ack.is_none(),
            told: request.told,
            poll: request.poll,
            holders: 1,
            cursor: self.outbox.acked() + 1,
            ttl_ms: request.ttl_ms,
            beat_at: now.plus(request.ttl_ms),
            beat_due: false,
            told_ack: 0,
            released: false,
        });
        Ok(Attached::Receiver(id))
    }

    fn repeated(&mut self, request: &Attach) -> Option<&mut Receiver> {
        self.receiver.as_mut().filter(|parked| {
            let poll = parked.style == Style::Poll && request.style == Style::Poll;
            poll && request.ack.is_some()
                && parked.poll.is_some()
                && parked.poll == request.poll
                && parked.holders < HOLDERS_MAX
        })
    }

    /// What there is for a receiver, at most about `budget` bytes.
    pub fn take(&mut self, now: Time, id: ReceiverId, budget: usize) -> Take {
        let Some(receiver) = self.receiver.as_ref().filter(|receiver| receiver.id == id) else {
            return if self.is_over() { Take::Gone } else { Take::Over(self.nothing()) };
        };
        let taken = if receiver.told { self.take_units(now, budget) } else { self.take_whole(now, budget) };
        taken.unwrap_or_else(|| self.take_nothing(now, id))
    }

    /// For a client that knows units: from its cursor on, and kept until acked if it acks.
    fn take_units(&mut self, now: Time, budget: usize) -> Option<Take> {
        let ack = self.inbox.accepted();
        let receiver = self.receiver.as_mut()?;
        let seq = receiver.cursor.max(self.outbox.acked() + 1);
        let units = self.outbox.read(seq, budget);
        if units.is_empty() && (receiver.style != Style::Socket || receiver.told_ack >= ack) {
            return None;
        }
        let next = seq + units.len() as u64;
        let consumes = receiver.consumes;
        if receiver.style == Style::Poll {
            // Its cursor stays: whoever shares this poll gets the same units.
            let id = receiver.id;
            self.end_receiver(now, id);
        } else {
            receiver.cursor = next;
            receiver.told_ack = ack;
            receiver.beat_at = now.plus(receiver.ttl_ms);
        }
        if consumes {
            // Cannot be refused: these units were just read.
            let _ = self.ack_units(next - 1);
        }
        Some(Take::Units(Batch { seq, units, ack }))
    }

    /// For a client that knows messages only: it finds the end by being refused.
    fn take_whole(&mut self, now: Time, budget: usize) -> Option<Take> {
        let seq = self.outbox.acked() + 1;
        let (units, closed) = self.outbox.take_whole(budget);
        if closed {
            self.finish();
            return Some(Take::Gone);
        }
        if units.is_empty() {
            return None;
        }
        self.stall_at = None;
        self.signals.upstream = true;
        if let Some(Receiver { style: Style::Poll, id, .. }) = self.receiver {
            self.end_receiver(now, id);
        }
        Some(Take::Units(Batch { seq, units, ack: self.inbox.accepted() }))
    }

    /// No units: the receiver is wanted back, its time is over, or it waits.
    fn take_nothing(&mut self, now: Time, id: ReceiverId) -> Take {
        let nothing = self.nothing();
        let Some(receiver) = &mut self.receiver else { return Take::Gone };
        if receiver.released {
            self.end_receiver(now, id);
            return Take::Over(nothing);
        }
        if !receiver.beat_due {
            return Take::Pending;
        }
        receiver.beat_at = now.plus(receiver.ttl_ms);
        receiver.told_ack = nothing.ack;
        // It stays due for those who share a poll.
        receiver.beat_due = receiver.style == Style::Poll;
        if receiver.style == Style::Poll {
            self.end_receiver(now, id);
        }
        Take::Heartbeat(nothing)
    }

    /// Numbers for a receiver that gets nothing.
    pub fn nothing(&self) -> Batch {
        Batch { seq: self.outbox.acked() + 1, units: Vec::new(), ack: self.inbox.accepted() }
    }

    /// A receiver's connection is gone, or it is done. No error: the session waits for the next.
    pub fn detach(&mut self, now: Time, id: ReceiverId) {
        self.end_receiver(now, id);
    }

    fn end_receiver(&mut self, now: Time, id: ReceiverId) {
        let Some(receiver) = self.receiver.as_mut().filter(|receiver| receiver.id == id) else { return };
        receiver.holders -= 1;
        if receiver.holders == 0 {
            self.receiver = None;
            self.idle_at = now.plus(self.idle_ms);
        }
    }

    /// All units up to `number` have arrived at the page.
    pub fn ack(&mut self, now: Time, number: u64) -> Result<(), Word> {
        self.check_alive()?;
        self.touch(now);
        self.ack_units(number)
    }

    fn ack_units(&mut self, number: u64) -> Result<(), Word> {
        if number > self.outbox.last() {
            return Err(Word::Bad);
        }
        if self.outbox.ack(number) {
            self.stall_at = None;
            self.signals.upstream = true;
            if self.ended() && self.outbox.is_empty() {
                self.finish();
            }
        }
        Ok(())
    }
}
