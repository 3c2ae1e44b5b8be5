//! The broker and the protocols over it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::routing::any;
use http::{Request, StatusCode};
use polysocket_broker::{Broker, BrokerError, BrokerMetrics};
use polysocket_config::ConfigError;
use polysocket_gockets::{Gockets, Metrics as GocketsMetrics, StoreError, store};
use polysocket_outbound::Dialer;
use polysocket_rocket::{Rocket, RocketMetrics};
use polysocket_service::Lifecycle;
use polysocket_service::http::{Bound, Routes, bind};
use polysocket_service::tls::Certificate;
use polysocket_socket::{SocketMetrics, Sockets};
use polysocket_tokens::Keyring;
use prometheus::Registry;
use thiserror::Error;

use crate::{Mount, Protocol, Sections};

/// The broker's space of Gockets.
const GOCKETS: &str = "gockets";

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
    /// Ports under which Gockets are reached besides those of their listeners.
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
    /// The listeners of Gockets, which want to know their ports.
    gockets_bound: Vec<Bound>,
}

impl Hub {
    /// Makes the protocols of `hub.protocols` and starts their tasks; binds nothing but what `listen` says for Gockets.
    /// With `listening` false they are served by others ([`routes`](Self::routes)).
    ///
    /// # Errors
    /// What in the configuration cannot be used, or an address that is taken.
    pub async fn open(parts: Parts<'_>, listening: bool) -> Result<Self, HubError> {
        let Parts { sections, keyring, dialer, body_timeout, mut ports, life, metrics } = parts;
        let broker = Broker::open(&sections.broker, BrokerMetrics::new(metrics)).await?;
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
        let mut gockets_bound = Vec::new();
        let gockets = if sections.hub.has(Protocol::Gockets) {
            if listening {
                gockets_bound = gockets_listeners(&sections)?;
            }
            ports.extend(gockets_bound.iter().filter_map(|bound| Some(bound.address().ok()?.port())));
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
        Ok(Self { sections, broker, rocket, gockets, gockets_bound })
    }

    /// Each protocol with the listeners that its section names, bound. Once.
    ///
    /// # Errors
    /// The address or the file, and what is wrong with it.
    pub fn listen(&mut self) -> Result<Vec<(Protocol, Mount, Vec<Bound>)>, HubError> {
        let mut mounts = Vec::new();
        if let Some(rocket) = &self.rocket {
            let bound = rocket.listen().map_err(HubError::Listen)?;
            mounts.push((Protocol::Rocket, Mount::Rocket(rocket.clone()), bound));
        }
        if let Some(gockets) = &self.gockets {
            let bound = std::mem::take(&mut self.gockets_bound);
            mounts.push((Protocol::Gockets, Mount::Gockets(Routes::new(gockets.service())), bound));
        }
        Ok(mounts)
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

fn gockets_listeners(sections: &Sections) -> Result<Vec<Bound>, HubError> {
    let config = &sections.gockets;
    let mut bound = Vec::new();
    for address in &config.listen {
        bound.push(bind(address, None).map_err(HubError::Listen)?);
    }
    if let (false, Some(chain), Some(private)) =
        (config.tls_listen.is_empty(), &config.tls_certificate, &config.tls_private)
    {
        let certificate =
            Certificate::load(chain, private).map_err(|error| HubError::Listen(error.to_string()))?;
        for address in &config.tls_listen {
            bound.push(bind(address, Some(certificate.clone())).map_err(HubError::Listen)?);
        }
    }
    Ok(bound)
}
