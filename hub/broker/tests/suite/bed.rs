//! What a case stands on.

use polysocket_broker::{Broker, BrokerConfig};

use crate::common::redis_cluster::Cluster;
use crate::common::redis_sentinel::Sentinel;
use crate::common::redis_server::RedisServer;
use crate::common::{config, open};

/// A broker as two nodes see it.
pub struct Bed {
    pub a: Broker,
    pub b: Broker,
    config: BrokerConfig,
    servers: Servers,
}

enum Servers {
    None,
    Redis { _server: RedisServer },
    Sentinel { _servers: Sentinel },
    Cluster { _servers: Cluster },
}

impl Bed {
    pub async fn memory() -> Self {
        Self::on(config("memory"), Servers::None).await
    }

    pub async fn redis() -> Self {
        let server = RedisServer::start().await;
        Self::on(config(&server.url()), Servers::Redis { _server: server }).await
    }

    pub async fn sentinel() -> Self {
        let servers = Sentinel::start().await;
        Self::on(config(&servers.url()), Servers::Sentinel { _servers: servers }).await
    }

    pub async fn cluster() -> Self {
        let servers = Cluster::start().await;
        Self::on(config(&servers.url()), Servers::Cluster { _servers: servers }).await
    }

    /// The same servers, other settings.
    pub async fn with(self, change: impl FnOnce(&mut BrokerConfig)) -> Self {
        let mut config = self.config;
        change(&mut config);
        Self::on(config, self.servers).await
    }

    async fn on(config: BrokerConfig, servers: Servers) -> Self {
        let a = open(&config).await;
        let b = if matches!(servers, Servers::None) { a.clone() } else { open(&config).await };
        Self { a, b, config, servers }
    }
}
