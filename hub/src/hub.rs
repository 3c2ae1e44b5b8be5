//! The broker and the protocols over it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::routing::any;
use http::{Request, StatusCode};
use polysocket_broker::{Broker, BrokerError, BrokerMetrics};
use polysocket_config::ConfigError;
use polysocket_gockets::StoreError;
use polysocket_outbound::Dialer;
use polysocket_postgres::{Membership, Postgres};
use polysocket_service::Lifecycle;
use polysocket_service::http::Routes;
use polysocket_tokens::Keyring;
use prometheus::Registry;
use thiserror::Error;

use crate::bridge::{BridgeMetrics, Bridges};
use crate::pages::{Facts, page_routes};
use crate::protocols::Protocols;
use crate::{Beside, Mount, Protocol, Sections};

/// What a hub is made of; the caller has configured it.
pub struct Parts<'a> {
    /// All that was said to it.
    pub sections: Sections,
    /// Checks tokens of clients, where a protocol has none of its own.
    pub keyring: Option<Arc<Keyring>>,
    /// Dials hooks and APIs.
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
    protocols: Protocols,
    facts: Facts,
    _bridged: Vec<Membership>,
}

impl Hub {
    /// Makes the protocols of `hub.protocols` and starts their tasks. Others serve them: each on its own listeners
    /// ([`mounts`](Self::mounts)), or all beside something else ([`routes`](Self::routes)).
    ///
    /// # Errors
    /// What in the configuration cannot be used.
    pub async fn open(parts: Parts<'_>) -> Result<Self, HubError> {
        let sections = parts.sections.clone();
        sections.check_bridges()?;
        let facts = Facts::of(&sections, &parts.ports);
        let bare = Broker::open(&sections.broker, BrokerMetrics::new(parts.metrics)).await?;
        let (bridges, exits) = Bridges::new(sections.hub.bridges.iter(), &BridgeMetrics::new(parts.metrics));
        let broker = bare.tapped(Arc::new(bridges));
        let protocols = Protocols::new(parts, &broker)?;
        let alone = sections.broker.is_memory();
        let bridged = exits.serve(&bare, alone, protocols.postgres.as_ref());
        Ok(Self { sections, broker, protocols, facts, _bridged: bridged })
    }

    /// Each protocol that runs, for listeners of its own.
    pub fn mounts(&self) -> Vec<(Protocol, Mount)> {
        self.sections.hub.running().filter_map(|protocol| Some((protocol, self.mount(protocol)?))).collect()
    }

    fn mount(&self, protocol: Protocol) -> Option<Mount> {
        let pages = self.sections.hub.pages.then(|| page_routes(&[protocol], &self.facts, None));
        let routes = match protocol {
            Protocol::Rocket => {
                return Some(Mount::Rocket(self.protocols.rocket.clone()?, pages.map(Routes::new)));
            }
            Protocol::Gockets => self.protocols.gockets.as_ref()?.service(),
            Protocol::Pogo => self.protocols.pogo.as_ref()?.routes(),
            Protocol::Postgres => self.protocols.postgres.as_ref()?.routes(),
        };
        Some(Mount::routes(routes.merge(pages.unwrap_or_default())))
    }

    /// The pages of all protocols that run, for the listeners of [`routes`](Self::routes).
    pub fn pages(&self, beside: Beside<'_>) -> axum::Router {
        let protocols: Vec<Protocol> = self.sections.hub.running().collect();
        page_routes(&protocols, &self.facts, Some(beside))
    }

    /// All protocols as paths of somebody else's listeners: Gockets under `/channel`, Rocket under the paths of its hubs,
    /// Pogo under `/pogo`, PostgreSQL under `/postgres`.
    pub fn routes(&self) -> axum::Router {
        let mut routes = axum::Router::new();
        let Protocols { rocket, gockets, pogo, postgres } = &self.protocols;
        if let Some(pogo) = pogo {
            routes = routes.nest_service("/pogo", pogo.routes());
        }
        if let Some(postgres) = postgres {
            routes = routes.nest_service("/postgres", postgres.routes());
        }
        if let Some(gockets) = gockets {
            routes = routes.merge(gockets.routes());
        }
        if let Some(rocket) = rocket {
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
        self.broker.ping().await.map_err(|error| error.to_string())?;
        if let Some(gockets) = &self.protocols.gockets {
            gockets.ready().await?;
        }
        self.protocols.postgres.as_ref().map_or(Ok(()), Postgres::ready)
    }

    /// Tells the other nodes that nobody is here any more. For the end, when connections have gone.
    pub async fn stop(&self) {
        self.broker.stop().await;
    }

    /// Until it is of no use any more, with the reason: the database was given up, where the operator wants that.
    pub async fn given_up(&self) -> String {
        match &self.protocols.postgres {
            Some(postgres) => postgres.given_up().await,
            None => std::future::pending().await,
        }
    }
}
