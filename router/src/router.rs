//! A router: what it is made of, and what all requests share.

use std::sync::Arc;

use polysocket_outbound::Policy;
use polysocket_registry::Registry;
use polysocket_service::Lifecycle;
use polysocket_service::cluster::ClusterKey;
use polysocket_tokens::{Keyring, OriginPattern};
use tokio::sync::Semaphore;

use crate::config::RouterConfig;
use crate::directory::Directory;
use crate::leases::Leases;
use crate::metrics::RouterMetrics;

/// What a router is made of; the caller has configured it.
pub struct Parts {
    /// Its own section.
    pub config: RouterConfig,
    /// Where relays announce themselves and are asked.
    pub registry: Arc<dyn Registry>,
    /// Who may create sockets; `None`: everybody, from any page.
    pub keyring: Option<Keyring>,
    /// What the operator allows.
    pub policy: Policy,
    /// Checks socket ids.
    pub key: ClusterKey,
    /// Its phases.
    pub life: Lifecycle,
    /// What it counts.
    pub metrics: RouterMetrics,
    /// What clients are told of the relays.
    pub limits: ClientLimits,
}

/// Limits of the relays, told to clients of `v=1`. They are the same on all.
#[derive(Debug, Clone, Copy)]
pub struct ClientLimits {
    /// How long a session lives without a request, ms.
    pub idle_ms: u64,
    /// The longest message, bytes.
    pub message_bytes_max: usize,
    /// The longest URL, bytes.
    pub url_bytes_max: usize,
    /// Whether they serve JSONP.
    pub jsonp: bool,
}

/// A router. Cheap to clone: all clones are the same.
#[derive(Clone)]
pub struct Router(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) config: RouterConfig,
    pub(crate) readers: Vec<OriginPattern>,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) keyring: Option<Keyring>,
    pub(crate) policy: Policy,
    pub(crate) key: ClusterKey,
    pub(crate) life: Lifecycle,
    pub(crate) metrics: RouterMetrics,
    pub(crate) limits: ClientLimits,
    pub(crate) directory: Arc<Directory>,
    pub(crate) leases: Leases,
    /// One permit for each create under way.
    pub(crate) creates: Arc<Semaphore>,
}

impl Router {
    /// Makes it and starts its tasks. Needs a tokio runtime.
    pub fn new(parts: Parts) -> Self {
        let Parts { config, registry, keyring, policy, key, life, metrics, limits } = parts;
        let every = config.directory_every.as_duration();
        Self(Arc::new(Shared {
            // The configuration was checked; a pattern that could not be read would allow nobody.
            readers: config.origins.iter().filter_map(|pattern| pattern.parse().ok()).collect(),
            directory: Directory::start(registry.clone(), every, &life, metrics.clone()),
            leases: Leases::start(registry.clone(), &life),
            creates: Arc::new(Semaphore::new(config.creates_at_once_max.min(Semaphore::MAX_PERMITS))),
            config,
            registry,
            keyring,
            policy,
            key,
            life,
            metrics,
            limits,
        }))
    }
}
