//! A redis-server of the test's own, which can be killed and come back on the same port.

use std::io;
use std::net::TcpListener;
use std::ops::Range;
use std::time::Duration;

use tokio::process::Command;

use crate::ports::{TempDir, free_port};
use crate::process::Process;

/// How long a server may take to start and to read its data.
const START_MAX: Duration = Duration::from_secs(10);
/// What a server logs when it takes connections: a Redis, and a Sentinel.
const READY: [&str; 2] = ["Ready to accept connections", "Sentinel ID is"];
/// Options come after these, so that they hold.
const WITHOUT_PERSISTENCE: [&str; 4] = ["--save", "", "--appendonly", "no"];
/// Nodes of a cluster talk to each other on the port so far above.
const BUS_ABOVE: u16 = 10_000;
/// Neither these nor the ports of their bus are given to outgoing connections.
const PORTS_WITH_BUS: Range<u16> = 10_000..20_000;

/// A redis-server; killed when it is dropped.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    arguments: Vec<String>,
    folder: TempDir,
    process: Option<Process>,
}

impl RedisServer {
    /// Starts one on a free port of the loopback, without persistence.
    pub async fn start() -> io::Result<Self> {
        Self::with(&[] as &[&str]).await
    }

    /// The same with these options, as on the command line.
    pub async fn with(options: &[impl AsRef<str>]) -> io::Result<Self> {
        let mut server = Self::stopped(options)?;
        server.run().await?;
        Ok(server)
    }

    /// One that does not run yet: only its port and its folder.
    pub fn stopped(options: &[impl AsRef<str>]) -> io::Result<Self> {
        let options = options.iter().map(AsRef::as_ref);
        let arguments = WITHOUT_PERSISTENCE.into_iter().chain(options).map(str::to_owned).collect();
        Ok(Self { port: port_with_bus()?, arguments, folder: TempDir::new()?, process: None })
    }

    /// A Sentinel with this configuration, on top of its port.
    pub async fn sentinel(configuration: &str) -> io::Result<Self> {
        let (port, folder) = (free_port()?, TempDir::new()?);
        let file = folder.path().join("sentinel.conf");
        std::fs::write(&file, configuration)?;
        // The file comes first.
        let arguments = vec![file.to_string_lossy().into_owned(), "--sentinel".to_owned()];
        let mut server = Self { port, arguments, folder, process: None };
        server.run().await?;
        Ok(server)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL for clients.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it, first or again, on its port and with what its folder has.
    pub async fn run(&mut self) -> io::Result<()> {
        let mut command = Command::new("redis-server");
        command.args(&self.arguments).args(["--bind", "127.0.0.1", "--port", &self.port.to_string()]);
        command.arg("--dir").arg(self.folder.path());
        let mut process = Process::spawn(format!("redis-server :{}", self.port), &mut command)?;
        let ready = |line: &str| READY.iter().any(|ready| line.contains(ready)).then_some(());
        process.wait_for(START_MAX, ready).await?;
        self.process = Some(process);
        Ok(())
    }

    /// SIGKILL: connections break; without persistence data is gone.
    pub async fn kill(&mut self) -> io::Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// SIGSTOP: connections stay and nothing answers.
    pub async fn freeze(&self) -> io::Result<()> {
        self.running()?.signal("STOP").await
    }

    /// SIGCONT.
    pub async fn thaw(&self) -> io::Result<()> {
        self.running()?.signal("CONT").await
    }

    /// Kills it if it runs, and starts it again.
    pub async fn restart(&mut self) -> io::Result<()> {
        self.kill().await?;
        self.run().await
    }

    fn running(&self) -> io::Result<&Process> {
        let stopped = || io::Error::other(format!("redis-server :{} does not run", self.port));
        self.process.as_ref().ok_or_else(stopped)
    }
}

/// A free port whose bus is free, too, for whoever starts a node of a cluster by other means.
pub fn port_with_bus() -> io::Result<u16> {
    loop {
        let port = rand::random_range(PORTS_WITH_BUS);
        let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if is_free(port) && is_free(port + BUS_ABOVE) {
            return Ok(port);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    async fn ping(port: u16) -> io::Result<[u8; 7]> {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn it_dies_and_comes_back_on_the_same_port() {
        let mut server = RedisServer::start().await.unwrap();
        assert_eq!(&ping(server.port).await.unwrap(), b"+PONG\r\n");
        server.kill().await.unwrap();
        assert!(ping(server.port).await.is_err());
        server.restart().await.unwrap();
        assert_eq!(&ping(server.port).await.unwrap(), b"+PONG\r\n");
    }

    #[tokio::test]
    async fn one_that_does_not_run_yet_does_not_answer() {
        let mut server = RedisServer::stopped(&["--databases", "1"]).unwrap();
        assert!(ping(server.port).await.is_err());
        let why = server.freeze().await.unwrap_err().to_string();
        assert!(why.ends_with("does not run"), "{why}");
        server.run().await.unwrap();
        assert_eq!(&ping(server.port).await.unwrap(), b"+PONG\r\n");
    }
}
