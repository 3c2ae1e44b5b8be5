//! All sections in one struct.

use polysocket_broker::BrokerConfig;
use polysocket_config::{ConfigError, Environment, Layers, load};
use polysocket_gockets::{GocketsConfig, HooksConfig};
use polysocket_hub::{HubConfig, Sections};
use polysocket_outbound::TargetsConfig;
use polysocket_pogo::PogoConfig;
use polysocket_postgres::PostgresConfig;
use polysocket_registry::RegistryConfig;
use polysocket_relayd::{LimitsConfig, RelaydConfig};
use polysocket_rocket::RocketConfig;
use polysocket_router::RouterConfig;
use polysocket_service::admin::AdminConfig;
use polysocket_service::cluster::ClusterConfig;
use polysocket_service::http::HttpConfig;
use polysocket_service::logs::LogConfig;
use polysocket_socket::SocketLimits;
use polysocket_tokens::AuthConfig;

use crate::args::Common;

polysocket_config::configuration! {
    /// What an operator may say to the program. Every subcommand reads the same file and takes its own from it.
    pub struct Config {
        router: RouterConfig,
        relayd: RelaydConfig,
        limits: LimitsConfig,
        targets: TargetsConfig,
        auth: AuthConfig,
        registry: RegistryConfig,
        hub: HubConfig,
        broker: BrokerConfig,
        socket: SocketLimits,
        rocket: RocketConfig,
        gockets: GocketsConfig,
        gockets_hooks: HooksConfig,
        pogo: PogoConfig,
        postgres: PostgresConfig,
        cluster: ClusterConfig,
        http: HttpConfig,
        admin: AdminConfig,
        log: LogConfig,
    }
}

impl Config {
    /// What the hub takes from it.
    pub fn hub_sections(&self) -> Sections {
        Sections {
            hub: self.hub.clone(),
            broker: self.broker.clone(),
            socket: self.socket.clone(),
            rocket: self.rocket.clone(),
            gockets: self.gockets.clone(),
            gockets_hooks: self.gockets_hooks.clone(),
            pogo: self.pogo.clone(),
            postgres: self.postgres.clone(),
        }
    }
}

/// Names the file; it is no key.
const FILE_VARIABLE: &str = "POLYSOCKET_CONFIG";

/// Loads it: defaults, file, environment, `--set`, and `more` flags that stand for keys.
pub fn read(common: &Common, more: Vec<(String, String)>) -> Result<Config, ConfigError> {
    load(&Layers {
        file: common.config.clone(),
        env: Environment::of_process(),
        flags: common.set.iter().cloned().chain(more).collect(),
        not_keys: vec![FILE_VARIABLE.to_owned()],
    })
}
