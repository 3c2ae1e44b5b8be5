//! One session as a page has it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::create::{Create, CreateError, Created, create};
use super::http::HttpClient;
use super::inbox::Event;
use super::settings::{Handover, Settings, Transport};
use super::shared::Shared;
use super::unit::{Close, Message};
use super::{receive, send};

/// What a session cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Requests, first tries and retries.
    pub requests: u64,
    /// Requests that failed.
    pub failures: u64,
    /// Down units that came more than once.
    pub duplicates: u64,
}

/// An open session; it stops, without a close, when it is dropped.
#[derive(Debug)]
pub struct Session {
    shared: Arc<Shared>,
    /// Behind a lock, so that one task can send while another receives.
    events: Mutex<mpsc::UnboundedReceiver<Event>>,
    tasks: TaskTracker,
}

impl Session {
    /// Creates a socket and starts to receive.
    pub async fn open(http: &HttpClient, wish: &Create, settings: Settings) -> Result<Self, CreateError> {
        let created = create(http, wish).await?;
        Ok(Self::attach(http, &wish.router, created, settings))
    }

    /// Starts to receive on a socket that was created.
    pub fn attach(http: &HttpClient, router: &str, created: Created, settings: Settings) -> Self {
        let (shared, events) = Shared::new(http.clone(), router.into(), created, settings);
        let shared = Arc::new(shared);
        let tasks = TaskTracker::new();
        tasks.spawn(receive::supervise(shared.clone()));
        tasks.spawn(send::run(shared.clone()));
        let finishing = shared.clone();
        tasks.spawn(async move {
            finishing.stop.cancelled().await;
            if finishing.core().inbox.is_closed() {
                receive::confirm_close(&finishing).await;
            }
        });
        tasks.close();
        Self { shared, events: Mutex::new(events), tasks }
    }

    /// What create said.
    pub fn created(&self) -> &Created {
        &self.shared.created
    }

    /// Queues a message; false after [`Session::close`].
    pub fn send(&self, message: Message) -> bool {
        let queued = self.shared.core().outbox.push(message);
        self.shared.changed();
        queued
    }

    /// Closes after everything that was queued; no code is a close frame without a body.
    pub fn close(&self, code: Option<u16>, reason: &str) -> bool {
        let close = Close { code: code.unwrap_or(1005), reason: reason.into(), clean: true, error: None };
        let queued = self.shared.core().outbox.close(close);
        self.shared.changed();
        queued
    }

    /// The next event; `None` after the last.
    pub async fn recv(&self) -> Option<Event> {
        self.events.lock().await.recv().await
    }

    /// The next event, which must come within this time.
    ///
    /// # Panics
    ///
    /// When it does not come, with the state of the session.
    pub async fn expect_within(&self, limit: Duration) -> Event {
        match timeout(limit, self.recv()).await {
            Ok(Some(event)) => event,
            Ok(None) => panic!("the session has ended: {}", self.describe()),
            Err(late) => panic!("no event within {limit:?} ({late}): {}", self.describe()),
        }
    }

    /// Receives by another transport from now on.
    pub fn switch_to(&self, transport: Transport, handover: Handover) {
        self.shared.wanted.send_modify(|wanted| {
            wanted.transport = transport;
            wanted.handover = handover;
            wanted.generation += 1;
        });
        self.shared.changed();
    }

    /// The transport that is wanted now.
    pub fn transport(&self) -> Transport {
        self.shared.transport()
    }

    /// Waits until the relay has acked everything that was sent, or the session has ended; true for the first.
    pub async fn flushed(&self) -> bool {
        self.backlog_below(1).await
    }

    /// Waits until fewer messages and units than this are queued or not acked, or the session has ended.
    pub async fn backlog_below(&self, count: usize) -> bool {
        let mut changes = self.shared.changes.subscribe();
        let is_below = || self.shared.core().outbox.backlog() < count;
        loop {
            if is_below() {
                return true;
            }
            tokio::select! {
                () = self.shared.stop.cancelled() => return is_below(),
                _ = changes.changed() => {}
            }
        }
    }

    /// The words with which the relay refused sends for good.
    pub fn refusals(&self) -> Vec<String> {
        self.shared.core().refused.clone()
    }

    /// What it cost so far.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            requests: self.shared.requests.load(Ordering::Relaxed),
            failures: self.shared.failures.load(Ordering::Relaxed),
            duplicates: self.shared.core().inbox.duplicates(),
        }
    }

    /// Waits for the end of everything that runs for this session, the last ack included.
    pub async fn finished(&self) {
        self.tasks.wait().await;
    }

    /// One line on where the session stands, for a test that fails.
    pub fn describe(&self) -> String {
        let core = self.shared.core();
        format!(
            "transport {:?}, up {} of {} acked, down {} arrived (closed {}), refused {:?}, {} requests, {} failures, the last send's {:?}, {} units under way",
            self.transport(),
            core.outbox.first_unacked() - 1,
            core.outbox.next_number() - 1,
            core.inbox.last(),
            core.inbox.is_closed(),
            core.refused,
            self.shared.requests.load(Ordering::Relaxed),
            self.shared.failures.load(Ordering::Relaxed),
            core.last_failure,
            core.outbox.under_way(),
        )
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}
