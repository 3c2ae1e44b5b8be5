//! A session: its phases, and how they end. What the page receives and sends, the upstream, and time have files of
//! their own.

mod receive;
mod send;
mod time;
mod upstream;

use std::sync::Arc;

use polysocket_protocol::{CloseDown, Word, close};

use crate::inbox::{Inbox, Wait};
use crate::outbox::Outbox;
use crate::receiver::{Receiver, ReceiverId};
use crate::{Limits, Time};

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

    fn touch(&mut self, now: Time) {
        if self.receivers > 0 {
            self.idle_at = self.idle_at.max(now.plus(self.idle_ms));
        }
    }

    fn check_alive(&self) -> Result<(), Word> {
        if self.abandoned || self.is_over() { Err(Word::Gone) } else { Ok(()) }
    }

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
            // A way that was prepared and is not taken: nobody will come to be told.
            Phase::Held if self.receivers == 0 => {
                self.told = Some(close::ABNORMAL);
                self.finish();
            }
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
