//! What the scripted server has seen of each of its connections.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::client::Message;
use crate::history::History;
use crate::http1::Head;

/// One connection.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The handshake of the client: target, Host, Origin, Sec-WebSocket-Protocol, Cookie.
    pub head: Head,
    /// The messages that came, except on `/duplex`, where `history` judges them.
    pub messages: Vec<Message>,
    /// The judgement of what came up, on `/duplex`.
    pub history: Option<History>,
    /// Pongs that came.
    pub pongs: u64,
    /// The close frame that came: its code, if it had one, and its reason.
    pub close: Option<(Option<u16>, String)>,
    /// What was not masked or broke RFC 6455 otherwise.
    pub violation: Option<String>,
    /// Whether the connection is over.
    pub ended: bool,
}

impl Seen {
    pub(super) fn new(head: Head) -> Self {
        Self {
            head,
            messages: Vec::new(),
            history: None,
            pongs: 0,
            close: None,
            violation: None,
            ended: false,
        }
    }
}

/// All connections, in the order of their handshakes.
#[derive(Debug, Default)]
pub(super) struct Register {
    seen: Mutex<Vec<Seen>>,
    changed: watch::Sender<u64>,
}

impl Register {
    pub fn add(&self, seen: Seen) -> usize {
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(seen);
        let number = all.len() - 1;
        drop(all);
        self.changed.send_modify(|count| *count += 1);
        number
    }

    pub fn update<T>(&self, number: usize, change: impl FnOnce(&mut Seen) -> T) -> T {
        let result = change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner)[number]);
        self.changed.send_modify(|count| *count += 1);
        result
    }

    pub fn all(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub async fn wait_for(&self, limit: Duration, is_it: impl Fn(&Seen) -> bool) -> Option<Seen> {
        let until = Instant::now() + limit;
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            {
                let all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(seen) = all.iter().find(|seen| is_it(seen)) {
                    return Some(seen.clone());
                }
            }
            if timeout_at(until, changed.changed()).await.is_err() {
                return None;
            }
        }
    }
}
