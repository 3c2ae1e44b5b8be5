//! Parts from configuration, and a process around them.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use polysocket_config::{ConfigError, Problem};
use polysocket_outbound::{Dialer, Policy};
use polysocket_registry::Registry;
use polysocket_relayd::{Parts as RelayParts, Relay, RelayMetrics};
use polysocket_router::{ClientLimits, Parts as RouterParts, Router, RouterMetrics};
use polysocket_service::cluster::ClusterKey;
use polysocket_service::http::{Bound, Handler, HttpMetrics, Server};
use polysocket_service::{Lifecycle, admin, logs};
use polysocket_tokens::Keyring;
use tokio::net::TcpListener;

use crate::config::Config;
use crate::error::Failure;

/// After a relay has drained: until every connection has ended.
pub const CLOSING: Duration = Duration::from_secs(5);

/// Runs `main` on a runtime of its own, with logs.
pub fn run_with<F: Future<Output = Result<(), Failure>>>(
    config: &Config,
    main: impl FnOnce() -> F,
) -> Result<(), Failure> {
    logs::start(&config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Start(format!("cannot start the runtime: {error}")))?;
    runtime.block_on(main())
}

/// What every process has.
pub struct Process {
    /// Its configuration.
    pub config: Config,
    /// Its phases.
    pub life: Lifecycle,
    /// Its metrics.
    pub metrics: prometheus::Registry,
    http: HttpMetrics,
}

/// What routers and relays share.
pub struct Shared {
    registry: Arc<dyn Registry>,
    /// Signs socket ids.
    key: ClusterKey,
}

impl Shared {
    /// Opens the registry.
    pub async fn open(config: &Config) -> Result<Self, Failure> {
        let registry = polysocket_registry::open(&config.registry).await;
        let registry = registry.map_err(|error| Failure::Start(error.to_string()))?;
        Ok(Self { registry, key: ClusterKey::new(&config.cluster) })
    }

    /// The process is ready while the registry answers.
    pub fn ready(&self) -> admin::Ready {
        let registry = self.registry.clone();
        Arc::new(move || {
            let registry = registry.clone();
            Box::pin(async move { registry.ping().await.map_err(|error| error.to_string()) })
        })
    }
}

impl Process {
    /// One that does nothing yet.
    pub fn new(config: Config) -> Self {
        let metrics = prometheus::Registry::new();
        let http = HttpMetrics::new(&metrics);
        Self { config, life: Lifecycle::new(), metrics, http }
    }

    /// The router; without a keyring it takes everybody.
    pub fn router(&self, shared: &Shared, keyring: Option<Keyring>, policy: Policy) -> Router {
        let limits = &self.config.limits;
        Router::new(RouterParts {
            config: self.config.router.clone(),
            registry: shared.registry.clone(),
            keyring,
            policy,
            key: shared.key.clone(),
            life: self.life.clone(),
            metrics: RouterMetrics::new(&self.metrics),
            limits: ClientLimits {
                idle_ms: limits.idle_time.as_millis(),
                message_bytes_max: limits.message_bytes_max.as_usize(),
                url_bytes_max: self.config.http.head_bytes_max.as_usize() / 2,
                jsonp: self.config.relayd.jsonp,
            },
        })
    }

    /// The relay, which is announced from now on.
    pub fn relay(&self, shared: &Shared, policy: Policy, listening: SocketAddr) -> Result<Relay, Failure> {
        Ok(Relay::start(RelayParts {
            config: self.config.relayd.clone(),
            limits: self.config.limits.clone(),
            body_timeout: self.config.http.body_timeout.as_duration(),
            registry: shared.registry.clone(),
            registry_config: self.config.registry.clone(),
            key: shared.key.clone(),
            dialer: dialer(policy, &self.config)?,
            life: self.life.clone(),
            metrics: RelayMetrics::new(&self.metrics),
            listening,
        }))
    }

    /// Serves a handler on listeners that are bound; `name` says whose they are, where there are several.
    pub fn serve<H: Handler>(&self, name: &str, handler: H, listeners: Vec<Bound>) {
        let server = Server::new(handler, self.config.http.clone(), self.life.clone(), self.http.clone());
        for bound in listeners {
            let scheme = if bound.secure() { "https" } else { "http" };
            if let Ok(address) = bound.address() {
                println!("{name}listening on {scheme}://{address}");
            }
            server.serve(bound);
        }
    }

    /// Serves operators.
    pub async fn administer(&self, ready: admin::Ready) -> Result<(), Failure> {
        let listen = &self.config.admin.listen;
        if listen.is_empty() {
            return Ok(());
        }
        let listener = TcpListener::bind(listen).await;
        let listener = listener
            .map_err(|error| Failure::Start(format!("admin.listen: cannot listen on {listen}: {error}")))?;
        if let Ok(address) = listener.local_addr() {
            println!("admin on http://{address}");
        }
        admin::serve(listener, &self.life, self.metrics.clone(), ready);
        Ok(())
    }

    /// Ends every task, in order.
    pub async fn finish(&self, within: Duration) {
        if !self.life.finish(within).await {
            tracing::warn!("some connections did not end in time");
        }
    }
}

/// What the operator allows.
pub fn policy(config: &Config) -> Result<Policy, ConfigError> {
    Policy::new(&config.targets).map_err(|error| problem(error.key(), &error.to_string()))
}

/// Dials what that allows.
pub fn dialer(policy: Policy, config: &Config) -> Result<Dialer, ConfigError> {
    Dialer::new(policy, &config.targets).map_err(|error| problem(error.key(), &error.to_string()))
}

/// Whether other nodes can reach this relay, where there are others.
pub fn among_others(config: &Config) -> Result<(), ConfigError> {
    if config.registry.url == "memory" { Ok(()) } else { config.relayd.check_among_others() }
}

/// Keys to check tokens with; none where nothing is configured and everybody may come.
pub fn keyring(config: &Config) -> Result<Option<Keyring>, ConfigError> {
    if config.auth.is_open() {
        if config.router.anonymous {
            return Ok(None);
        }
        return Err(problem(
            "auth.keys",
            "there is nothing to check a token with; give keys, a key set or static tokens, \
             or set router.anonymous = true if everybody may use this router",
        ));
    }
    Ok(Some(Keyring::new(&config.auth)?))
}

/// What is wrong with one key.
pub fn problem(key: &str, text: &str) -> ConfigError {
    ConfigError(vec![Problem::new(key, text)])
}
