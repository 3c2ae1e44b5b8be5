//! A topic that has subscribers in this process.
//!
//! Events wait in an inbox, and whoever puts one in while nobody works on them works them off: so a publisher in the
//! same process delivers by itself, without a task switch, and nobody waits for a lock that is held during a fan-out.
//! At most one works at a time, hence the order. What holds the two apart: `inbox` is locked for moments, `desk` only
//! by the one who works, while `working` says so.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use crate::desk::Desk;
use crate::engine::{Engine, Reading};
use crate::event::{Event, SeatId};
use crate::work::Work;
use crate::{BrokerError, BrokerMetrics, Member, Position, Topic};

/// Events worked off by one who only came by; then a task goes on.
const EVENTS_AT_ONCE_MAX: usize = 64;
/// Messages read from the history at once.
pub(crate) const PAGE: usize = 128;
/// Between attempts to read the history while the engine is not there; doubles up to the next.
const READ_AGAIN_MIN: Duration = Duration::from_millis(50);
/// With 10,000 channels, 5,000 attempts per second, each of which fails at once.
const READ_AGAIN_MAX: Duration = Duration::from_secs(2);

pub(crate) struct Channel {
    topic: Topic,
    inbox: Mutex<Inbox>,
    desk: Mutex<Desk>,
    /// Whether the engine sends us its messages.
    started: OnceCell<()>,
    seated: Arc<AtomicU64>,
    seat_next: AtomicU64,
    /// Members that came by this process, and by how many subscriptions.
    members: Mutex<HashMap<Arc<str>, (Member, usize)>>,
    metrics: BrokerMetrics,
    work: Work,
}

#[derive(Default)]
struct Inbox {
    events: VecDeque<Event>,
    working: bool,
    /// Messages did not fit, and have to be read from the history.
    overflowed: bool,
    /// Subscriptions, also those on the way; with none for some time the channel is closed.
    held: usize,
    /// Since when there has been none.
    idle_since: Option<Instant>,
}

impl Channel {
    pub fn new(topic: Topic, metrics: BrokerMetrics, work: Work) -> Self {
        let seated: Arc<AtomicU64> = Arc::default();
        let desk = Desk::new(topic.clone(), metrics.clone(), seated.clone());
        Self {
            topic,
            inbox: Mutex::default(),
            desk: Mutex::new(desk),
            started: OnceCell::new(),
            seated,
            seat_next: AtomicU64::new(1),
            members: Mutex::default(),
            metrics,
            work,
        }
    }

    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// Subscribers in this process.
    pub fn seated(&self) -> u64 {
        self.seated.load(Ordering::Relaxed)
    }

    /// Where its subscribers are; none while somebody works on it.
    pub fn position(&self) -> Option<Position> {
        self.desk.try_lock().ok()?.position().cloned()
    }

    pub fn seat(&self) -> SeatId {
        self.seat_next.fetch_add(1, Ordering::Relaxed)
    }

    /// Has the engine send its messages, if that is not so yet.
    pub async fn start(self: &Arc<Self>, engine: &dyn Engine) -> Result<(), BrokerError> {
        self.started
            .get_or_try_init(|| async {
                let history = engine.attach(&self.topic).await?;
                self.put(Event::Read(0, history));
                Ok(())
            })
            .await
            .copied()
    }

    /// Puts an event in, and works if nobody does.
    pub fn put(self: &Arc<Self>, event: Event) {
        if self.queue(event) {
            self.work_off(EVENTS_AT_ONCE_MAX);
        }
    }

    /// The same for one who must not be kept: a task works.
    pub fn put_aside(self: &Arc<Self>, event: Event) {
        if self.queue(event) {
            self.go_on();
        }
    }

    /// Puts an event in. With `true` the caller has to call [`work`](Self::work) soon.
    #[must_use]
    pub fn queue(&self, event: Event) -> bool {
        let mut inbox = self.inbox();
        if self.work.backlog.add(event.bytes()) {
            inbox.events.push_back(event);
        } else if !std::mem::replace(&mut inbox.overflowed, true) {
            self.metrics.overflows.inc();
        }
        !std::mem::replace(&mut inbox.working, true)
    }

    /// Works off what is there; for the one who was told so.
    pub fn work(self: &Arc<Self>) {
        self.work_off(EVENTS_AT_ONCE_MAX);
    }

    fn work_off(self: &Arc<Self>, events_max: usize) {
        let working = Working(self);
        let mut desk = self.desk.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..events_max {
            let Some(event) = working.next() else { return };
            if let Some(need) = desk.handle(event) {
                self.metrics.catch_ups.inc();
                self.read(need);
            }
        }
        drop(desk);
        self.go_on();
    }

    /// Yields between rounds, so that one busy topic does not keep a thread to itself.
    fn go_on(self: &Arc<Self>) {
        let channel = self.clone();
        self.work.spawn(async move { channel.work_off(EVENTS_AT_ONCE_MAX) });
    }

    /// Reads a page of the history, as soon as that is possible.
    fn read(self: &Arc<Self>, need: crate::cursor::Need) {
        let channel = Arc::downgrade(self);
        let (topic, work) = (self.topic.clone(), self.work.clone());
        self.work.spawn(async move {
            let mut delay = READ_AGAIN_MIN;
            loop {
                // The broker, or the channel, may end meanwhile.
                let Some(engine) = work.engine() else { return };
                match engine.read(&topic, need.since.as_ref(), PAGE, true).await {
                    Ok(reading) => {
                        if let Some(channel) = channel.upgrade() {
                            channel.put(match reading {
                                Reading::History(history) => Event::Read(need.number, history),
                                Reading::Removed(position) => Event::Removed(position),
                            });
                        }
                        return;
                    }
                    Err(error) => tracing::debug!(%topic, %error, "history not read yet"),
                }
                drop(engine);
                if channel.strong_count() == 0 {
                    return;
                }
                sleep(delay).await;
                delay = (delay * 2).min(READ_AGAIN_MAX);
            }
        });
    }

    // Holds: who is about to subscribe, or has.

    pub fn hold(&self) {
        let mut inbox = self.inbox();
        inbox.held += 1;
        inbox.idle_since = None;
    }

    pub fn release(&self) {
        let mut inbox = self.inbox();
        inbox.held -= 1;
        if inbox.held == 0 {
            inbox.idle_since = Some(Instant::now());
        }
    }

    /// Whether nobody has held it for so long.
    pub fn is_idle(&self, linger: Duration) -> bool {
        self.inbox().idle_since.is_some_and(|since| since.elapsed() >= linger)
    }

    // Members.

    /// Adds one; whether it is new, or others have to be told something else of it.
    pub fn enter(&self, member: &Member) -> bool {
        let mut members = self.members();
        let (known, times) = members.entry(member.id.clone()).or_insert_with(|| (member.clone(), 0));
        *times += 1;
        let new = *times == 1 || known.info != member.info;
        *known = member.clone();
        new
    }

    /// Takes one away; whether that was its last subscription.
    pub fn exit(&self, id: &str) -> bool {
        let mut members = self.members();
        let Some((_, times)) = members.get_mut(id) else { return false };
        *times -= 1;
        if *times == 0 {
            members.remove(id);
        }
        !members.contains_key(id)
    }

    pub fn has_member(&self, id: &str) -> bool {
        self.members().contains_key(id)
    }

    /// Members that came by this process.
    pub fn members_here(&self) -> Vec<Member> {
        self.members().values().map(|(member, _)| member.clone()).collect()
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn members(&self) -> MutexGuard<'_, HashMap<Arc<str>, (Member, usize)>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.work.backlog.remove(self.inbox().events.iter().map(Event::bytes).sum());
    }
}

/// The right to work. Also given back when a subscriber panics; then what was in hand is read again.
struct Working<'a>(&'a Channel);

impl Working<'_> {
    /// The next event, or none, and then the right is given back.
    fn next(&self) -> Option<Event> {
        let mut inbox = self.0.inbox();
        let event = inbox.events.pop_front().or_else(|| inbox.overflowed.then_some(Event::Suspect));
        let Some(event) = event else {
            inbox.working = false;
            return None;
        };
        self.0.work.backlog.remove(event.bytes());
        if inbox.events.is_empty() && matches!(event, Event::Suspect) {
            inbox.overflowed = false;
        }
        Some(event)
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut inbox = self.0.inbox();
            inbox.working = false;
            inbox.overflowed = true;
        }
    }
}
