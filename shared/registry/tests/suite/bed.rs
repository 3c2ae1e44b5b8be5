//! What a case stands on.

use std::sync::Arc;

use polysocket_config::Span;
use polysocket_registry::{MemoryRegistry, Registry, RegistryConfig, open};
use polysocket_tests::redis_server::RedisServer;

use crate::common::{config, short_times};

/// A registry as two processes see it.
pub struct Bed {
    pub router: Arc<dyn Registry>,
    pub relay: Arc<dyn Registry>,
    pub config: RegistryConfig,
    server: Option<RedisServer>,
}

impl Bed {
    pub fn memory() -> Self {
        let config = short_times();
        let registry: Arc<dyn Registry> = Arc::new(MemoryRegistry::new(&config));
        Self { router: registry.clone(), relay: registry, config, server: None }
    }

    pub async fn redis() -> Self {
        let server = RedisServer::start().await.unwrap();
        Self::on(config(&server), Some(server)).await
    }

    /// The same with leases that do not end while the case runs.
    pub async fn with_long_leases(self) -> Self {
        let config = RegistryConfig {
            lease_time: Span::seconds(60),
            socket_lease_time: Span::seconds(60),
            ..self.config
        };
        Self::on(config, self.server).await
    }

    async fn on(config: RegistryConfig, server: Option<RedisServer>) -> Self {
        let router = open(&config).await.unwrap();
        let relay = if server.is_some() { open(&config).await.unwrap() } else { router.clone() };
        Self { router, relay, config, server }
    }
}
