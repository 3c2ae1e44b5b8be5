//! Asks inside one process: the desk of the node is at hand.

use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::MemoryRegistry;
use crate::asks::Answer;
use crate::desk::{Asker, Desk};
use crate::limits::{self, ASKS_WAITING_MAX};
use crate::{AskError, Asks, Establish, Outcome, RegistryError};

impl MemoryRegistry {
    pub(super) fn open_desk(&self, node: &str, boot: u64) -> Result<Asks, RegistryError> {
        limits::check_node(node)?;
        let mut tables = self.lock();
        tables.desks.retain(|_, desk| !desk.served().is_cancelled());
        let Entry::Vacant(place) = tables.desks.entry((node.to_owned(), boot)) else {
            return Err(RegistryError::Invalid(format!("node `{node}` is served already by this process")));
        };
        let (desk, asks) = Desk::new(self.counters.clone());
        place.insert(desk);
        Ok(asks)
    }

    pub(super) async fn ask_desk(
        &self,
        node: &str,
        boot: u64,
        establish: &Establish,
        wait: Duration,
    ) -> Result<Outcome, AskError> {
        limits::check_node(node)?;
        limits::check_establish(establish)?;
        let desk = self.lock().desks.get(&(node.to_owned(), boot)).cloned();
        let Some(desk) = desk.filter(|desk| !desk.served().is_cancelled()) else {
            return Err(AskError::NoSuchNode { node: node.to_owned() });
        };
        let _place = Place::take(&self.asks_waiting)?;
        let ask = self.asks.fetch_add(1, Ordering::Relaxed);
        let mut waits = Waits {
            desk: &desk,
            request_id: &establish.request_id,
            asker: Asker { reply_to: String::new(), ask },
            answered: false,
        };
        let (sender, outcome) = oneshot::channel();
        let mut establish = establish.clone();
        establish.budget_ms = establish.budget_ms.min(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        desk.establish(&waits.asker, establish, Arc::new(Direct(Mutex::new(Some(sender)))));
        match timeout(wait, outcome).await {
            Ok(Ok(outcome)) => {
                waits.answered = true;
                Ok(outcome)
            }
            // A replier goes without a word only when its deadline is over, which it may notice before we do.
            Ok(Err(_)) | Err(_) => Err(AskError::TimedOut { node: node.to_owned() }),
        }
    }
}

/// A place among the asks that wait.
struct Place<'a>(&'a AtomicU64);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicU64) -> Result<Self, RegistryError> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= ASKS_WAITING_MAX as u64 {
            return Err(RegistryError::Full { what: "asks that wait", max: ASKS_WAITING_MAX });
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells the relay when the asker goes before it was answered.
struct Waits<'a> {
    desk: &'a Desk,
    request_id: &'a str,
    asker: Asker,
    answered: bool,
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.desk.cancel(self.request_id, &self.asker);
        }
    }
}

/// The asker's own end; what comes after the first answer goes nowhere.
struct Direct(Mutex<Option<oneshot::Sender<Outcome>>>);

impl Direct {
    fn send(&self, outcome: Outcome) -> bool {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        sender.is_some_and(|sender| sender.send(outcome).is_ok())
    }
}

#[async_trait]
impl Answer for Direct {
    async fn deliver(&self, outcome: &Outcome) -> bool {
        self.send(outcome.clone())
    }

    fn post(&self, outcome: Outcome) {
        self.send(outcome);
    }
}
