//! What all of a mount shares.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use polysocket_broker::{Broker, Topic};
use polysocket_config::{ConfigError, Problem};
use polysocket_outbound::Dialer;
use polysocket_service::Lifecycle;
use polysocket_socket::{SocketLimits, SocketMetrics, Sockets};
use polysocket_tokens::{Keyring, OriginPattern};
use tokio::sync::Semaphore;

use crate::access::{Authority, Blocked, Limiter, hash};
use crate::config::{AuthMode, PogoConfig};
use crate::feed::{Cause, Feeds, FeedsParts, Pauses};
use crate::metrics::PogoMetrics;
use crate::nodes::Nodes;
use crate::upstream::{Base, Upstream};
use crate::wire::{Code, Failure};

/// What Pogo is made of; the caller has configured it.
pub struct Parts {
    /// The section `pogo`.
    pub config: PogoConfig,
    /// The broker's space for this mount: `pogo`.
    pub space: Arc<str>,
    /// Checks JWTs and static tokens, for `auth = "known"`.
    pub keyring: Option<Arc<Keyring>>,
    /// Until a request's body is complete.
    pub body_timeout: Duration,
    /// Where channels and the nodes of a cluster meet.
    pub broker: Broker,
    /// Limits of WebSockets.
    pub socket_limits: SocketLimits,
    /// What WebSockets count.
    pub socket_metrics: SocketMetrics,
    /// Dials the API, where the operator's policy allows it.
    pub dialer: Arc<Dialer>,
    /// The phases of the process.
    pub life: Lifecycle,
    /// What it counts.
    pub metrics: PogoMetrics,
}

/// Streaming REST over an API. Cheap to clone: all clones are the same.
#[derive(Clone)]
pub struct Pogo(pub(crate) Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) config: PogoConfig,
    pub(crate) space: Arc<str>,
    pub(crate) body_timeout: Duration,
    pub(crate) base: Base,
    pub(crate) upstream: Upstream,
    pub(crate) feeds: Feeds,
    pub(crate) authority: Authority,
    pub(crate) blocked: Arc<Blocked>,
    addresses: Limiter<IpAddr>,
    users: Limiter<Arc<str>>,
    pub(crate) broker: Broker,
    pub(crate) nodes: Nodes,
    pub(crate) sockets: Sockets,
    pub(crate) readers: Vec<OriginPattern>,
    /// SHA-256 of `pogo.push_token`.
    pub(crate) push_token: Option<[u8; 32]>,
    /// One permit for each event stream.
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) life: Lifecycle,
    pub(crate) metrics: PogoMetrics,
}

impl Pogo {
    /// Makes it and starts its tasks. Needs a tokio runtime. Asks the API for nothing.
    ///
    /// # Errors
    /// What of the configuration cannot be used; first of all, that `pogo.upstream` is not set.
    pub fn new(parts: Parts) -> Result<Self, ConfigError> {
        let Parts { config, space, keyring, broker, dialer, life, metrics, .. } = parts;
        let wrong = |key: &str, text: String| ConfigError(vec![Problem::new(&format!("pogo.{key}"), text)]);
        let Some(upstream) = &config.upstream else {
            return Err(wrong(
                "upstream",
                "is not set; write the root of your REST API, as in \"http://localhost:3000\"".into(),
            ));
        };
        if config.auth == AuthMode::Known && config.tokens.is_empty() && keyring.is_none() {
            return Err(wrong(
                "auth",
                "is \"known\", but no token is: write pogo.tokens, or keys in the section auth".into(),
            ));
        }
        let base =
            Base::parse(upstream, &config.allow, &config.deny).map_err(|text| wrong("upstream", text))?;
        let blocked = Blocked::new(&config.blocked_addresses, &config.blocked_users);
        let blocked = Arc::new(blocked.map_err(|text| wrong("blocked_addresses", text))?);
        let introspect = match &config.introspect {
            // The operator's own paths are not those of clients.
            Some(path) => Some(
                Base::parse(upstream, &["/".into()], &[])
                    .map_err(|text| wrong("upstream", text))?
                    .resource(path)
                    .map_err(|failure| wrong("introspect", failure.message))?,
            ),
            None => None,
        };
        let answer_bytes_max = config.answer_bytes_max.as_usize();
        let upstream = Upstream::new(
            dialer,
            config.upstream_timeout.as_duration(),
            answer_bytes_max,
            config.upstream_at_once_max,
            metrics.clone(),
        );
        let feeds = Feeds::new(FeedsParts {
            upstream: upstream.clone(),
            feeds_max: config.feeds_max,
            pauses: Pauses {
                shortest: config.poll_shortest.as_duration(),
                usual: config.poll_every.as_duration(),
                longest: config.poll_longest.as_duration(),
            },
            share_public: config.share_public,
            event_paths: config.event_paths.clone(),
            event_values: config.event_values,
            event_bytes_max: answer_bytes_max,
            life: life.clone(),
            metrics: metrics.clone(),
        });
        let authority = Authority {
            mode: config.auth,
            known: config.tokens.iter().map(|token| hash(token)).collect(),
            keyring,
            introspect,
            upstream: upstream.clone(),
            lifetime: config.session_time.as_duration(),
            blocked: blocked.clone(),
        };
        let nodes = Nodes::start(broker.clone(), Topic::new(space.clone(), "nodes"), feeds.clone(), &life);
        Ok(Self(Arc::new(Shared {
            body_timeout: parts.body_timeout,
            addresses: Limiter::new(config.address_requests_per_second, config.address_requests_burst),
            users: Limiter::new(config.user_requests_per_second, config.user_requests_burst),
            sockets: Sockets::new(parts.socket_limits, life.clone(), parts.socket_metrics),
            // The configuration was checked; a pattern that could not be read would allow nobody.
            readers: config.origins.iter().filter_map(|pattern| pattern.parse().ok()).collect(),
            push_token: config.push_token.as_deref().map(hash),
            streams: Arc::new(Semaphore::new(config.streams_max.min(Semaphore::MAX_PERMITS))),
            config,
            space,
            base,
            upstream,
            feeds,
            authority,
            blocked,
            broker,
            nodes,
            life,
            metrics,
        })))
    }

    /// Whether it can do its work now, or why not. The API is not asked: clients are told when it fails.
    pub async fn ready(&self) -> Result<(), String> {
        self.0.broker.ping().await.map_err(|error| error.to_string())
    }
}

impl Shared {
    /// Takes the share of one request of an address and of a user.
    pub(crate) fn admit(&self, address: Option<IpAddr>, user: Option<&Arc<str>>) -> Result<(), Failure> {
        let address = address.is_none_or(|address| self.addresses.take(address));
        if address && user.is_none_or(|user| self.users.take(user.clone())) {
            return Ok(());
        }
        Err(Failure::new(Code::RateLimited, "too many requests; slow down"))
    }

    /// Binders of a path look again, on all nodes.
    pub(crate) async fn touch(&self, path: &str, cause: Cause) {
        self.feeds.touch(path, cause);
        self.nodes.tell_touched(path, cause).await;
    }

    pub(crate) fn count(&self, result: Result<(), &Failure>) {
        let outcome = result.map_or_else(|failure| failure.code.word(), |()| "ok");
        self.metrics.requests.with_label_values(&[outcome]).inc();
    }
}
