//! Which protocols run.

use polysocket_broker::BrokerConfig;
use polysocket_config::{ConfigError, Problem, Span, Tables, section};
use polysocket_gockets::{GocketsConfig, HooksConfig};
use polysocket_pogo::PogoConfig;
use polysocket_postgres::PostgresConfig;
use polysocket_rocket::RocketConfig;
use polysocket_socket::SocketLimits;

use crate::{BridgeConfig, End};

/// A protocol of the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Protocol {
    /// Channels in JSON over WebSockets.
    Rocket,
    /// Channels that are published to by REST, and hooks.
    Gockets,
    /// A REST API, made live.
    Pogo,
    /// Channels of a database.
    Postgres,
}

impl Protocol {
    const ALL: [Self; 4] = [Self::Rocket, Self::Gockets, Self::Pogo, Self::Postgres];
    /// Those that need nothing else to run.
    const BY_DEFAULT: [Self; 2] = [Self::Rocket, Self::Gockets];

    /// Its name, as in `hub.protocols`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rocket => "rocket",
            Self::Gockets => "gockets",
            Self::Pogo => "pogo",
            Self::Postgres => "postgres",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name() == name)
    }
}

section! {
    /// The hub: protocols for backends without a WebSocket server. Each has a section of its own.
    pub struct HubConfig = "hub" check check {
        /// Which protocols run: `rocket`, `gockets`, `pogo` (which needs `pogo.upstream`), `postgres` (which needs
        /// `postgres.url`).
        protocols: Vec<String> = Protocol::BY_DEFAULT.map(|protocol| protocol.name().to_owned()).to_vec(),
        /// After SIGTERM: how long connections may take to be closed, `socket.drain_closes_per_second` of them in a
        /// second, and hooks to be posted.
        drain_timeout: Span = Span::seconds(30),
        /// Whether each protocol serves a page to try it with, `/pages/rocket` and so on, on its own listeners. Whoever may
        /// connect there may open them.
        pages: bool = false,
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
    if config.protocols.is_empty() {
        problems.push(Problem::new("hub.protocols", "names no protocol: this hub would serve nothing"));
    }
    check_bridges(config, problems);
}

/// Each end is of a protocol that runs; and what is notified to the database does not come back from there.
fn check_bridges(config: &HubConfig, problems: &mut Vec<Problem>) {
    let ends: Vec<_> = config.bridges.iter().map(|bridge| bridge.ends().ok()).collect();
    for (index, (from, to)) in
        ends.iter().enumerate().filter_map(|(index, ends)| Some((index, ends.as_ref()?)))
    {
        for (key, end) in [("from", from), ("to", to)] {
            if !config.has(end.protocol()) {
                let text = format!("hub.protocols has no `{}`", end.protocol().name());
                problems.push(Problem::new(&format!("hub.bridges[{index}].{key}"), text));
            }
        }
        if matches!(to, End::Postgres(_)) && ends.iter().flatten().any(|(from, _)| from == to) {
            let text = "another bridge begins at this channel of the database: messages would go round";
            problems.push(Problem::new(&format!("hub.bridges[{index}].to"), text));
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
    /// Pogo.
    pub pogo: PogoConfig,
    /// The bridge to PostgreSQL.
    pub postgres: PostgresConfig,
}

impl Sections {
    /// Bridges end at hubs that there are.
    pub(crate) fn check_bridges(&self) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        for (index, bridge) in self.hub.bridges.iter().enumerate() {
            let Ok((from, to)) = bridge.ends() else { continue };
            for (key, end) in [("from", from), ("to", to)] {
                if let End::Rocket { hub, .. } = end
                    && !self.rocket.hubs.iter().any(|row| row.path == hub)
                {
                    let text = format!("rocket.hubs has no hub with the path {hub}");
                    problems.push(Problem::new(&format!("hub.bridges[{index}].{key}"), text));
                }
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(ConfigError(problems)) }
    }
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
        config.protocols.clear();
        config.check(&mut problems);
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn bridges_end_at_protocols_that_run_and_do_not_go_round() {
        let bridge = |from: &str, to: &str| BridgeConfig {
            from: from.into(),
            to: to.into(),
            ..BridgeConfig::default()
        };
        let problems = |protocols: &[&str], bridges: Vec<BridgeConfig>| {
            let protocols = protocols.iter().map(|&name| name.to_owned()).collect();
            let config = HubConfig { protocols, bridges: bridges.into(), ..HubConfig::default() };
            let mut problems = Vec::new();
            config.check(&mut problems);
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        };
        let (there, back) = (bridge("rocket:/x:a", "postgres:a"), bridge("postgres:a", "rocket:/x:b"));
        assert_eq!(problems(&["rocket", "postgres"], vec![there.clone()]), "");
        assert!(problems(&["rocket"], vec![there.clone()]).contains("hub.bridges[0].to"));
        assert!(problems(&["rocket", "postgres"], vec![there, back]).contains("go round"));
        let wrong = problems(&["rocket"], vec![bridge("rocket:x", "rocket:/x:b")]);
        assert!(wrong.contains("hub.bridges[0].from"), "{wrong}");
    }
}
