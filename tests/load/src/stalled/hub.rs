//! The product with one channel of Gockets.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::client::{Connection, request};
use crate::error::{Error, Result, doing, within};
use crate::measure::Cores;
use crate::subjects::Process;

const ANSWER_DEADLINE: Duration = Duration::from_secs(10);

pub struct Hub {
    pub process: Process,
    pub subscribe_path: String,
    publish_path: String,
    publisher: Connection,
    admin: Connection,
    admin_host: String,
}

impl Hub {
    /// Starts it alone on its core, with the limits it has by default.
    pub async fn start(program: &Path, cores: Cores) -> Result<Self> {
        let admin = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|probe| probe.local_addr());
        let admin = admin.map_err(doing("find a free port"))?;
        let command = |listen: SocketAddr| {
            let mut command = Command::new(program);
            command.args(["hub", "--set", "hub.protocols=gockets", "--set", "log.level=error"]);
            command.arg("--set").arg(format!("gockets.listen={listen}"));
            command.arg("--set").arg(format!("admin.listen={admin}"));
            // One core, so one worker. The program takes all variables of its prefix for keys.
            command.env("TOKIO_WORKER_THREADS", "1").env_remove("POLYSOCKET_BIN");
            command
        };
        let mut process = Process::start(command, |command| cores.on_subject(|| command.spawn()))?;
        process.listening().await?;
        let mut publisher = Connection::open(process.address, Ipv4Addr::LOCALHOST).await?;
        let mut prepare = Vec::new();
        request::post(&mut prepare, &process.address.to_string(), format_args!("/channel/prepare"), b"");
        let json: serde_json::Value = serde_json::from_str(&ask(&mut publisher, &prepare).await?)
            .map_err(|error| Error::Answer(format!("a channel that is no JSON: {error}")))?;
        let key = |name: &str| {
            json[name].as_str().ok_or_else(|| Error::Answer(format!("a channel without {name}: {json}")))
        };
        let publish_path = format!("/channel/publish/{}", key("publisher_key")?);
        let subscribe_path = format!("/channel/subscribe/{}", key("subscriber_key")?);
        // It listens for operators a moment after it does for others.
        let admin_connection = within(ANSWER_DEADLINE, "the admin listener", async {
            loop {
                match Connection::open(admin, Ipv4Addr::LOCALHOST).await {
                    Ok(connection) => return Ok(connection),
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        });
        let admin_connection = admin_connection.await?;
        let admin_host = admin.to_string();
        Ok(Self { process, subscribe_path, publish_path, publisher, admin: admin_connection, admin_host })
    }

    /// Publishes, and waits until it was taken.
    pub async fn publish(&mut self, text: &str) -> Result<()> {
        let (mut request, host) = (Vec::new(), self.process.address.to_string());
        request::post(&mut request, &host, format_args!("{}", self.publish_path), text.as_bytes());
        ask(&mut self.publisher, &request).await.map(drop)
    }

    /// What waits for its clients, in bytes.
    pub async fn queued_bytes(&mut self) -> Result<u64> {
        self.metric("polysocket_socket_queued_bytes").await
    }

    /// How many connections have ended because their clients did not take what they were sent.
    pub async fn slow_consumers(&mut self) -> Result<u64> {
        self.metric("polysocket_socket_ended_total{cause=\"slow-consumer\"}").await
    }

    async fn metric(&mut self, series: &str) -> Result<u64> {
        let mut request = Vec::new();
        request::get(&mut request, &self.admin_host, format_args!("/metrics"));
        let text = ask(&mut self.admin, &request).await?;
        let value = text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
        value.ok_or_else(|| Error::Answer(format!("the metrics have no {series}")))
    }

    /// Begins a new peak of resident memory (proc_pid_clear_refs(5)), and gives the memory of now in KiB.
    pub fn begin_peak(&self) -> Result<u64> {
        let path = format!("/proc/{}/clear_refs", self.process.id());
        std::fs::write(path, "5").map_err(doing("begin a new peak of memory"))?;
        self.status("VmRSS:")
    }

    /// The highest since then, in KiB.
    pub fn peak_kib(&self) -> Result<u64> {
        self.status("VmHWM:")
    }

    fn status(&self, key: &str) -> Result<u64> {
        let path = format!("/proc/{}/status", self.process.id());
        let text = std::fs::read_to_string(path).map_err(doing("read memory"))?;
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.trim().strip_suffix("kB"));
        let value = line.and_then(|value| value.trim().parse().ok());
        value.ok_or_else(|| Error::Setup(format!("/proc/PID/status has no {key}")))
    }
}

async fn ask(connection: &mut Connection, request: &[u8]) -> Result<String> {
    within(ANSWER_DEADLINE, "an answer of the hub", async {
        connection.write(request).await?;
        Ok(connection.read().await?.text(200)?.to_owned())
    })
    .await
}
