//! One session and those who wait on it. The only place where the state machine meets a lock, a clock and wakers.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ::http::HeaderValue;
use polysocket_protocol::{Kind, Unit, Word};
use polysocket_registry::SocketLease;
use polysocket_session::{Attach, Attached, ReceiverId, Sent, Session, Style, Take, Time, Wait};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::budget::Budget;
use crate::clock::Clock;

/// Sends of one session that may wait at the same time: the window, and repeats of what is in it.
const WAITING_SENDS_MAX: u8 = 16;

/// What does not change.
#[derive(Debug)]
pub(crate) struct Facts {
    /// For logs: not the secret.
    pub(crate) connection: u64,
    /// Who may read answers; anyone if none.
    pub(crate) page_origin: Option<HeaderValue>,
    pub(crate) lease: Option<SocketLease>,
    pub(crate) budget: Option<Arc<Budget>>,
}

/// A session with its lock. It is never held across an await, and what it guards never blocks.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) facts: Facts,
    clock: Clock,
    inner: Mutex<Inner>,
    /// Wakes sends that wait.
    senders: Notify,
    waiting_sends: AtomicU8,
    /// Wakes the driver.
    driver: Notify,
}

#[derive(Debug)]
struct Inner {
    session: Session,
    /// Receivers that wait; they are woken all at once and ask again.
    waiting: Vec<Waker>,
    /// The driver's timer goes off then.
    armed: Option<Time>,
    /// The page sends nothing before: its token spends too fast.
    sends_at: Option<Instant>,
}

/// What became of trying to send.
pub(crate) enum Tried {
    /// The session has judged.
    Sent(Sent),
    /// The token has spent too much: it is to be tried again then.
    Later(Instant),
}

impl Cell {
    pub(crate) fn new(session: Session, facts: Facts, clock: Clock) -> Arc<Self> {
        Arc::new(Self {
            facts,
            clock,
            inner: Mutex::new(Inner { session, waiting: Vec::new(), armed: None, sends_at: None }),
            senders: Notify::new(),
            waiting_sends: AtomicU8::new(0),
            driver: Notify::new(),
        })
    }

    /// Does something with the session and wakes whom it concerns.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut Session, Time) -> R) -> R {
        self.with_inner(|inner, now| act(&mut inner.session, now))
    }

    fn with_inner<R>(&self, act: impl FnOnce(&mut Inner, Time) -> R) -> R {
        let now = self.clock.now();
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut inner, now);
        let signals = inner.session.take_signals();
        let woken = if signals.receiver { std::mem::take(&mut inner.waiting) } else { Vec::new() };
        // Deadlines mostly move away; the driver looks again when its timer goes off. Only one that came nearer
        // needs it now.
        let nearer = inner.session.deadline().is_some_and(|at| inner.armed.is_some_and(|armed| at < armed));
        if nearer {
            inner.armed = None;
        }
        drop(inner);
        woken.into_iter().for_each(Waker::wake);
        if signals.senders {
            self.senders.notify_waiters();
        }
        if signals.upstream || nearer {
            self.driver.notify_one();
        }
        result
    }

    /// For the driver: what is due is done, and it learns when it has to look again. `also` is a time of its own,
    /// `armed` when its timer goes off anyway: a timer that goes off too early costs less than one that is moved with
    /// every request.
    pub(crate) fn on_time<R>(
        &self,
        also: Option<Time>,
        armed: Option<Time>,
        look: impl FnOnce(&mut Session) -> R,
    ) -> (R, Option<Time>) {
        self.with_inner(|inner, now| {
            if inner.session.deadline().is_some_and(|at| at <= now) {
                inner.session.timeout(now);
            }
            let seen = look(&mut inner.session);
            inner.armed = [inner.session.deadline(), also, armed].into_iter().flatten().min();
            (seen, inner.armed)
        })
    }

    pub(crate) fn instant(&self, time: Time) -> Instant {
        self.clock.instant(time)
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.now()
    }

    pub(crate) fn driver(&self) -> &Notify {
        &self.driver
    }

    /// Sends one unit, waiting at most until `within` for its turn or for room. The last number accepted.
    pub(crate) async fn send(&self, number: Option<u64>, unit: &Unit, within: Duration) -> Result<u64, Word> {
        let sent = match self.try_send(number, unit) {
            Tried::Later(_) | Tried::Sent(Sent::Wait(_)) => self.send_later(number, unit, within).await,
            Tried::Sent(sent) => sent,
        };
        match sent {
            Sent::Accepted(ack) => Ok(ack),
            Sent::Refused(word) => Err(word),
            Sent::Wait(Wait::Gap) => Err(Word::Gap),
            Sent::Wait(Wait::Full) => Err(Word::Busy),
        }
    }

    /// Sends one unit, if it is its turn, there is room for it, and its token may spend.
    pub(crate) fn try_send(&self, number: Option<u64>, unit: &Unit) -> Tried {
        self.with_inner(|inner, now| {
            let Inner { session, sends_at, .. } = inner;
            // Only what is new costs anything, and an end does not.
            let is_new = number.is_none_or(|number| number == session.accepted() + 1);
            let budget = self.facts.budget.as_ref().filter(|_| is_new && unit.kind != Kind::Close);
            if let (Some(_), Some(at)) = (budget, *sends_at)
                && session.is_open()
                && Instant::now() < at
            {
                return Tried::Later(at);
            }
            let sent = session.send(now, number, unit);
            if let (Some(budget), Sent::Accepted(_)) = (budget, sent) {
                *sends_at = Some(Instant::now() + budget.spend(unit.data.len()));
            }
            Tried::Sent(sent)
        })
    }

    async fn send_later(&self, number: Option<u64>, unit: &Unit, within: Duration) -> Sent {
        let Some(_place) = WaitingSend::take(&self.waiting_sends) else { return Sent::Wait(Wait::Full) };
        let deadline = Instant::now() + within;
        loop {
            let woken = self.senders.notified();
            tokio::pin!(woken);
            // Before the session is asked, so that no wake is missed.
            woken.as_mut().enable();
            let (wait, until) = match self.try_send(number, unit) {
                Tried::Later(at) => (Wait::Full, at.min(deadline)),
                Tried::Sent(Sent::Wait(wait)) => (wait, deadline),
                Tried::Sent(sent) => return sent,
            };
            if Instant::now() >= deadline {
                return Sent::Wait(wait);
            }
            let _ = timeout_at(until, woken).await;
        }
    }

    /// Until sends that wait should be tried again; to be made before the session is asked.
    pub(crate) fn senders(&self) -> &Notify {
        &self.senders
    }

    /// Attaches a receiver; none if the request is a late repeat.
    pub(crate) fn attach(self: &Arc<Self>, request: &Attach) -> Result<Option<Receiver>, Word> {
        match self.with(|session, now| session.attach(now, request))? {
            Attached::Receiver(id) => {
                let polls = request.style == Style::Poll;
                Ok(Some(Receiver { cell: self.clone(), id, polls, answered: AtomicBool::new(false) }))
            }
            Attached::Stale => Ok(None),
        }
    }
}

/// One of the sends that may wait.
struct WaitingSend<'a>(&'a AtomicU8);

impl<'a> WaitingSend<'a> {
    fn take(waiting: &'a AtomicU8) -> Option<Self> {
        if waiting.fetch_add(1, Ordering::Relaxed) >= WAITING_SENDS_MAX {
            waiting.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Self(waiting))
    }
}

impl Drop for WaitingSend<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An attached receiver; detaches when dropped.
#[derive(Debug)]
pub(crate) struct Receiver {
    cell: Arc<Cell>,
    id: ReceiverId,
    polls: bool,
    /// It has its answer, and the session has let it go: others may share the poll.
    answered: AtomicBool,
}

impl Receiver {
    /// What there is now, at most about `budget` bytes; pending when there is nothing, and then woken.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>, budget: usize) -> Poll<Take> {
        self.cell.with_inner(|inner, now| match inner.session.take(now, self.id, budget) {
            Take::Pending => {
                if !inner.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                    inner.waiting.push(cx.waker().clone());
                }
                Poll::Pending
            }
            taken => {
                self.answered.store(self.polls, Ordering::Relaxed);
                Poll::Ready(taken)
            }
        })
    }

    /// The same, only looking.
    pub(crate) fn try_take(&self, budget: usize) -> Option<Take> {
        let taken = self.cell.with(|session, now| session.take(now, self.id, budget));
        if taken == Take::Pending {
            return None;
        }
        self.answered.store(self.polls, Ordering::Relaxed);
        Some(taken)
    }

    /// Waits for it.
    pub(crate) async fn take(&self, budget: usize) -> Take {
        std::future::poll_fn(|cx| self.poll_take(cx, budget)).await
    }

    pub(crate) fn cell(&self) -> &Arc<Cell> {
        &self.cell
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if !*self.answered.get_mut() {
            self.cell.with(|session, now| session.detach(now, self.id));
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use polysocket_session::Limits;

    use super::*;
    use crate::budget::Budgets;

    /// One whose upstream is open.
    pub(crate) fn open(limits: Limits, budget: Option<Arc<Budget>>) -> Arc<Cell> {
        let clock = Clock::start();
        let mut session = Session::new(clock.now(), Arc::new(limits), false);
        session.upstream_open("", "");
        Cell::new(session, Facts { connection: 1, page_origin: None, lease: None, budget }, clock)
    }

    #[tokio::test(start_paused = true)]
    async fn a_page_sends_no_faster_than_its_token_may() {
        let budget = Budgets::default().of("me", 1000);
        let cell = open(Limits::default(), Some(budget));
        let unit = Unit::whole(Kind::Binary, vec![0; 3000].into());
        let send = async |number, within| cell.send(Some(number), &unit, Duration::from_secs(within)).await;
        let began = Instant::now();
        assert_eq!(send(1, 5).await, Ok(1), "what is too much is waited for by the next");
        assert_eq!(send(2, 1).await, Err(Word::Busy));
        assert_eq!(send(2, 5).await, Ok(2));
        assert_eq!(began.elapsed(), Duration::from_secs(2), "3 s of bytes, less one that is free");
        assert_eq!(send(2, 0).await, Ok(2), "a repeat costs nothing");
        let end = Unit::whole(Kind::Close, polysocket_protocol::Bytes::new());
        assert_eq!(cell.send(Some(3), &end, Duration::ZERO).await, Ok(3), "an end is told at once");
    }
}
