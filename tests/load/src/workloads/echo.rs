//! Round trips in a closed loop: each session sends one message, waits for it
//! on its parked poll, and sends the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::message::Messages;
use super::meter::Meter;
use super::sample::{Failures, Sample, micros_each};
use crate::error::{Error, Result};
use crate::subjects::Bench;
use polysocket_load::stats::Latencies;

#[derive(Debug, Clone)]
pub struct Echo {
    pub sessions: usize,
    /// Until Node's compiler has settled, and every buffer has grown.
    pub warm_up: Duration,
    pub window: Duration,
}

/// Values of [`Shared::phase`]; it begins with neither.
const MEASURING: u8 = 1;
const STOPPING: u8 = 2;

/// A session stops here even if nobody tells it to: ten minutes of the fastest
/// subject's trips.
const TRIPS_MAX: u64 = 10_000_000;

#[derive(Default)]
struct Shared {
    phase: AtomicU8,
    trips: AtomicU64,
}

impl Echo {
    /// CPU is read while every session is under way, at both ends of the window.
    pub async fn run(&self, bench: &Bench) -> Result<Sample> {
        let shared = Arc::new(Shared::default());
        let mut pages = JoinSet::new();
        for session in 0..self.sessions {
            let (factory, shared) = (bench.factory(), shared.clone());
            let messages = Messages::new(session, bench.message_bytes());
            pages.spawn(async move { page(factory.session().await?, messages, &shared).await });
        }
        tokio::time::sleep(self.warm_up).await;
        let meter = Meter::start(bench)?;
        let before = shared.trips.load(Ordering::Relaxed);
        shared.phase.store(MEASURING, Ordering::Relaxed);
        tokio::time::sleep(self.window).await;
        let trips = shared.trips.load(Ordering::Relaxed) - before;
        let used = meter.stop()?;
        shared.phase.store(STOPPING, Ordering::Relaxed);

        let mut failures = Failures::default();
        let mut latencies = Latencies::default();
        while let Some(page) = pages.join_next().await {
            match page.map_err(|error| Error::Setup(format!("a page of the generator panicked: {error}")))? {
                Ok(page) => latencies.append(page),
                Err(error) => failures.add(&error),
            }
        }
        if trips == 0 {
            failures.add(&Error::Answer("not one round trip within the window".into()));
        }
        Ok(Sample {
            value: micros_each(used.subject, trips),
            operations: trips,
            latency: latencies.p50_p99(),
            shares: Some(used.shares),
            failures,
        })
    }
}

async fn page(
    mut session: crate::client::Session,
    mut messages: Messages,
    shared: &Shared,
) -> Result<Latencies> {
    let mut latencies = Latencies::default();
    for _ in 0..TRIPS_MAX {
        let start = Instant::now();
        session.echo(messages.next()).await?;
        shared.trips.fetch_add(1, Ordering::Relaxed);
        match shared.phase.load(Ordering::Relaxed) {
            MEASURING => latencies.push(start.elapsed()),
            STOPPING => break,
            _ => {}
        }
    }
    session.close().await?;
    Ok(latencies)
}
