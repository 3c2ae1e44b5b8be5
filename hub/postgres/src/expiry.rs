//! Connections that end at a time of their own: one timer for all of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use polysocket_service::Lifecycle;
use polysocket_socket::{ConnectionId, Sender};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Who is closed when, and what is said then.
#[derive(Default)]
pub struct Expiries {
    due: Mutex<BTreeMap<(Instant, ConnectionId), Due>>,
    sooner: Notify,
}

struct Due {
    sender: Sender,
    code: u16,
    reason: &'static str,
}

/// One of them; dropping it lets the connection live.
pub struct Expiry {
    expiries: Arc<Expiries>,
    key: (Instant, ConnectionId),
}

impl Expiries {
    /// Makes them and starts their task; `expired` is called for each that was closed.
    pub fn start(life: &Lifecycle, expired: impl Fn() + Send + 'static) -> Arc<Self> {
        let expiries = Arc::new(Self::default());
        let (own, stopping) = (expiries.clone(), life.clone());
        life.spawn(async move {
            tokio::select! {
                () = own.run(expired) => {}
                () = stopping.stopping() => {}
            }
        });
        expiries
    }

    /// Closes the connection at `at`, unless the expiry is dropped before.
    pub fn add(self: &Arc<Self>, at: Instant, sender: Sender, code: u16, reason: &'static str) -> Expiry {
        let key = (at, sender.id());
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.first_key_value().is_none_or(|(first, _)| *first > key) {
            self.sooner.notify_one();
        }
        due.insert(key, Due { sender, code, reason });
        Expiry { expiries: self.clone(), key }
    }

    async fn run(&self, expired: impl Fn()) {
        loop {
            let first = {
                let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
                while let Some(entry) = due.first_entry().filter(|entry| entry.key().0 <= Instant::now()) {
                    let Due { sender, code, reason } = entry.remove();
                    sender.close(code, reason);
                    expired();
                }
                due.first_key_value().map(|((at, _), _)| *at)
            };
            match first {
                Some(at) => tokio::select! {
                    () = sleep_until(at) => {}
                    () = self.sooner.notified() => {}
                },
                None => self.sooner.notified().await,
            }
        }
    }
}

impl Drop for Expiry {
    fn drop(&mut self) {
        self.expiries.due.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}
