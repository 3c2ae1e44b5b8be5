//! When to fetch a key set, and what holds meanwhile.
//!
//! | the set we have is | a token is checked with it | and a fetch |
//! | --- | --- | --- |
//! | younger than `max_age` | at once | is not needed |
//! | older | at once | runs in the background |
//! | older than twice that, after a quiet time | after the fetch | is waited for |
//! | older, and the last fetch failed | at once | runs in the background |
//! | none | after the fetch | is waited for |
//! | without the token's key | after the fetch | is waited for |
//!
//! At most one fetch runs at a time, and never two within `floor`.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::fetch::{Fetcher, JwksError};
use crate::key::VerifyingKey;

/// A key set that keeps itself up to date as it is asked. Dropping it ends a fetch that runs.
#[derive(Debug)]
pub struct Jwks {
    shared: Arc<Shared>,
}

/// The keys as they are now.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub keys: Arc<[VerifyingKey]>,
    /// The last fetch failed, or there was none: a key that is not here may exist.
    pub doubtful: bool,
}

#[derive(Debug)]
struct Shared {
    fetcher: Fetcher,
    floor: Duration,
    max_age: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    keys: Arc<[VerifyingKey]>,
    /// When the keys were fetched.
    fetched_at: Option<Instant>,
    /// When a fetch was last begun.
    begun_at: Option<Instant>,
    /// How the last fetch ended.
    last: Result<(), JwksError>,
    flight: Option<Flight>,
}

/// A fetch that runs, or has ended.
#[derive(Debug)]
struct Flight {
    /// Closed when the fetch has ended, however it did.
    ended: watch::Receiver<()>,
    task: AbortHandle,
}

impl Jwks {
    pub fn new(fetcher: Fetcher, floor: Duration, max_age: Duration) -> Self {
        let state = State {
            keys: Arc::from([]),
            fetched_at: None,
            begun_at: None,
            last: Err(JwksError::NotYet),
            flight: None,
        };
        Self { shared: Arc::new(Shared { fetcher, floor, max_age, state: Mutex::new(state) }) }
    }

    /// The keys, fetched when there are none yet or they are very old.
    pub async fn current(&self) -> Snapshot {
        let wait = {
            let state = self.shared.lock();
            match state.fetched_at.map(|at| at.elapsed()) {
                Some(age) if age < self.shared.max_age => return state.snapshot(),
                Some(age) => age >= self.shared.max_age * 2 && state.last.is_ok(),
                None => true,
            }
        };
        let flight = self.fetch();
        if wait { self.landed(flight).await } else { self.shared.lock().snapshot() }
    }

    /// The keys after one more fetch, or as they are when the last was begun less than `floor` ago.
    pub async fn newer(&self) -> Snapshot {
        let flight = self.fetch();
        self.landed(flight).await
    }

    /// Fetches the keys if there are none yet; their number, or why there are none.
    pub async fn preload(&self) -> Result<usize, JwksError> {
        let keys = self.current().await.keys;
        let state = self.shared.lock();
        if state.fetched_at.is_some() {
            Ok(keys.len())
        } else {
            Err(state.last.clone().err().unwrap_or(JwksError::NotYet))
        }
    }

    async fn landed(&self, flight: Option<watch::Receiver<()>>) -> Snapshot {
        if let Some(mut ended) = flight {
            // Nothing is ever sent: this ends when the fetch drops the other side.
            while ended.changed().await.is_ok() {}
        }
        self.shared.lock().snapshot()
    }

    /// The fetch that runs, or a new one; none within `floor` of the last. It is a task of its own, since
    /// whoever asked first may go away while others wait.
    fn fetch(&self) -> Option<watch::Receiver<()>> {
        let mut state = self.shared.lock();
        if let Some(Flight { ended, .. }) =
            state.flight.as_ref().filter(|flight| flight.ended.has_changed().is_ok())
        {
            return Some(ended.clone());
        }
        if state.begun_at.is_some_and(|at| at.elapsed() < self.shared.floor) {
            return None;
        }
        state.begun_at = Some(Instant::now());
        let (running, ended) = watch::channel(());
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move {
            let fetched = shared.fetcher.fetch().await;
            shared.lock().land(fetched);
            drop(running);
        });
        state.flight = Some(Flight { ended: ended.clone(), task: task.abort_handle() });
        Some(ended)
    }
}

impl Drop for Jwks {
    fn drop(&mut self) {
        if let Some(flight) = &self.shared.lock().flight {
            flight.task.abort();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is whole, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn snapshot(&self) -> Snapshot {
        Snapshot { keys: Arc::clone(&self.keys), doubtful: self.last.is_err() }
    }

    fn land(&mut self, fetched: Result<Vec<VerifyingKey>, JwksError>) {
        self.last = match fetched {
            Ok(keys) => {
                if keys.is_empty() {
                    tracing::warn!("the JWK set at auth.jwks_url has no key that can verify a token");
                } else {
                    tracing::info!(keys = keys.len(), "fetched the JWK set");
                }
                self.keys = keys.into();
                self.fetched_at = Some(Instant::now());
                Ok(())
            }
            Err(error) => {
                let keys = self.keys.len();
                tracing::warn!(%error, keys, "cannot fetch the JWK set; the keys at hand are used on");
                Err(error)
            }
        };
    }
}
