//! A connection's task: reads, answers pings, keeps the deadlines, closes.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use polysocket_protocol::close;
use tokio::task::coop;
use tokio::time::{Instant, Sleep};

use crate::connection::{Connection, Heard, Phase};
use crate::encode::control_frame;
use crate::flood::Flood;
use crate::reader::{Event, Opcode, Reader, Violation};
use crate::{Cause, Incoming};

/// What is read at a time.
const READ_BYTES: usize = 16 * 1024;

thread_local! {
    /// What is read into. Nothing in it outlives the poll in which it was read.
    static SCRATCH: RefCell<Box<[u8; READ_BYTES]>> = RefCell::new(Box::new([0; READ_BYTES]));
}

/// The process is at its deadline.
pub(crate) struct Aborted;

/// What came next.
enum Step {
    Event(Event),
    Violation(Violation),
    /// The connection is over.
    End,
}

/// The task's view of its connection.
pub(crate) struct Pump {
    connection: Arc<Connection>,
    reader: Reader,
    /// What was read together with the last event, and has not been looked at.
    ahead: Bytes,
    flood: Flood,
    /// Wakes for the earliest deadline or before it.
    sleep: Pin<Box<Sleep>>,
    /// When the client last said anything.
    heard: Instant,
    /// Until when it must, as it was pinged.
    pong_until: Option<Instant>,
    /// Until when a close must be complete.
    close_until: Option<Instant>,
    /// Both close frames are there, or what the client says makes no sense any more: only its end is waited for.
    last: bool,
}

impl Pump {
    /// `ahead` is what was read before the connection became a WebSocket.
    pub(crate) fn new(connection: Arc<Connection>, ahead: &[u8]) -> Self {
        let now = Instant::now();
        let limits = &connection.terms().limits;
        let sleep = Box::pin(tokio::time::sleep_until(now + limits.ping_every.as_duration()));
        Self {
            reader: Reader::new(limits.message_bytes_max.as_usize()),
            // Copied: even a few bytes would keep the whole buffer alive that they were read into.
            ahead: Bytes::copy_from_slice(ahead),
            flood: Flood::new(limits.messages_per_second, limits.messages_burst, now),
            sleep,
            heard: now,
            pong_until: None,
            close_until: None,
            last: false,
            connection,
        }
    }

    /// The next message; none: the connection is over.
    pub(crate) async fn next(&mut self) -> Option<Incoming> {
        loop {
            // So that a client that has sent much at once does not have this thread for itself.
            coop::consume_budget().await;
            match std::future::poll_fn(|cx| self.poll_step(cx)).await {
                Step::Event(Event::Close(close)) => {
                    self.connection.terms().metrics.frames_in.inc();
                    self.connection.closed_by_client(close);
                    self.last = true;
                }
                Step::Event(event) => {
                    self.connection.terms().metrics.frames_in.inc();
                    if !self.connection.is_open() {
                        // What a client sends before it has read our close is dropped (RFC 6455, section 5.5.1).
                        continue;
                    }
                    if !self.flood.take(Instant::now()) {
                        self.connection.close(Cause::Flood, Some(close::POLICY), "too many messages");
                        continue;
                    }
                    match event {
                        Event::Message(message) => return Some(message),
                        Event::Ping(payload) => {
                            self.connection.send(control_frame(Opcode::Pong, &payload));
                        }
                        Event::Pong | Event::Close(_) => {}
                    }
                }
                Step::Violation(violation) => {
                    let reason = violation.to_string();
                    self.connection.close(violation.cause(), Some(violation.code()), &reason);
                    self.last = true;
                }
                Step::End => return None,
            }
        }
    }

    /// Does `work` to its end while what is queued is written; nothing is read meanwhile.
    pub(crate) async fn beside(&mut self, work: impl Future<Output = ()> + Send) -> Result<(), Aborted> {
        // Boxed: an idle connection's task is only as large as its largest state.
        let mut work = Box::pin(work);
        let mut waited = false;
        let done = std::future::poll_fn(|cx| {
            if work.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(()));
            }
            waited = true;
            self.poll_upkeep(cx)
        });
        let done = done.await;
        if waited {
            // The client could not be heard.
            self.heard = Instant::now();
            self.pong_until = None;
        }
        done
    }

    fn poll_upkeep(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Aborted>> {
        loop {
            let (phase, stalled_since) = self.connection.poll_write(cx);
            if phase == Phase::Aborted {
                return Poll::Ready(Err(Aborted));
            }
            let write_until =
                stalled_since.filter(|_| phase != Phase::Dead).map(|since| self.write_until(since));
            let Some(until) = write_until else { return Poll::Pending };
            ready!(self.poll_until(cx, until));
            self.connection.kill(Cause::WriteTimeout);
        }
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let Some(step) = self.read_ahead() {
            return Poll::Ready(step);
        }
        loop {
            let (phase, stalled_since) = self.connection.poll_write(cx);
            match phase {
                Phase::Dead | Phase::Aborted => return Poll::Ready(Step::End),
                Phase::Closing if self.close_until.is_none() => {
                    let within = self.connection.terms().limits.close_within.as_duration();
                    self.close_until = Some(Instant::now() + within);
                }
                Phase::Open | Phase::Closing => {}
            }
            // Now, as there is always something to read of a client that sends without a pause.
            if self.is_overdue(stalled_since) {
                self.late(stalled_since);
                continue;
            }
            let heard = SCRATCH.with_borrow_mut(|scratch| {
                let heard = self.connection.poll_read(cx, &mut scratch[..], self.last);
                if let Heard::Bytes(count) = heard { self.heard(&scratch[..count]) } else { Ok(heard) }
            });
            match heard {
                Err(step) => return Poll::Ready(step),
                Ok(Heard::Bytes(_)) => {}
                Ok(Heard::End) => return Poll::Ready(Step::End),
                Ok(Heard::Nothing) => {
                    let until = self.until(stalled_since);
                    ready!(self.poll_until(cx, until));
                    self.late(stalled_since);
                }
            }
        }
    }

    /// Looks at bytes that came; an error is a step. Nothing is read again before all of them have been looked at.
    fn heard(&mut self, bytes: &[u8]) -> Result<Heard, Step> {
        self.heard = Instant::now();
        self.pong_until = None;
        self.connection.terms().metrics.bytes_in.inc_by(bytes.len() as u64);
        if self.last {
            return Ok(Heard::Bytes(bytes.len()));
        }
        let mut rest = bytes;
        match self.reader.read(&mut rest) {
            Ok(None) => Ok(Heard::Bytes(bytes.len())),
            Ok(Some(event)) => {
                self.ahead = Bytes::copy_from_slice(rest);
                Err(Step::Event(event))
            }
            Err(violation) => Err(Step::Violation(violation)),
        }
    }

    fn read_ahead(&mut self) -> Option<Step> {
        if self.ahead.is_empty() || self.last {
            return None;
        }
        let mut rest = &self.ahead[..];
        let read = self.reader.read(&mut rest);
        let looked_at = self.ahead.len() - rest.len();
        self.ahead.advance(looked_at);
        if self.ahead.is_empty() {
            // Its buffer is not kept.
            self.ahead = Bytes::new();
        }
        match read {
            Ok(event) => event.map(Step::Event),
            Err(violation) => Some(Step::Violation(violation)),
        }
    }

    fn write_until(&self, stalled_since: Instant) -> Instant {
        stalled_since + self.connection.terms().limits.write_timeout.as_duration()
    }

    /// A deadline has passed that does not move with what the client says.
    fn is_overdue(&self, stalled_since: Option<Instant>) -> bool {
        let until = self.close_until.or_else(|| Some(self.write_until(stalled_since?)));
        until.is_some_and(|until| Instant::now() >= until)
    }

    /// The next deadline.
    fn until(&self, stalled_since: Option<Instant>) -> Instant {
        if let Some(until) = self.close_until {
            return until;
        }
        let ping_at = self.heard + self.connection.terms().limits.ping_every.as_duration();
        let until = self.pong_until.unwrap_or(ping_at);
        stalled_since.map_or(until, |since| until.min(self.write_until(since)))
    }

    /// A deadline has passed.
    fn late(&mut self, stalled_since: Option<Instant>) {
        let now = Instant::now();
        let connection = &self.connection;
        if self.close_until.is_some() {
            connection.kill(Cause::Lost);
        } else if stalled_since.is_some_and(|since| self.write_until(since) <= now) {
            connection.kill(Cause::WriteTimeout);
        } else if self.pong_until.is_some() {
            // One that is there but does not know pings is told why.
            connection.close(Cause::NoPong, Some(close::POLICY), "no pong");
            connection.kill(Cause::NoPong);
        } else if connection.send(control_frame(Opcode::Ping, &[])) {
            self.pong_until = Some(now + connection.terms().limits.pong_within.as_duration());
        }
    }

    /// Waits until then. Timers are moved only when they must be: mostly a deadline is put off long before it.
    fn poll_until(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        if until < self.sleep.deadline() {
            self.sleep.as_mut().reset(until);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(until);
        }
        Poll::Pending
    }
}
