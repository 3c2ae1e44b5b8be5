//! Hubs over one broker, as processes.

use std::net::SocketAddr;
use std::time::Duration;

use polysocket_tests::admin::Admin;
use polysocket_tests::cluster::config;
use polysocket_tests::ports::TempDir;
use polysocket_tests::program::Program;

const START_MAX: Duration = Duration::from_secs(15);
const ROCKET: &str = "rocket listening on http://";
const GOCKETS: &str = "gockets listening on http://";

/// History for any outage of these tests, and hooks on this machine.
const COMMON: &str = r#"
[broker]
history_count = 10000

[rocket]
listen = ["127.0.0.1:0"]

[[rocket.hubs]]
path = "/echo"

[[rocket.hubs.users]]
name = "backend"
secret = "secret"
permission = 3

[gockets]
listen = ["127.0.0.1:0"]

[targets]
allow_private = ["127.0.0.0/8:*"]

[admin]
listen = "127.0.0.1:0"
"#;

/// A hub's process.
pub struct Node {
    pub program: Program,
    pub rocket: SocketAddr,
    pub gockets: SocketAddr,
    pub admin: Admin,
}

impl Node {
    async fn start(config: &str) -> Self {
        let mut program = Program::start("polysocket hub", &["hub", "--config", config]).await.unwrap();
        let mut listening = async |what: &str| {
            let find = |line: &str| line.strip_prefix(what)?.trim().parse().ok();
            program.process().wait_for(START_MAX, find).await.unwrap()
        };
        let (rocket, gockets) = (listening(ROCKET).await, listening(GOCKETS).await);
        let admin = Admin::of(&mut program).await.unwrap();
        Self { program, rocket, gockets, admin }
    }
}

/// Several of them.
pub struct Nodes {
    pub nodes: Vec<Node>,
    _folder: TempDir,
}

impl Nodes {
    /// Starts `count` over this broker, with more lines of configuration, as `(section, lines)`.
    pub async fn start(count: usize, broker: &str, more: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let mut text = COMMON.to_owned();
        config::add(&mut text, "broker", &format!("url = \"{broker}\""));
        for (section, lines) in more {
            config::add(&mut text, section, lines);
        }
        let file = folder.path().join("hub.toml");
        std::fs::write(&file, text).unwrap();
        let mut nodes = Vec::new();
        for _ in 0..count {
            nodes.push(Node::start(&file.to_string_lossy()).await);
        }
        Self { nodes, _folder: folder }
    }

    /// Where Rocket is, on each.
    pub fn rocket(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.rocket).collect()
    }

    /// Where Gockets are, on each.
    pub fn gockets(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.gockets).collect()
    }

    /// What all said last, for a test that fails.
    pub fn logs(&mut self) -> String {
        let tails: Vec<String> = self.nodes.iter_mut().map(|node| node.program.process().tail()).collect();
        tails.join("\n---\n")
    }
}
