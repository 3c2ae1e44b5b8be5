//! A real `redis-server` on a free port of its own, without persistence; killed with the value.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use polysocket_config::Span;
use polysocket_registry::RegistryConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One server that can be killed and started again on the same port.
pub struct RedisServer {
    pub port: u16,
    password: Option<&'static str>,
    process: Option<Child>,
}

impl RedisServer {
    /// Started, and ready for commands.
    pub async fn start() -> Self {
        let mut server = Self::stopped();
        server.run().await;
        server
    }

    pub async fn with_password(password: &'static str) -> Self {
        let mut server = Self::stopped();
        server.password = Some(password);
        server.run().await;
        server
    }

    /// Only the port.
    pub fn stopped() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { port, password: None, process: None }
    }

    pub async fn run(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning"]);
        command.args(["--port", &self.port.to_string(), "--dir", &std::env::temp_dir().to_string_lossy()]);
        if let Some(password) = self.password {
            command.args(["--requirepass", password]);
        }
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server can be started; on Debian: apt-get install redis-server");
        self.process = Some(process);
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.answers().await {
            assert!(Instant::now() < deadline, "redis-server did not answer on port {}", self.port);
            assert!(self.process.as_mut().unwrap().try_wait().unwrap().is_none(), "redis-server has ended");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Anything it says to PING, also that it wants a password, is an answer.
    async fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)).await else { return false };
        let mut byte = [0];
        stream.write_all(b"PING\r\n").await.is_ok() && matches!(stream.read(&mut byte).await, Ok(1))
    }

    /// As `kill -9` does.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Stops it from doing anything, its connections left open; or lets it go on.
    pub fn freeze(&self, frozen: bool) {
        let pid = self.process.as_ref().expect("it runs").id().to_string();
        let signal = if frozen { "-STOP" } else { "-CONT" };
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    pub fn url(&self) -> String {
        match self.password {
            Some(password) => format!("redis://:{password}@127.0.0.1:{}/0", self.port),
            None => format!("redis://127.0.0.1:{}/0", self.port),
        }
    }

    pub fn config(&self) -> RegistryConfig {
        RegistryConfig { url: self.url(), ..short_times() }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}

/// Leases so short that a test may wait for their end.
pub fn short_times() -> RegistryConfig {
    RegistryConfig {
        lease_time: Span::millis(800),
        renew_every: Span::millis(100),
        socket_lease_time: Span::seconds(1),
        ..RegistryConfig::default()
    }
}
