//! The system under test, in one process or in many.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::client::{Create, CreateError, Dialer, HttpClient, create};
use crate::ports::{TempDir, free_port};
use crate::program::Program;
use crate::redis_server::RedisServer;

/// How long routers and relays may take to find each other.
const READY_MAX: Duration = Duration::from_secs(15);
const READY_PAUSE: Duration = Duration::from_millis(50);

/// The configuration files of the tests. All names of sections and keys are here.
pub mod config {
    use std::fmt::Write;

    /// What routers and relays of one cluster share.
    pub fn common(redis_url: &str) -> String {
        format!(
            "[registry]\nurl = \"{redis_url}\"\n\n\
             [cluster]\nsecret = \"for tests only: thirty-two bytes or more\"\n\n\
             [targets]\nallow_private = [\"127.0.0.0/8:*\"]\n\n\
             [admin]\nlisten = \"127.0.0.1:0\"\n"
        )
    }

    /// A router on a free port.
    pub fn router() -> String {
        "\n[router]\nlisten = [\"127.0.0.1:0\"]\nanonymous = true\n".into()
    }

    /// A relay on this port, reached under its bare address.
    pub fn relay(name: &str, port: u16) -> String {
        format!(
            "\n[relayd]\nlisten = [\"127.0.0.1:{port}\"]\nname = \"{name}\"\n\
             address = \"127.0.0.1:{port}\"\nlabel_hosts = false\ndrain_timeout = \"1s\"\n"
        )
    }

    /// A relay of a cluster where all are reached under one host: that of the relay on `first_port`.
    pub fn relay_behind(first_port: u16, name: &str, port: u16) -> String {
        let bare = format!("address = \"127.0.0.1:{port}\"");
        relay(name, port).replace(&bare, &format!("one_host = \"127.0.0.1:{first_port}\""))
    }

    /// Adds `key = value` lines to a section, which may be there already. A key that is there gets the new value.
    pub fn add(config: &mut String, section: &str, lines: &str) {
        let header = format!("[{section}]\n");
        if let Some(at) = config.find(&header) {
            let body = at + header.len();
            let end = config[body..].find("\n[").map_or(config.len(), |next| body + next + 1);
            let key = |line: &str| line.split('=').next().unwrap_or_default().trim().to_owned();
            let new: Vec<String> = lines.lines().map(key).collect();
            let kept: String =
                config[body..end].split_inclusive('\n').filter(|line| !new.contains(&key(line))).collect();
            config.replace_range(body..end, &format!("{lines}\n{kept}"));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(config, "\n{header}{lines}\n");
        }
    }
}

/// One relay of a cluster.
#[derive(Debug)]
pub struct Relay {
    /// Its name in the registry.
    pub name: String,
    /// Where it listens, before and after a restart.
    pub port: u16,
    /// The process.
    pub program: Program,
    config: PathBuf,
}

impl Relay {
    /// Starts it again after its end, on the same port and under the same name.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.program = start("relayd", &self.name, &self.config).await?;
        Ok(())
    }
}

/// What runs.
#[derive(Debug)]
pub struct TestCluster {
    /// The registry, if there is one.
    pub redis: Option<RedisServer>,
    /// The routers; `dev` counts as one.
    pub routers: Vec<Program>,
    /// The relays; none with `dev`.
    pub relays: Vec<Relay>,
    folder: TempDir,
}

impl TestCluster {
    /// `polysocket dev` on a free port, with more arguments.
    pub async fn dev(arguments: &[&str]) -> io::Result<Self> {
        let mut all = vec!["dev", "--listen", "127.0.0.1:0"];
        all.extend(arguments);
        let program = Program::start("polysocket dev", &all).await?;
        Self { redis: None, routers: vec![program], relays: Vec::new(), folder: TempDir::new()? }
            .ready()
            .await
    }

    /// `polysocket dev` with a configuration file, whose sections are given as `(section, lines)`.
    pub async fn dev_with(sections: &[(&str, &str)]) -> io::Result<Self> {
        let folder = TempDir::new()?;
        let mut text = String::new();
        for (section, lines) in sections {
            config::add(&mut text, section, lines);
        }
        let file = folder.path().join("dev.toml");
        std::fs::write(&file, text)?;
        let arguments = ["dev", "--listen", "127.0.0.1:0", "--config", &file.to_string_lossy()];
        let program = Program::start("polysocket dev", &arguments).await?;
        Self { redis: None, routers: vec![program], relays: Vec::new(), folder }.ready().await
    }

    /// Routers and relays as processes of their own, over a Redis of their own.
    pub async fn redis(routers: usize, relays: usize) -> io::Result<Self> {
        Self::redis_with(routers, relays, &[]).await
    }

    /// The same, with more lines of configuration, as `(section, lines)`, in every file.
    pub async fn redis_with(routers: usize, relays: usize, more: &[(&str, &str)]) -> io::Result<Self> {
        Self::processes(routers, relays, more, |_, name, port| config::relay(name, port)).await
    }

    /// The same, with every relay reached under the host of the first one.
    pub async fn redis_one_host(routers: usize, relays: usize, more: &[(&str, &str)]) -> io::Result<Self> {
        Self::processes(routers, relays, more, config::relay_behind).await
    }

    /// `relay` writes the section of one relay: from the port of the first one, its own name and its own port.
    async fn processes(
        routers: usize,
        relays: usize,
        more: &[(&str, &str)],
        relay: impl Fn(u16, &str, u16) -> String,
    ) -> io::Result<Self> {
        let redis = RedisServer::start().await?;
        let common = config::common(&redis.url());
        let folder = TempDir::new()?;
        let mut cluster = Self { redis: Some(redis), routers: Vec::new(), relays: Vec::new(), folder };
        let ports = (0..relays).map(|_| free_port()).collect::<io::Result<Vec<u16>>>()?;
        for (n, port) in ports.iter().copied().enumerate() {
            let name = format!("relay{n}");
            let config = cluster.write(&name, common.clone() + &relay(ports[0], &name, port), more)?;
            let program = start("relayd", &name, &config).await?;
            cluster.relays.push(Relay { name, port, program, config });
        }
        for n in 0..routers {
            let name = format!("router{n}");
            let config = cluster.write(&name, common.clone() + &config::router(), more)?;
            cluster.routers.push(start("router", &name, &config).await?);
        }
        cluster.ready().await
    }

    /// Waits until every router has found a relay: a router that listens may not have read the table yet.
    async fn ready(self) -> io::Result<Self> {
        // Nobody listens on port 1, so that a router with a relay says that the target refused.
        let nowhere = Create { target: "ws://127.0.0.1:1/".into(), ..Create::default() };
        for router in &self.routers {
            let until = Instant::now() + READY_MAX;
            let create_at = Create { router: router.address().to_string(), ..nowhere.clone() };
            while let Err(CreateError::Refused { code, error, .. }) = create(&self.client(), &create_at).await
            {
                // With keys in the configuration the token comes first; then there is nothing to wait for.
                if !matches!(code.as_str(), "no-capacity" | "unavailable") {
                    break;
                }
                if Instant::now() > until {
                    return Err(io::Error::other(format!("not ready within {READY_MAX:?}: {error}")));
                }
                sleep(READY_PAUSE).await;
            }
        }
        Ok(self)
    }

    fn write(&self, name: &str, mut text: String, more: &[(&str, &str)]) -> io::Result<PathBuf> {
        for (section, lines) in more {
            config::add(&mut text, section, lines);
        }
        let path = self.folder.path().join(format!("{name}.toml"));
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Where the first router listens.
    pub fn router(&self) -> SocketAddr {
        self.routers[0].address()
    }

    /// A client that goes straight to it.
    pub fn client(&self) -> HttpClient {
        HttpClient::new(Dialer::direct())
    }

    /// A create at the first router, with a nonce of its own.
    pub fn create(&self, target: &str) -> Create {
        Create {
            router: self.router().to_string(),
            target: target.into(),
            nonce: Some(format!("{:032x}", rand::random::<u128>())),
            ..Create::default()
        }
    }

    /// What all processes said, for a test that fails.
    pub fn logs(&mut self) -> String {
        let relays = self.relays.iter_mut().map(|relay| &mut relay.program);
        self.routers
            .iter_mut()
            .chain(relays)
            .map(|program| program.process().tail())
            .collect::<Vec<_>>()
            .join("\n---\n")
    }
}

async fn start(command: &str, name: &str, config: &std::path::Path) -> io::Result<Program> {
    let arguments = [command, "--config", &config.to_string_lossy()];
    Program::start(&format!("polysocket {command} ({name})"), &arguments).await
}

#[cfg(test)]
mod tests {
    use super::config;

    #[test]
    fn lines_are_added_to_the_section_that_is_there() {
        let mut text = config::common("redis://x") + &config::router();
        config::add(&mut text, "router", "create_timeout = \"1s\"");
        config::add(&mut text, "auth", "required = true");
        assert!(text.contains("[router]\ncreate_timeout = \"1s\"\nlisten"), "{text}");
        assert!(text.ends_with("[auth]\nrequired = true\n"), "{text}");
        assert_eq!(text.matches("[router]").count(), 1);
        config::add(&mut text, "router", "create_timeout = \"2s\"");
        assert!(text.contains("[router]\ncreate_timeout = \"2s\"\nlisten") && !text.contains("1s"), "{text}");
    }
}
