//! The phases of a session.

use std::sync::Arc;

use polysocket_protocol::limits::PAUSE_MS_MAX;
use polysocket_protocol::{Bytes, CloseDown, Kind, Unit, Word, close, json};

use crate::inbox::{Inbox, Place, ToUpstream, Wait};
use crate::outbox::Outbox;
use crate::receiver::{Attach, Batch, Receiver, ReceiverId, Style, Take};
use crate::{Limits, Time};

/// No deadline.
const NEVER: Time = Time(u64::MAX);
/// Most repeats of a parked poll that share it.
const HOLDERS_MAX: u8 = 4;

/// Where the upstream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not dialled until the page says so.
    Held,
    Dialing,
    Open,
    /// A close frame is on its way to the upstream; its own is awaited until then.
    Closing(Time),
    /// The upstream is gone; the page has not acked `close` yet, and may until then.
    Lingering(Time),
    Over,
}

/// Who has to look again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Signals {
    /// Receivers, also those that were replaced.
    pub receiver: bool,
    /// Sends that wait.
    pub senders: bool,
    /// Whoever drives the upstream and the deadline.
    pub upstream: bool,
}

/// What became of a request to receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attached {
    /// It is the receiver now.
    Receiver(ReceiverId),
    /// A late repeat of a poll that was answered long ago: answer it with nothing.
    Stale,
}

/// What became of a send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Accepted, now or before; all up to this number are.
    Accepted(u64),
    /// Send it again when senders are woken.
    Wait(Wait),
    /// Not accepted. After `conflict`, `invalid-text` and `too-big` the session closes.
    Refused(Word),
}

/// One carried WebSocket.
#[derive(Debug)]
pub struct Session {
    limits: Arc<Limits>,
    phase: Phase,
    /// The page was given it before it was open: `open` is its first unit.
    held: bool,
    /// Nobody is there any more: every request is refused while the upstream closes.
    abandoned: bool,
    outbox: Outbox,
    inbox: Inbox,
    receiver: Option<Receiver>,
    receivers: u32,
    /// What the page is told when the relay itself closes.
    verdict: Option<CloseDown>,
    /// The code of the `close` that was put into the outbox.
    told: Option<u16>,
    idle_ms: u64,
    /// When it is given up, if no receiver is attached.
    idle_at: Time,
    /// When a full outbox has been full for too long.
    stall_at: Option<Time>,
    signals: Signals,
}

impl Session {
    /// A session whose upstream is being dialled, or is dialled later when `hold`.
    pub fn new(now: Time, limits: Arc<Limits>, hold: bool) -> Self {
        Self {
            phase: if hold { Phase::Held } else { Phase::Dialing },
            held: hold,
            abandoned: false,
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            receiver: None,
            receivers: 0,
            verdict: None,
            told: None,
            idle_ms: limits.idle_ms,
            idle_at: now.plus(limits.first_receiver_ms),
            stall_at: None,
            signals: Signals::default(),
            limits,
        }
    }

    // --- The page -----------------------------------------------------------------------------------------

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

    /// A unit from the page, with its number if it has one. When it has to wait, the caller keeps it and sends it
    /// again: the session holds nothing for numbers that are ahead.
    pub fn send(&mut self, now: Time, number: Option<u64>, unit: &Unit) -> Sent {
        if let Err(word) = self.check_alive() {
            return Sent::Refused(word);
        }
        self.touch(now);
        if let Some(number) = number {
            match self.inbox.place(number, unit) {
                Place::Next => {}
                Place::Repeat => return Sent::Accepted(self.inbox.accepted()),
                Place::Ahead if self.inbox.is_closed() => return Sent::Refused(Word::Closed),
                Place::Ahead => return Sent::Wait(Wait::Gap),
                Place::Refused(word) => return self.refuse(now, word),
            }
        }
        if self.inbox.is_closed() {
            return Sent::Refused(Word::Closed);
        }
        if !self.inbox.has_room(unit.data.len(), self.limits.up_queue_bytes_max) {
            return Sent::Wait(Wait::Full);
        }
        if let Err(word) = self.inbox.accept(number, unit, self.limits.message_bytes_max) {
            return self.refuse(now, word);
        }
        self.signals.upstream = true;
        self.signals.senders = true;
        self.signals.receiver |=
            self.receiver.as_ref().is_some_and(|receiver| receiver.style == Style::Socket);
        if unit.kind == Kind::Close {
            self.begin_closing(now);
        }
        Sent::Accepted(self.inbox.accepted())
    }

    fn refuse(&mut self, now: Time, word: Word) -> Sent {
        match word {
            Word::Conflict => self.close(now, close::PROTOCOL_ERROR, "a number was used with other bytes"),
            Word::InvalidText => self.close(now, close::INVALID_TEXT, "text is not UTF-8"),
            Word::TooBig => self.close(now, close::TOO_BIG, "message is over the limit"),
            _ => {}
        }
        Sent::Refused(word)
    }

    fn touch(&mut self, now: Time) {
        if self.receivers > 0 {
            self.idle_at = self.idle_at.max(now.plus(self.idle_ms));
        }
    }

    fn check_alive(&self) -> Result<(), Word> {
        if self.abandoned || self.is_over() { Err(Word::Gone) } else { Ok(()) }
    }

    // --- The upstream -------------------------------------------------------------------------------------

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

    /// `bytes` of it were written.
    pub fn upstream_written(&mut self, bytes: usize) {
        self.inbox.written(bytes);
        self.signals.senders = true;
    }

    // --- The relay ----------------------------------------------------------------------------------------

    /// Closes both sides, after what is queued already: the upstream with `code`, and the page is told the same.
    pub fn close(&mut self, now: Time, code: u16, reason: &str) {
        if matches!(self.phase, Phase::Closing(_) | Phase::Lingering(_) | Phase::Over) {
            return;
        }
        self.verdict = Some(CloseDown { code, reason: reason.to_owned(), clean: true, failure: None });
        self.inbox.push_close(code, reason);
        self.signals.senders = true;
        self.signals.upstream = true;
        self.begin_closing(now);
    }

    fn begin_closing(&mut self, now: Time) {
        match self.phase {
            // What is queued before the close frame may take its time; the handshake is timed once that is out.
            Phase::Open => self.phase = Phase::Closing(now.plus(self.limits.stall_ms)),
            // There is no upstream to tell. A page that closes before it is open sees 1006 (WHATWG, `close()`).
            Phase::Held | Phase::Dialing => self.upstream_closed(now, CloseDown::abnormal()),
            Phase::Closing(_) | Phase::Lingering(_) | Phase::Over => {}
        }
    }

    /// Ends the parked request at once; the page comes back.
    pub fn release(&mut self) {
        if let Some(receiver) = &mut self.receiver {
            receiver.released = true;
            self.signals.receiver = true;
        }
    }

    /// Gives it up if no receiver has ever come: nobody learnt of it.
    pub fn abandon_unclaimed(&mut self, now: Time) {
        if self.receivers == 0 {
            self.abandon(now);
        }
    }

    /// Forgets it at once, whatever is left in it: the process ends.
    pub fn forget(&mut self) {
        self.finish();
    }

    /// Nobody is there: the upstream is told 1001, and every request is refused from now on.
    fn abandon(&mut self, now: Time) {
        self.abandoned = true;
        self.receiver = None;
        self.outbox.clear();
        self.signals = Signals { receiver: true, senders: true, upstream: true };
        match self.phase {
            Phase::Open => {
                self.inbox.push_close(close::GOING_AWAY, "the page is gone");
                self.phase = Phase::Closing(now.plus(self.limits.closing_ms));
            }
            Phase::Closing(_) => {}
            Phase::Held | Phase::Dialing | Phase::Lingering(_) | Phase::Over => self.finish(),
        }
    }

    fn ended(&self) -> bool {
        matches!(self.phase, Phase::Lingering(_) | Phase::Over)
    }

    fn finish(&mut self) {
        self.phase = Phase::Over;
        self.receiver = None;
        self.inbox.shut();
        self.outbox.clear();
        self.signals = Signals { receiver: true, senders: true, upstream: true };
    }

    // --- Time ---------------------------------------------------------------------------------------------

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

    // --- For whoever drives it ----------------------------------------------------------------------------

    /// Whom to wake; asking forgets it.
    pub fn take_signals(&mut self) -> Signals {
        std::mem::take(&mut self.signals)
    }

    /// It can be forgotten.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// The code the page was told, or is to be told; none while it runs, or when the page was gone.
    pub fn told(&self) -> Option<u16> {
        self.told
    }

    /// The upstream connection, if there is one, is to be dropped.
    pub fn upstream_is_done(&self) -> bool {
        self.ended()
    }

    /// The upstream is open, or is closing.
    pub fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Closing(_))
    }

    /// What it holds in memory, bytes.
    pub fn buffered_bytes(&self) -> usize {
        self.outbox.bytes() + self.inbox.queued_bytes()
    }

    /// Units from the page that were accepted.
    pub fn accepted(&self) -> u64 {
        self.inbox.accepted()
    }
}
