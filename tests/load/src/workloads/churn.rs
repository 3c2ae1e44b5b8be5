//! Whole short lives: create, one echo, close, each on fresh connections, as a
//! page's are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::message::Messages;
use super::meter::{Meter, Used};
use super::sample::{Failures, Sample, micros_each};
use crate::error::{Error, Result, within};
use crate::subjects::Bench;
use polysocket_load::stats::Latencies;

#[derive(Debug, Clone)]
pub struct Churn {
    /// Lives that are measured.
    pub sessions: usize,
    /// Lives before.
    pub warm_up: usize,
    /// Lives at the same time.
    pub workers: usize,
}

/// For all lives of one round; the slowest subject needs a twentieth.
const DEADLINE: Duration = Duration::from_secs(120);

impl Churn {
    pub async fn run(&self, bench: &Bench) -> Result<Sample> {
        lives(bench, self.warm_up, self.workers).await?;
        let (used, latencies, failures) = lives(bench, self.sessions, self.workers).await?;
        Ok(Sample {
            value: micros_each(used.subject, self.sessions as u64),
            operations: self.sessions as u64,
            latency: latencies.p50_p99(),
            shares: Some(used.shares),
            failures,
        })
    }
}

/// `sessions` lives, and their CPU until the upstream has seen the last one end.
pub async fn lives(bench: &Bench, sessions: usize, workers: usize) -> Result<(Used, Latencies, Failures)> {
    let meter = Meter::start(bench)?;
    let taken = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..workers.min(sessions) {
        let (factory, taken, bytes) = (bench.factory(), taken.clone(), bench.message_bytes());
        tasks.spawn(async move {
            let (mut latencies, mut failures) = (Latencies::default(), Failures::default());
            loop {
                let turn = taken.fetch_add(1, Ordering::Relaxed);
                if turn >= sessions {
                    return (latencies, failures);
                }
                let start = Instant::now();
                let life = async {
                    let mut session = factory.session().await?;
                    session.echo(Messages::new(turn, bytes).next()).await?;
                    session.close().await
                };
                match life.await {
                    Ok(()) => latencies.push(start.elapsed()),
                    Err(error) => failures.add(&error),
                }
            }
        });
    }
    let (mut latencies, mut failures) = (Latencies::default(), Failures::default());
    within(DEADLINE, "all lives", async {
        while let Some(task) = tasks.join_next().await {
            let (some, failed) = task.map_err(|error| Error::Setup(format!("a worker panicked: {error}")))?;
            latencies.append(some);
            failures.append(&failed);
        }
        bench.wait_for_silence().await
    })
    .await?;
    Ok((meter.stop()?, latencies, failures))
}
