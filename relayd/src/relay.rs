//! A relay: what it is made of, how it starts, and how it leaves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use polysocket_outbound::Dialer;
use polysocket_registry::{Registry, RegistryConfig};
use polysocket_service::Lifecycle;
use polysocket_service::cluster::ClusterKey;
use tokio::sync::{mpsc, watch};

use crate::budget::Budgets;
use crate::clock::Clock;
use crate::config::{LimitsConfig, RelaydConfig};
use crate::directory::Directory;
use crate::metrics::RelayMetrics;
use crate::node::Node;
use crate::requests::Requests;
use crate::sessions::Table;
use crate::{drain, establish, lease};

/// Leases that wait to be given back; more are left to expire.
const RELEASES_MAX: usize = 10_000;

/// What a relay is made of; the caller has configured it.
pub struct Parts {
    /// Its own section.
    pub config: RelaydConfig,
    /// Limits of sessions.
    pub limits: LimitsConfig,
    /// Until a request's body is complete.
    pub body_timeout: Duration,
    /// Where it announces itself and is asked.
    pub registry: Arc<dyn Registry>,
    /// How often, and for how long.
    pub registry_config: RegistryConfig,
    /// Signs ids.
    pub key: ClusterKey,
    /// Dials targets.
    pub dialer: Dialer,
    /// Its phases.
    pub life: Lifecycle,
    /// What it counts.
    pub metrics: RelayMetrics,
    /// The first address it listens on, for what is not configured.
    pub listening: SocketAddr,
}

/// A relay node. Cheap to clone: all clones are the same node.
#[derive(Clone)]
pub struct Relay(pub(crate) Arc<Node>);

impl Relay {
    /// Makes the node and starts its tasks; it is announced and serves what routers ask for. Requests of pages are
    /// served by [`Front`](crate::Front).
    pub fn start(parts: Parts) -> Self {
        let Parts {
            config,
            limits,
            body_timeout,
            registry,
            registry_config,
            key,
            dialer,
            life,
            metrics,
            listening,
        } = parts;
        let (releases, released) = mpsc::channel(RELEASES_MAX);
        let (address, label_hosts) = match (&config.one_host, &config.address) {
            (Some(host), _) => (format!("{host}/r/{}", config.name), false),
            (None, Some(address)) => (address.clone(), config.label_hosts),
            (None, None) => (format!("{}.localhost:{}", config.name, listening.port()), config.label_hosts),
        };
        let node = Arc::new(Node {
            address,
            label_hosts,
            internal_url: config.internal_url.clone().unwrap_or_else(|| format!("http://{listening}")),
            boot: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
            limits: Arc::new(limits.limits()),
            body_timeout,
            clock: Clock::start(),
            table: Table::default(),
            opened: AtomicU64::new(0),
            requests: Requests::default(),
            budgets: Budgets::default(),
            directory: Directory::default(),
            releases,
            announced: watch::Sender::new(false),
            config,
            registry,
            registry_config,
            key,
            dialer,
            life,
            metrics,
        });
        let serving = establish::start(&node);
        lease::start(&node, serving, released);
        Self(node)
    }

    /// Until routers can find it, or it has found that the registry is not there.
    pub async fn announced(&self) {
        // Fails only when the node is gone.
        let _ = self.0.announced.subscribe().wait_for(|announced| *announced).await;
    }

    /// Leaves: takes nothing new, lets sessions run out for `relayd.drain_timeout`, closes those that are left, and
    /// withdraws. The listeners must go on meanwhile.
    pub async fn drain(&self) {
        drain::run(&self.0).await;
    }

    /// Ends at once, whatever its sessions still hold: for a development server.
    pub fn stop(&self) {
        drain::forget(&self.0);
    }

    /// Sessions it holds.
    pub fn sessions(&self) -> usize {
        self.0.table.len()
    }
}
