//! What all requests share.

use std::sync::Arc;
use std::time::Duration;

use polysocket_broker::{Broker, Topic};
use polysocket_outbound::Dialer;
use polysocket_service::Lifecycle;
use polysocket_socket::{SocketLimits, SocketMetrics, Sockets};
use polysocket_tokens::OriginPattern;
use tokio::sync::Semaphore;

use crate::Key;
use crate::config::{GocketsConfig, HooksConfig};
use crate::hooks::{self, Client, Hooks};
use crate::lock::Lock;
use crate::metrics::GocketsMetrics;
use crate::store::{Cached, Channels};

/// What Gockets are made of; the caller has configured it.
pub struct Parts {
    /// The section `gockets`.
    pub config: GocketsConfig,
    /// The section `gockets_hooks`.
    pub hooks: HooksConfig,
    /// The broker's space for this mount: `gockets`.
    pub space: Arc<str>,
    /// Ports of its listeners, and those under which a proxy shows it; a `Host` with another may not administer.
    pub ports: Vec<u16>,
    /// Until a request's body is complete.
    pub body_timeout: Duration,
    /// Where channels are kept.
    pub channels: Arc<dyn Channels>,
    /// Where messages go.
    pub broker: Broker,
    /// Limits of WebSockets.
    pub socket_limits: SocketLimits,
    /// What WebSockets count.
    pub socket_metrics: SocketMetrics,
    /// Dials hooks, where the operator allows it.
    pub dialer: Arc<Dialer>,
    /// The phases of the process.
    pub life: Lifecycle,
    /// What it counts.
    pub metrics: GocketsMetrics,
}

/// Gockets: channels that are published to by REST, and hooks. Cheap to clone: all clones are the same.
#[derive(Clone)]
pub struct Gockets(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) config: GocketsConfig,
    pub(crate) space: Arc<str>,
    pub(crate) body_timeout: Duration,
    pub(crate) channels: Arc<dyn Channels>,
    pub(crate) cached: Arc<Cached>,
    pub(crate) broker: Broker,
    pub(crate) sockets: Sockets,
    /// For a connection (`socket.queue_bytes_max`).
    pub(crate) queue_bytes_max: usize,
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) life: Lifecycle,
    pub(crate) metrics: GocketsMetrics,
    pub(crate) lock: Lock,
    pub(crate) readers: Vec<OriginPattern>,
    pub(crate) hooks: Hooks,
    pub(crate) empty_after: Duration,
    /// One permit for each long poll and event stream.
    pub(crate) streams: Arc<Semaphore>,
}

impl Gockets {
    /// Makes them and starts their tasks. Needs a tokio runtime.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            config, hooks, space, ports, body_timeout, channels, broker, dialer, life, metrics, ..
        } = parts;
        let cached = Arc::new(Cached::new(channels.clone(), config.cache_time.as_duration()));
        let client =
            Client::new(dialer.clone(), hooks.timeout.as_duration(), hooks.answer_bytes_max.as_usize());
        let empty_after = hooks.empty_after.as_duration();
        let hooks = Hooks::start(hooks::Parts {
            config: hooks,
            client,
            channels: cached.clone(),
            broker: broker.clone(),
            space: space.clone(),
            life: life.clone(),
            metrics: metrics.clone(),
        });
        Self(Arc::new(Shared {
            lock: Lock::new(&config, ports),
            // The configuration was checked; a pattern that could not be read would allow nobody.
            readers: config.origins.iter().filter_map(|pattern| pattern.parse().ok()).collect(),
            streams: Arc::new(Semaphore::new(config.streams_max.min(Semaphore::MAX_PERMITS))),
            queue_bytes_max: parts.socket_limits.queue_bytes_max.as_usize(),
            sockets: Sockets::new(parts.socket_limits, life.clone(), parts.socket_metrics),
            config,
            space,
            body_timeout,
            channels,
            cached,
            broker,
            dialer,
            life,
            metrics,
            hooks,
            empty_after,
        }))
    }

    /// Its hooks, for whoever watches their queue.
    pub fn hooks(&self) -> &Hooks {
        &self.0.hooks
    }

    /// Whether it can do its work now, or why not.
    pub async fn ready(&self) -> Result<(), String> {
        self.0.broker.ping().await.map_err(|error| error.to_string())?;
        self.0.channels.ping().await.map_err(|error| error.to_string())
    }
}

impl Shared {
    /// The broker's name of a channel. Listeners know it, publishers need not.
    pub(crate) fn topic(&self, subscriber: &Key) -> Topic {
        Topic::new(self.space.clone(), subscriber.to_string())
    }
}
