//! Which protocols run.

use polysocket_broker::BrokerConfig;
use polysocket_config::{Problem, Span, Tables, section};
use polysocket_gockets::{GocketsConfig, HooksConfig};
use polysocket_rocket::RocketConfig;
use polysocket_socket::SocketLimits;

use crate::BridgeConfig;

/// A protocol of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Channels in JSON over WebSockets.
    Rocket,
    /// Channels that are published to by REST, and hooks.
    Gockets,
}

impl Protocol {
    const ALL: [Self; 2] = [Self::Rocket, Self::Gockets];

    /// Its name, as in `hub.protocols`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rocket => "rocket",
            Self::Gockets => "gockets",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name() == name)
    }
}

section! {
    /// The hub: protocols for backends without a WebSocket server. Each has a section of its own.
    pub struct HubConfig = "hub" check check {
        /// Which protocols run: `rocket`, `gockets`.
        protocols: Vec<String> = Protocol::ALL.map(|protocol| protocol.name().to_owned()).to_vec(),
        /// After SIGTERM: how long connections may take to be closed, `socket.drain_closes_per_second` of them in a
        /// second, and hooks to be posted.
        drain_timeout: Span = Span::seconds(30),
        /// Channels that are joined.
        bridges: Tables<BridgeConfig> = Tables::new(),
    }
}

impl HubConfig {
    /// Those that run.
    pub fn running(&self) -> impl Iterator<Item = Protocol> {
        Protocol::ALL.into_iter().filter(|&protocol| self.has(protocol))
    }

    /// Whether it runs.
    pub fn has(&self, protocol: Protocol) -> bool {
        self.protocols.iter().any(|name| Protocol::named(name) == Some(protocol))
    }
}

fn check(config: &HubConfig, problems: &mut Vec<Problem>) {
    for (index, name) in config.protocols.iter().enumerate() {
        if Protocol::named(name).is_none() {
            let known = Protocol::ALL.map(Protocol::name).join(", ");
            let key = format!("hub.protocols[{index}]");
            problems
                .push(Problem::new(&key, format!("`{name}` is no protocol of the hub; there are {known}")));
        }
    }
}

/// All that an operator may say to the hub.
#[derive(Debug, Clone, Default)]
pub struct Sections {
    /// Which protocols run.
    pub hub: HubConfig,
    /// Where channels live.
    pub broker: BrokerConfig,
    /// Limits of WebSocket connections.
    pub socket: SocketLimits,
    /// Rocket.
    pub rocket: RocketConfig,
    /// Gockets.
    pub gockets: GocketsConfig,
    /// Hooks of Gockets.
    pub gockets_hooks: HooksConfig,
}

#[cfg(test)]
mod tests {
    use super::*;
    use polysocket_config::Section;

    #[test]
    fn protocols_are_known_by_name() {
        let mut config =
            HubConfig { protocols: vec!["gockets".into(), "sockjs".into()], ..HubConfig::default() };
        assert!(config.has(Protocol::Gockets) && !config.has(Protocol::Rocket));
        let mut problems = Vec::new();
        config.check(&mut problems);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].to_string().contains("hub.protocols[1]"), "{}", problems[0]);
        config.protocols.pop();
        problems.clear();
        config.check(&mut problems);
        assert!(problems.is_empty());
    }
}
