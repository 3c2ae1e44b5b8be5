//! The protocols, each made from its sections.

use polysocket_broker::Broker;
use polysocket_gockets::{Gockets, GocketsMetrics, store};
use polysocket_pogo::{Pogo, PogoMetrics};
use polysocket_postgres::{Postgres, PostgresMetrics};
use polysocket_rocket::{Rocket, RocketMetrics};
use polysocket_socket::{SocketMetrics, Sockets};

use crate::{HubError, Parts, Protocol};

/// The broker's space of Gockets.
pub(crate) const GOCKETS: &str = "gockets";
/// The broker's space of Pogo.
const POGO: &str = "pogo";

/// Those that run.
pub(crate) struct Protocols {
    pub(crate) rocket: Option<Rocket>,
    pub(crate) gockets: Option<Gockets>,
    pub(crate) pogo: Option<Pogo>,
    pub(crate) postgres: Option<Postgres>,
}

impl Protocols {
    /// Makes those of `hub.protocols`.
    pub(crate) fn new(parts: Parts<'_>, broker: &Broker) -> Result<Self, HubError> {
        let Parts { sections, keyring, dialer, body_timeout, ports, life, metrics } = parts;
        let socket_limits = sections.socket;
        let socket_metrics = SocketMetrics::new(metrics);
        let mut protocols = Self { rocket: None, gockets: None, pogo: None, postgres: None };
        if sections.hub.has(Protocol::Rocket) {
            protocols.rocket = Some(Rocket::new(polysocket_rocket::Parts {
                config: sections.rocket,
                broker: broker.clone(),
                sockets: Sockets::new(socket_limits.clone(), life.clone(), socket_metrics.clone()),
                queue_bytes_max: socket_limits.queue_bytes_max.as_usize(),
                keyring: keyring.clone(),
                life: life.clone(),
                metrics: RocketMetrics::new(metrics),
            })?);
        }
        if sections.hub.has(Protocol::Gockets) {
            let channels = store::open(&sections.broker, GOCKETS, sections.gockets.channels_max)?;
            protocols.gockets = Some(Gockets::new(polysocket_gockets::Parts {
                config: sections.gockets,
                hooks: sections.gockets_hooks,
                space: GOCKETS.into(),
                ports,
                body_timeout,
                channels,
                broker: broker.clone(),
                socket_limits: socket_limits.clone(),
                socket_metrics: socket_metrics.clone(),
                dialer: dialer.clone(),
                life: life.clone(),
                metrics: GocketsMetrics::new(metrics),
            }));
        }
        if sections.hub.has(Protocol::Pogo) {
            protocols.pogo = Some(Pogo::new(polysocket_pogo::Parts {
                config: sections.pogo,
                space: POGO.into(),
                keyring,
                body_timeout,
                broker: broker.clone(),
                socket_limits: socket_limits.clone(),
                socket_metrics: socket_metrics.clone(),
                dialer,
                life: life.clone(),
                metrics: PogoMetrics::new(metrics),
            })?);
        }
        if sections.hub.has(Protocol::Postgres) {
            protocols.postgres = Some(Postgres::new(polysocket_postgres::Parts {
                config: sections.postgres,
                contends: !sections.broker.is_memory(),
                socket_limits,
                socket_metrics,
                life,
                metrics: PostgresMetrics::new(metrics),
            })?);
        }
        Ok(protocols)
    }
}
