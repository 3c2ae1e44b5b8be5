//! The broker and the protocols over it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::routing::any;
use http::{Request, StatusCode};
use polysocket_broker::{Broker, BrokerError, BrokerMetrics};
use polysocket_config::ConfigError;
use polysocket_gockets::{Gockets, GocketsMetrics, StoreError, store};
use polysocket_outbound::Dialer;
use polysocket_rocket::{Rocket, RocketMetrics};
use polysocket_service::Lifecycle;
use polysocket_socket::{SocketMetrics, Sockets};
use polysocket_tokens::Keyring;
use prometheus::Registry;
use thiserror::Error;

use crate::bridge::{BridgeMetrics, Bridges};
use crate::{Mount, Protocol, Sections};

/// The broker's space of Gockets.
pub(crate) const GOCKETS: &str = "gockets";

/// What a hub is made of; the caller has configured it.
pub struct Parts<'a> {
    /// All that was said to it.
    pub sections: Sections,
    /// Checks the tokens of users who have no secret.
    pub keyring: Option<Arc<Keyring>>,
    /// Dials hooks.
    pub dialer: Arc<Dialer>,
    /// Until a request's body is complete.
    pub body_timeout: Duration,
    /// Ports under which Gockets are reached.
    pub ports: Vec<u16>,
    /// The phases of the process.
    pub life: Lifecycle,
    /// Where it counts.
    pub metrics: &'a Registry,
}

/// Why a hub could not be made.
#[derive(Debug, Error)]
pub enum HubError {
    /// The operator's to mend.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The broker cannot be used as it is configured.
    #[error("broker: {0}")]
    Broker(#[from] BrokerError),
    /// The store of channels cannot be used as it is configured.
    #[error("gockets: {0}")]
    Store(#[from] StoreError),
    /// An address that is taken, or a certificate that cannot be read.
    #[error("{0}")]
    Listen(String),
}

/// A hub. Its protocols serve as soon as somebody listens for them.
pub struct Hub {
    sections: Sections,
    broker: Broker,
    rocket: Option<Rocket>,
    gockets: Option<Gockets>,
}

impl Hub {
    /// Makes the protocols of `hub.protocols` and starts their tasks. Others serve them: each on its own listeners
    /// ([`mounts`](Self::mounts)), or all beside something else ([`routes`](Self::routes)).
    ///
    /// # Errors
    /// What in the configuration cannot be used.
    pub async fn open(parts: Parts<'_>) -> Result<Self, HubError> {
        let Parts { sections, keyring, dialer, body_timeout, ports, life, metrics } = parts;
        let bare = Broker::open(&sections.broker, BrokerMetrics::new(metrics)).await?;
        let (bridges, exits) = Bridges::new(sections.hub.bridges.iter(), &BridgeMetrics::new(metrics));
        exits.serve(&bare);
        let broker = bare.tapped(Arc::new(bridges));
        let socket_metrics = SocketMetrics::new(metrics);
        let rocket = if sections.hub.has(Protocol::Rocket) {
            Some(Rocket::new(polysocket_rocket::Parts {
                config: sections.rocket.clone(),
                broker: broker.clone(),
                sockets: Sockets::new(sections.socket.clone(), life.clone(), socket_metrics.clone()),
                queue_bytes_max: sections.socket.queue_bytes_max.as_usize(),
                keyring,
                life: life.clone(),
                metrics: RocketMetrics::new(metrics),
            })?)
        } else {
            None
        };
        let gockets = if sections.hub.has(Protocol::Gockets) {
            Some(Gockets::new(polysocket_gockets::Parts {
                config: sections.gockets.clone(),
                hooks: sections.gockets_hooks.clone(),
                space: GOCKETS.into(),
                ports,
                body_timeout,
                channels: store::open(&sections.broker, GOCKETS, sections.gockets.channels_max)?,
                broker: broker.clone(),
                socket_limits: sections.socket.clone(),
                socket_metrics,
                dialer,
                life,
                metrics: GocketsMetrics::new(metrics),
            }))
        } else {
            None
        };
        Ok(Self { sections, broker, rocket, gockets })
    }

    /// Each protocol that runs, for listeners of its own.
    pub fn mounts(&self) -> Vec<(Protocol, Mount)> {
        let rocket = self.rocket.iter().map(|rocket| (Protocol::Rocket, Mount::Rocket(rocket.clone())));
        let gockets =
            self.gockets.iter().map(|gockets| (Protocol::Gockets, Mount::routes(gockets.service())));
        rocket.chain(gockets).collect()
    }

    /// All protocols as paths of somebody else's listeners: Gockets under `/channel`, Rocket under the paths of its hubs.
    pub fn routes(&self) -> axum::Router {
        let mut routes = axum::Router::new();
        if let Some(gockets) = &self.gockets {
            routes = routes.merge(gockets.routes());
        }
        if let Some(rocket) = &self.rocket {
            for hub in &self.sections.rocket.hubs {
                let rocket = rocket.clone();
                let serve = any(move |mut request: Request<Body>| {
                    let answer = rocket.respond(&mut request).map(|answer| answer.map(Body::new));
                    std::future::ready(answer.ok_or(StatusCode::NOT_FOUND))
                });
                routes = routes.route(&hub.path, serve.clone());
                if hub.path.ends_with('/') {
                    routes = routes.route(&format!("{}{{*below}}", hub.path), serve);
                }
            }
        }
        routes
    }

    /// Whether it can do its work now, or why not.
    pub async fn ready(&self) -> Result<(), String> {
        match &self.gockets {
            Some(gockets) => gockets.ready().await,
            None => self.broker.ping().await.map_err(|error| error.to_string()),
        }
    }
}
