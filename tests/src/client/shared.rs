//! What the tasks of one session share: the pure state behind a lock, and the rules for failures and the end.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::create::{Created, alive};
use super::http::HttpClient;
use super::inbox::{Event, Inbox};
use super::outbox::Outbox;
use super::settings::{Handover, Settings, Transport};
use super::unit::{Close, Unit};

/// Between two questions to the router whether the node lives.
const ALIVE_PAUSE: Duration = Duration::from_secs(1);

/// The receiver that is wanted now; each change is a new generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub transport: Transport,
    pub handover: Handover,
    pub generation: u64,
}

/// Numbers and queues of both directions.
#[derive(Debug)]
pub(super) struct Core {
    pub outbox: Outbox,
    pub inbox: Inbox,
    /// The relay takes no more: what is queued will never be acked.
    pub refused: Vec<String>,
    /// The highest down ack that was in an answered request, and what has arrived since.
    pub acked_down: u64,
    /// Why the last send had to go again.
    pub last_failure: String,
    pub bytes_since_ack: usize,
    pub first_since_ack: Option<Instant>,
    poll: Poll,
    failing_since: Option<Instant>,
    asked_alive: Option<Instant>,
    events: mpsc::UnboundedSender<Event>,
    ended: bool,
}

/// A poll: what a repeat of it must have in common with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Poll {
    pub number: u64,
    pub ack: u64,
    generation: u64,
    answered: bool,
}

impl Core {
    /// The next poll of this receiver: the last one again, if that broke and asks for the same.
    pub fn next_poll(&mut self, generation: u64) -> Poll {
        let Poll { number, ack, generation: asked, answered } = self.poll;
        if number == 0 || answered || asked != generation || ack != self.inbox.last() {
            self.poll = Poll { number: number + 1, ack: self.inbox.last(), generation, answered: false };
        }
        self.poll
    }

    pub fn poll_answered(&mut self, poll: Poll) {
        if self.poll == poll {
            self.poll.answered = true;
        }
    }
}

/// One session's shared state.
#[derive(Debug)]
pub(super) struct Shared {
    pub http: HttpClient,
    pub router: String,
    pub created: Created,
    pub settings: Settings,
    pub wanted: watch::Sender<Wanted>,
    /// Counts changes that a sender may wait for: something to send, something to ack, an ack that came.
    pub changes: watch::Sender<u64>,
    pub stop: CancellationToken,
    pub requests: AtomicU64,
    pub failures: AtomicU64,
    core: Mutex<Core>,
}

impl Shared {
    pub fn new(
        http: HttpClient,
        router: String,
        created: Created,
        settings: Settings,
    ) -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (events, receiver) = mpsc::unbounded_channel();
        if !created.held {
            let extensions = created.json["extensions"].as_str().unwrap_or_default().to_owned();
            let _ = events.send(Event::Open { protocol: created.protocol.clone(), extensions });
        }
        let core = Core {
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            refused: Vec::new(),
            acked_down: 0,
            last_failure: String::new(),
            bytes_since_ack: 0,
            first_since_ack: None,
            poll: Poll::default(),
            failing_since: None,
            asked_alive: None,
            events,
            ended: false,
        };
        let wanted = Wanted { transport: settings.transport, handover: Handover::Cut, generation: 0 };
        let shared = Self {
            http,
            router,
            created,
            settings,
            wanted: watch::Sender::new(wanted),
            changes: watch::Sender::new(0),
            stop: CancellationToken::new(),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            core: Mutex::new(core),
        };
        (shared, receiver)
    }

    pub fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The URL, without scheme, of a path such as `j` of this socket.
    pub fn url(&self, path: &str) -> String {
        format!("{}/{path}/{}", self.created.relay, self.created.socket)
    }

    pub fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    pub fn transport(&self) -> Transport {
        self.wanted.borrow().transport
    }

    /// Takes a numbered unit that came down.
    pub fn deliver(&self, number: u64, unit: &Unit) {
        let mut core = self.core();
        if core.ended {
            return;
        }
        match core.inbox.accept(number, unit) {
            Ok(event) => {
                core.bytes_since_ack += unit.size();
                core.first_since_ack.get_or_insert_with(Instant::now);
                core.ended = matches!(event, Some(Event::Close(_)));
                // The receiving half may be gone: then nobody wants to know.
                let _ = event.map(|event| core.events.send(event));
            }
            Err(violation) => self.violate_with(&mut core, violation),
        }
        let ended = core.ended;
        drop(core);
        if ended {
            self.stop.cancel();
        }
        self.changed();
    }

    /// Takes an ack of what went up.
    pub fn acked(&self, number: u64) {
        let mut core = self.core();
        if let Err(violation) = core.outbox.ack(number) {
            self.violate_with(&mut core, violation);
        }
        drop(core);
        self.changed();
    }

    /// A request that carried this down ack was answered.
    pub fn ack_arrived(&self, number: u64) {
        let mut core = self.core();
        if number > core.acked_down {
            core.acked_down = number;
        }
        if core.acked_down == core.inbox.last() {
            core.bytes_since_ack = 0;
            core.first_since_ack = None;
        }
    }

    /// The relay broke the protocol: the session is of no more use, and the test must fail.
    pub fn violate(&self, violation: String) {
        self.violate_with(&mut self.core(), violation);
    }

    fn violate_with(&self, core: &mut Core, violation: String) {
        if !core.ended {
            core.ended = true;
            let _ = core.events.send(Event::Violation(violation));
        }
        self.stop.cancel();
    }

    /// Ends without a close from the relay.
    pub fn end_abnormally(&self) {
        let mut core = self.core();
        if !core.ended {
            core.ended = true;
            let _ = core.events.send(Event::Close(Close::abnormal()));
        }
        self.stop.cancel();
    }

    pub fn succeeded(&self) {
        let mut core = self.core();
        core.failing_since = None;
        core.asked_alive = None;
    }

    /// After a failure: waits, and ends the session when there is no hope.
    pub async fn failed(&self, backoff: &mut Backoff) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let (failing, ask) = {
            let mut core = self.core();
            let failing = now - *core.failing_since.get_or_insert(now);
            let asked = core.asked_alive.is_some_and(|asked| now - asked < ALIVE_PAUSE);
            let ask = failing > self.settings.ask_alive_after && !asked;
            if ask {
                core.asked_alive = Some(now);
            }
            (failing, ask)
        };
        let dead = ask && alive(&self.http, &self.router, &self.created.socket).await == Some(false);
        if dead || failing > self.settings.give_up_after {
            return self.end_abnormally();
        }
        sleep(backoff.next()).await;
    }
}

/// Exponential waits with jitter.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
    rng: SmallRng,
}

impl Backoff {
    /// `stream` separates the jitter of the tasks of one session.
    pub fn new(settings: &Settings, stream: u64) -> Self {
        let (first, longest) = settings.backoff;
        Self { first, longest, tries: 0, rng: SmallRng::seed_from_u64(settings.seed ^ stream << 32) }
    }

    pub fn reset(&mut self) {
        self.tries = 0;
    }

    fn next(&mut self) -> Duration {
        let full = self.first.saturating_mul(1 << self.tries.min(16)).min(self.longest);
        self.tries += 1;
        full.mul_f64(self.rng.random_range(0.5..=1.0))
    }
}
