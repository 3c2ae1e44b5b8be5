//! What a case stands on.

use std::any::Any;

use polysocket_broker::{Broker, BrokerConfig, Topic};
use polysocket_service::metrics::Registry;
use polysocket_tests::patience::eventually;
use polysocket_tests::redis_server::RedisServer;

use crate::common::recorder::listen_as;
use crate::common::redis_cluster::Cluster;
use crate::common::redis_sentinel::Sentinel;
use crate::common::{config, gauge, open, open_counted};

/// A broker as two nodes see it.
pub struct Bed {
    pub a: Broker,
    pub b: Broker,
    metrics: Vec<Registry>,
    config: BrokerConfig,
    servers: Servers,
}

/// What ends with the case; none in memory.
type Servers = Option<Box<dyn Any + Send + Sync>>;

impl Bed {
    pub async fn memory() -> Self {
        Self::on(config("memory"), None).await
    }

    pub async fn redis() -> Self {
        let server = RedisServer::start().await.unwrap();
        Self::on(config(&server.url()), Some(Box::new(server))).await
    }

    pub async fn sentinel() -> Self {
        let servers = Sentinel::start().await;
        Self::on(config(&servers.url()), Some(Box::new(servers))).await
    }

    pub async fn cluster() -> Self {
        let servers = Cluster::start().await;
        Self::on(config(&servers.url()), Some(Box::new(servers))).await
    }

    /// The same servers, other settings.
    pub async fn with(self, change: impl FnOnce(&mut BrokerConfig)) -> Self {
        let mut config = self.config;
        change(&mut config);
        Self::on(config, self.servers).await
    }

    /// Channels that the nodes follow, or did moments ago.
    pub fn topics(&self) -> u64 {
        self.metrics.iter().map(|registry| gauge(registry, "topics")).sum()
    }

    /// Until the lease of a member has ended whose node has just died; in memory nobody has one.
    pub async fn outlive_a_lease(&self, topic: &Topic) {
        if self.servers.is_none() {
            tokio::time::advance(self.config.lease_time.as_duration()).await;
            return;
        }
        let dies = open(&self.config).await;
        let (_, subscription) = listen_as(&dies, topic, "dies", "").await;
        std::mem::forget(subscription);
        dies.sever().await;
        let is_there =
            async || self.b.members(topic).await.unwrap().iter().any(|member| &*member.id == "dies");
        assert!(is_there().await);
        eventually("its lease has ended", async || !is_there().await).await;
    }

    async fn on(config: BrokerConfig, servers: Servers) -> Self {
        let (a, of_a) = open_counted(&config).await;
        let mut metrics = vec![of_a];
        let b = if servers.is_none() {
            a.clone()
        } else {
            let (b, of_b) = open_counted(&config).await;
            metrics.push(of_b);
            b
        };
        Self { a, b, metrics, config, servers }
    }
}
