//! The registry of one process: for `polysocket dev`, single-node installations and tests.
//!
//! Same semantics as Redis, with tokio's clock, so that tests may pause it.

mod ask;
mod claims;
mod holders;
mod leases;

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::Instant;

use crate::desk::Desk;
use crate::stats::Counters;
use crate::{
    Admission, AskError, Asks, Claim, Establish, NodeLease, Outcome, Registry, RegistryConfig, RegistryError,
    SocketLease, Stats, Verdict, limits,
};

/// Between two looks for what has expired in a table; looked at earlier when the table is full.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// A registry inside one process; routers and relays share it as an `Arc`.
pub struct MemoryRegistry {
    lease_time: Duration,
    socket_lease_time: Duration,
    tables: Mutex<Tables>,
    counters: Arc<Counters>,
    /// Numbers of asks; also how many there have been.
    asks: AtomicU64,
    asks_waiting: AtomicU64,
}

/// All state, under one lock that is held for one operation and never across an await.
struct Tables {
    leases: leases::Leases,
    claims: claims::Claims,
    holders: holders::Holders,
    desks: HashMap<(String, u64), Arc<Desk>>,
}

impl MemoryRegistry {
    /// An empty one. Only the times of the configuration matter.
    pub fn new(config: &RegistryConfig) -> Self {
        let now = Instant::now();
        Self {
            lease_time: config.lease_time.as_duration(),
            socket_lease_time: config.socket_lease_time.as_duration(),
            tables: Mutex::new(Tables {
                leases: leases::Leases::default(),
                claims: claims::Claims::new(now),
                holders: holders::Holders::new(now),
                desks: HashMap::new(),
            }),
            counters: Arc::default(),
            asks: AtomicU64::new(0),
            asks_waiting: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // A panic between two writes of one operation is not possible, so the tables are whole.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Registry for MemoryRegistry {
    async fn announce(&self, lease: &NodeLease) -> Result<(), RegistryError> {
        limits::check_node_lease(lease)?;
        let now = Instant::now();
        self.lock().leases.announce(lease, now, now + self.lease_time)
    }

    async fn withdraw(&self, node: &str, boot: u64) -> Result<(), RegistryError> {
        limits::check_node(node)?;
        self.lock().leases.withdraw(node, boot);
        Ok(())
    }

    async fn nodes(&self) -> Result<Vec<NodeLease>, RegistryError> {
        Ok(self.lock().leases.live(Instant::now()))
    }

    async fn ask(
        &self,
        node: &str,
        boot: u64,
        establish: &Establish,
        wait: Duration,
    ) -> Result<Outcome, AskError> {
        self.ask_desk(node, boot, establish, wait).await
    }

    async fn serve(&self, node: &str, boot: u64) -> Result<Asks, RegistryError> {
        self.open_desk(node, boot)
    }

    async fn claim(&self, nonce: &str, claim: &Claim, ttl: Duration) -> Result<Claim, RegistryError> {
        limits::check_claim(nonce, claim)?;
        self.lock().claims.claim(nonce, None, claim, Instant::now(), ttl)
    }

    async fn reclaim(
        &self,
        nonce: &str,
        stale: &Claim,
        claim: &Claim,
        ttl: Duration,
    ) -> Result<Claim, RegistryError> {
        limits::check_claim(nonce, claim)?;
        self.lock().claims.claim(nonce, Some(stale), claim, Instant::now(), ttl)
    }

    async fn admit(&self, admission: &Admission) -> Result<Verdict, RegistryError> {
        limits::check_admission(admission)?;
        self.lock().holders.admit(admission, Instant::now(), self.socket_lease_time)
    }

    async fn renew(&self, leases: &[SocketLease]) -> Result<(), RegistryError> {
        leases.iter().try_for_each(limits::check_socket_lease)?;
        let now = Instant::now();
        let mut tables = self.lock();
        leases.iter().try_for_each(|lease| tables.holders.renew(lease, now, now + self.socket_lease_time))
    }

    async fn release(&self, leases: &[SocketLease]) -> Result<(), RegistryError> {
        leases.iter().try_for_each(limits::check_socket_lease)?;
        let mut tables = self.lock();
        for lease in leases {
            tables.holders.release(lease);
        }
        Ok(())
    }

    async fn ping(&self) -> Result<(), RegistryError> {
        Ok(())
    }

    fn stats(&self) -> Stats {
        Stats {
            reachable: true,
            connects: 1,
            asks_waiting: self.asks_waiting.load(std::sync::atomic::Ordering::Relaxed),
            asks_refused: self.counters.asks_refused.get(),
            notices_dropped: self.counters.notices_dropped.get(),
            messages_ignored: self.counters.messages_ignored.get(),
        }
    }
}
