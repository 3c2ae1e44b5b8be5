//! What routers and relays share: who is there, who is asked to open what, who may have how much.
//!
//! One contract, [`Registry`], and two implementations: [`MemoryRegistry`] for one process, [`RedisRegistry`]
//! for many. One suite (`tests/`) runs against both. Nothing here is on the data path: while the registry cannot
//! be reached no socket is created, and those that run go on.
//!
//! # Layout
//! - [`NodeLease`]: what a relay says about itself; gone when it stops saying so.
//! - [`Establish`], [`Outcome`]: the one question a router asks a relay, and its answer.
//! - [`Asks`], [`Message`], [`Replier`]: the relay's side of that question; `desk` knows who still waits.
//! - [`Claim`]: which node a client's nonce belongs to.
//! - [`Admission`], [`Verdict`], [`SocketLease`]: what a token may have. `rate` is the arithmetic.
//! - [`limits`]: every limit, and the checks both implementations make before they touch anything.
//! - `memory`, `redis`: the implementations.

mod admission;
mod asks;
mod claim;
mod config;
mod desk;
mod error;
mod establish;
pub mod limits;
mod memory;
mod node;
mod rate;
mod redis;
mod stats;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub use admission::{Admission, SocketLease, Verdict};
pub use asks::{Asks, Message, Replier};
pub use claim::Claim;
pub use config::RegistryConfig;
pub use error::{AskError, RegistryError};
pub use establish::{Establish, Outcome};
pub use memory::MemoryRegistry;
pub use node::NodeLease;
pub use redis::RedisRegistry;
pub use stats::Stats;

/// The contract between routers and relays.
///
/// Every call ends within `registry.command_timeout`, except [`ask`](Registry::ask), which waits for a relay as
/// long as it is told to, and [`renew`](Registry::renew) and [`release`](Registry::release), which take that time
/// for each [`limits::LEASES_PER_COMMAND_MAX`] leases. All are cancel-safe: a dropped call may or may not have
/// taken effect, and each may be repeated. Times are the registry's own, never a node's clock.
#[async_trait]
pub trait Registry: Send + Sync + 'static {
    /// Says that a relay is there, until `registry.lease_time` has passed; each call replaces what it said before.
    ///
    /// One node has one lease. The incarnation with the highest `boot` holds it; one with a lower `boot` gets
    /// [`RegistryError::Superseded`] as long as that lease stands.
    async fn announce(&self, lease: &NodeLease) -> Result<(), RegistryError>;

    /// Takes a lease back, if this incarnation holds it.
    async fn withdraw(&self, node: &str, boot: u64) -> Result<(), RegistryError>;

    /// The leases that stand, in order of their names.
    async fn nodes(&self) -> Result<Vec<NodeLease>, RegistryError>;

    /// Asks one incarnation of a node to open an upstream, and waits for its answer for at most `wait`.
    ///
    /// The relay is told the lesser of `establish.budget_ms` and `wait`. Dropping the future, or timing out, tells it
    /// that this asker waits no more. The first answer counts; a second or a late one is ignored. Asking again with
    /// the same request id is right: the relay joins them.
    async fn ask(
        &self,
        node: &str,
        boot: u64,
        establish: &Establish,
        wait: Duration,
    ) -> Result<Outcome, AskError>;

    /// Begins to take what is asked of this incarnation of a node, until the returned [`Asks`] is dropped.
    ///
    /// On return askers find it, unless the registry cannot be reached now: then as soon as it can be.
    async fn serve(&self, node: &str, boot: u64) -> Result<Asks, RegistryError>;

    /// Ties a client's nonce to a node and a request, for `ttl`, if it is not tied already. Returns what stands:
    /// the first writer's.
    async fn claim(&self, nonce: &str, claim: &Claim, ttl: Duration) -> Result<Claim, RegistryError>;

    /// Like [`claim`](Registry::claim), and also replaces `stale` if just that stands: how a router moves a nonce from
    /// a node that turned out to be gone. Of several routers that do so, one wins, and all learn which.
    async fn reclaim(
        &self,
        nonce: &str,
        stale: &Claim,
        claim: &Claim,
        ttl: Duration,
    ) -> Result<Claim, RegistryError>;

    /// Decides whether a token may have one more socket, and counts it if so; atomically.
    ///
    /// The lease it counts lasts `registry.socket_lease_time`. With the id of a lease that stands, the answer is
    /// [`Verdict::Admitted`] and nothing is counted twice. A refusal costs the token nothing.
    async fn admit(&self, admission: &Admission) -> Result<Verdict, RegistryError>;

    /// Keeps leases for another `registry.socket_lease_time`; puts back those the registry has lost.
    async fn renew(&self, leases: &[SocketLease]) -> Result<(), RegistryError>;

    /// Gives leases back.
    async fn release(&self, leases: &[SocketLease]) -> Result<(), RegistryError>;

    /// Whether the registry answers; for readiness.
    async fn ping(&self) -> Result<(), RegistryError>;

    /// Counters for the metrics page; does not wait for anything.
    fn stats(&self) -> Stats;
}

/// Opens the registry the configuration names.
///
/// With `memory` each call makes a new, empty one. With Redis it comes up also while the server cannot be reached,
/// and connects in the background, so that routers, relays and Redis may start in any order.
///
/// # Errors
/// [`RegistryError::Invalid`] when the configuration cannot be used.
pub async fn open(config: &RegistryConfig) -> Result<Arc<dyn Registry>, RegistryError> {
    if config.url == config::MEMORY {
        Ok(Arc::new(MemoryRegistry::new(config)))
    } else {
        Ok(Arc::new(RedisRegistry::open(config).await?))
    }
}
