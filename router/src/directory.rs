//! The table of relays, read from the registry again and again, and placing by it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use polysocket_protocol::Word;
use polysocket_registry::{NodeLease, Registry};
use polysocket_service::Lifecycle;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::metrics::RouterMetrics;
use crate::placement::Placement;
use crate::refusal::Refusal;

/// How long anybody waits for one answer of the registry, should its own time-out be longer.
pub(crate) const REGISTRY_PATIENCE: Duration = Duration::from_millis(900);
/// Nothing is placed by a table that was not renewed for so many readings: its relays may be long gone.
const READINGS_MISSED_MAX: u32 = 4;
/// How old the table may be that says whether a node is alive.
pub(crate) const FRESH: Duration = Duration::from_millis(500);

/// The last known table.
pub(crate) struct Directory {
    placement: Mutex<Placement>,
    /// How each reading ended.
    readings: watch::Receiver<Reading>,
    /// Somebody cannot wait for the next reading.
    wanted: Notify,
    stale_after: Duration,
}

/// The last attempt to read the table.
#[derive(Debug, Clone, Default)]
struct Reading {
    /// When the last successful one began: the table is not older.
    read: Option<Instant>,
    /// Why the last one failed, if it did.
    failure: Option<Refusal>,
}

impl Directory {
    /// Starts to read the table, now and then every `every`, until the process stops.
    pub(crate) fn start(
        registry: Arc<dyn Registry>,
        every: Duration,
        life: &Lifecycle,
        metrics: RouterMetrics,
    ) -> Arc<Self> {
        let (sender, readings) = watch::channel(Reading::default());
        let directory = Arc::new(Self {
            placement: Mutex::default(),
            readings,
            wanted: Notify::new(),
            stale_after: every * READINGS_MISSED_MAX,
        });
        let reader =
            Reader { directory: directory.clone(), registry, metrics, sender, started: Instant::now() };
        life.spawn(reader.run(every, life.clone()));
        directory
    }

    /// Chooses a relay other than `except`, and counts one create on it.
    pub(crate) async fn place(self: &Arc<Self>, except: Option<&NodeLease>) -> Result<Reservation, Refusal> {
        if self.age().is_none_or(|age| age > self.stale_after) || self.lock().len() == 0 {
            self.read_now().await?;
        }
        match self.lock().place(except, &mut rand::rng()) {
            Some(lease) => Ok(Reservation { directory: self.clone(), lease, opened: None }),
            None => Err(Refusal::new(Word::NoCapacity)),
        }
    }

    /// Any relay of the table.
    pub(crate) fn any(&self) -> Option<NodeLease> {
        self.lock().any().cloned()
    }

    /// The lease of one incarnation, and nothing if a fresh table does not have it.
    pub(crate) async fn find(&self, node: &str, boot: u64) -> Result<Option<NodeLease>, Refusal> {
        let known = self.lock().find(node, boot).cloned();
        if known.is_some() {
            return Ok(known);
        }
        self.is_alive(node, boot).await?;
        Ok(self.lock().find(node, boot).cloned())
    }

    /// Whether a table that is at most [`FRESH`] old has this incarnation.
    pub(crate) async fn is_alive(&self, node: &str, boot: u64) -> Result<bool, Refusal> {
        if self.age().is_none_or(|age| age > FRESH) {
            self.read_now().await?;
        }
        Ok(self.lock().find(node, boot).is_some())
    }

    /// A relay was not there, or took no more.
    pub(crate) fn doubt(&self, lease: &NodeLease) {
        self.lock().doubt(lease);
    }

    /// Has the table read, for all who wait at once, and waits for the next reading to end: one time-out of the registry
    /// at most.
    async fn read_now(&self) -> Result<(), Refusal> {
        let mut readings = self.readings.clone();
        readings.mark_unchanged();
        self.wanted.notify_one();
        match timeout(REGISTRY_PATIENCE, readings.changed()).await {
            Ok(Ok(())) => readings.borrow().failure.clone().map_or(Ok(()), Err),
            Ok(Err(_)) => Err(Refusal::noted(Word::Unavailable, "this router is stopping")),
            Err(_) => Err(Refusal::noted(Word::Unavailable, "the registry gave no table in time")),
        }
    }

    fn age(&self) -> Option<Duration> {
        self.readings.borrow().read.map(|read| read.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, Placement> {
        // Held for one operation, never across an await.
        self.placement.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One create on a relay; ends when dropped.
pub(crate) struct Reservation {
    directory: Arc<Directory>,
    lease: NodeLease,
    /// The serial of the socket it became.
    opened: Option<u64>,
}

impl Reservation {
    /// Where it is.
    pub(crate) fn lease(&self) -> &NodeLease {
        &self.lease
    }

    /// It became a socket.
    pub(crate) fn opened(mut self, serial: u64) {
        self.opened = Some(serial);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.directory.lock().end(&self.lease, self.opened);
    }
}

/// The task that reads.
struct Reader {
    directory: Arc<Directory>,
    registry: Arc<dyn Registry>,
    metrics: RouterMetrics,
    sender: watch::Sender<Reading>,
    started: Instant,
}

impl Reader {
    async fn run(self, every: Duration, life: Lifecycle) {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.directory.wanted.notified() => {}
                () = life.stopping() => return,
            }
            self.read().await;
        }
    }

    async fn read(&self) {
        let began = Instant::now();
        let table = timeout(REGISTRY_PATIENCE, self.registry.nodes()).await;
        let failure = match table {
            Ok(Ok(table)) => {
                self.metrics.nodes.set(i64::try_from(table.len()).unwrap_or(i64::MAX));
                self.directory.lock().update(table);
                None
            }
            Ok(Err(error)) => Some(Refusal::noted(Word::Unavailable, error)),
            Err(_) => Some(Refusal::noted(Word::Unavailable, "the registry gave no table in time")),
        };
        let before = self.sender.borrow().clone();
        match (&failure, &before.failure) {
            (Some(failure), None) => {
                tracing::warn!(why = failure.note, "no table of relays: no sockets are created");
            }
            (None, Some(_)) => tracing::info!("the table of relays can be read again"),
            _ => {}
        }
        if failure.is_some() {
            self.metrics.directory_errors.inc();
        }
        let read = if failure.is_some() { before.read } else { Some(began) };
        let age = read.unwrap_or(self.started).elapsed().as_millis();
        self.metrics.directory_age_ms.set(i64::try_from(age).unwrap_or(i64::MAX));
        self.sender.send_replace(Reading { read, failure });
    }
}
