//! What an operator sees of a process: its health, its metrics, its memory.

use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::client::http::{Answer, Request};
use crate::client::{Dialer, HttpClient};
use crate::program::Program;

const LISTENING: &str = "admin on http://";
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Metrics have no events to wait for; they are asked again.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// The admin listener of a program.
#[derive(Debug)]
pub struct Admin {
    address: String,
    client: HttpClient,
}

impl Admin {
    /// The listener that the program said it has.
    pub async fn of(program: &mut Program) -> io::Result<Self> {
        let address = program
            .process()
            .wait_for(ANSWER_MAX, |line| Some(line.strip_prefix(LISTENING)?.trim().to_owned()))
            .await?;
        Ok(Self { address, client: HttpClient::new(Dialer::direct()) })
    }

    async fn get(&self, path: &str) -> Option<Answer> {
        self.client.request(&Request::get(&format!("{}{path}", self.address)), ANSWER_MAX).await.ok()
    }

    /// Whether `/healthz` is content.
    pub async fn is_healthy(&self) -> bool {
        self.get("/healthz").await.is_some_and(|answer| answer.head.status() == 200)
    }

    /// The value of a series, written as Prometheus does: `name` or `name{label="value"}`.
    pub async fn metric(&self, series: &str) -> Option<f64> {
        let answer = self.get("/metrics").await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let line =
            text.lines().find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')));
        line?.rsplit(' ').next()?.parse().ok()
    }

    /// Waits until a series has a value of which this is true, and gives it; the error is the last value.
    pub async fn until(
        &self,
        series: &str,
        limit: Duration,
        is_it: impl Fn(f64) -> bool,
    ) -> Result<f64, Option<f64>> {
        let until = Instant::now() + limit;
        loop {
            let value = self.metric(series).await;
            match value {
                Some(value) if is_it(value) => return Ok(value),
                _ if Instant::now() > until => return Err(value),
                _ => sleep(ASK_EVERY).await,
            }
        }
    }
}

/// The resident memory of a program, bytes.
pub fn resident_bytes(program: &mut Program) -> io::Result<u64> {
    let id = program.process().id().ok_or_else(|| io::Error::other("the program has ended"))?;
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.map(|kib| kib * 1024).ok_or_else(|| io::Error::other("there is no VmRSS"))
}
