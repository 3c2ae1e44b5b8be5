//! A real `redis-server` on a free port of its own; killed with the value.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use polysocket_redis::redis::aio::MultiplexedConnection;
use polysocket_redis::redis::{Client, FromRedisValue, cmd};

/// One server that can be killed and started again on the same port.
pub struct RedisServer {
    pub port: u16,
    /// Options that a start has, as on the command line.
    pub options: Vec<String>,
    program: &'static str,
    dir: PathBuf,
    process: Option<Child>,
}

impl RedisServer {
    /// Started, ready for commands, and without persistence.
    pub async fn start() -> Self {
        Self::with(&["--save", "", "--appendonly", "no"]).await
    }

    pub async fn with(options: &[&str]) -> Self {
        let mut server = Self::stopped(options);
        server.run().await;
        server
    }

    /// Only the port and the folder.
    pub fn stopped(options: &[&str]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let port = free_port();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("polysocket-broker-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let options = options.iter().map(|&option| option.to_owned()).collect();
        Self { port, options, program: "redis-server", dir, process: None }
    }

    /// A Sentinel with this configuration, on top of its port.
    pub async fn sentinel(configuration: &str) -> Self {
        let mut server = Self::stopped(&[]);
        let file = server.dir.join("sentinel.conf");
        std::fs::write(&file, configuration).unwrap();
        server.options = vec![file.to_string_lossy().into_owned(), "--sentinel".to_owned()];
        server.run().await;
        server
    }

    pub async fn run(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let mut command = Command::new(self.program);
        // A configuration file comes first.
        command.args(&self.options);
        command.args(["--bind", "127.0.0.1", "--loglevel", "warning", "--port", &self.port.to_string()]);
        command.args(["--dir", &self.dir.to_string_lossy()]);
        let process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server can be started; on Debian: apt-get install redis-server");
        self.process = Some(process);
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.try_connect().await.is_none() {
            assert!(Instant::now() < deadline, "redis-server did not answer on port {}", self.port);
            assert!(self.process.as_mut().unwrap().try_wait().unwrap().is_none(), "redis-server has ended");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Once it has read its data.
    async fn try_connect(&self) -> Option<MultiplexedConnection> {
        let password = self.options.iter().skip_while(|option| *option != "--requirepass").nth(1);
        let user = password.map_or_else(String::new, |password| format!(":{password}@"));
        let client = Client::open(format!("redis://{user}127.0.0.1:{}", self.port)).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.ok()?;
        cmd("PING").exec_async(&mut connection).await.ok()?;
        Some(connection)
    }

    /// Asks it something.
    pub async fn ask<T: FromRedisValue>(&self, words: &[&str]) -> T {
        let mut connection = self.try_connect().await.expect("it answers");
        let mut command = cmd(words[0]);
        for word in &words[1..] {
            command.arg(word);
        }
        command.query_async(&mut connection).await.unwrap()
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
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// One that leaves room for the bus of a cluster, 10000 above.
fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if port < 55_000 && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}
