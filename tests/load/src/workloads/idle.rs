//! Sessions that only wait: a parked poll and an upstream socket each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::churn::lives;
use super::sample::{Failures, Sample};
use crate::client::TRIP_DEADLINE;
use crate::error::{Error, Result, within};
use crate::measure::pss_kib;
use crate::subjects::Bench;

#[derive(Debug, Clone)]
pub struct Idle {
    pub sessions: usize,
    /// Lives before the first reading, so that what every process allocates
    /// once is not counted as the sessions'.
    pub warm_up: usize,
}

/// Sessions that are created at the same time.
const CREATES_MAX: usize = 64;
/// Until all are parked: 10 ms each for 9,000 would be 90 s.
const PARK_DEADLINE: Duration = Duration::from_secs(120);
/// Pss counts as settled when this many readings in a row agree to 0.5 %.
const SETTLED_READINGS: u32 = 3;
const READINGS_MAX: u32 = 40;
const READING_INTERVAL: Duration = Duration::from_millis(500);

impl Idle {
    pub async fn run(&self, bench: &Bench) -> Result<Sample> {
        lives(bench, self.warm_up, CREATES_MAX).await?;
        let before = settled_pss(bench.subject_id()).await?;

        let parked = Arc::new(AtomicUsize::new(0));
        let creates = Arc::new(Semaphore::new(CREATES_MAX));
        let mut pages = JoinSet::new();
        for _ in 0..self.sessions {
            let (factory, creates, parked) = (bench.factory(), creates.clone(), parked.clone());
            pages.spawn(async move {
                let permit = creates.acquire_owned().await.expect("nobody closes the semaphore");
                let mut session = factory.session().await?;
                session
                    .idle(|| {
                        parked.fetch_add(1, Ordering::Relaxed);
                        drop(permit);
                    })
                    .await
            });
        }
        let mut failures = Failures::default();
        let all_parked = async {
            while parked.load(Ordering::Relaxed) < self.sessions {
                tokio::select! {
                    Some(page) = pages.join_next() => return Err(ended(page)),
                    () = tokio::time::sleep(Duration::from_millis(10)) => {}
                }
            }
            bench.wait_for_sessions(self.sessions, TRIP_DEADLINE).await
        };
        within(PARK_DEADLINE, "every session to be parked", all_parked).await?;
        let after = settled_pss(bench.subject_id()).await?;
        while let Some(page) = pages.try_join_next() {
            failures.add(&ended(page));
        }
        bench.wait_for_sessions(self.sessions, TRIP_DEADLINE).await?;
        // Exact up to 2^53 KiB.
        #[allow(clippy::cast_precision_loss)]
        let value = after.saturating_sub(before) as f64 / self.sessions as f64;
        Ok(Sample { value, operations: self.sessions as u64, failures, ..Sample::default() })
    }
}

/// An idle page ends only by an error.
fn ended(page: Result<Result<std::convert::Infallible>, tokio::task::JoinError>) -> Error {
    match page {
        Ok(Ok(never)) => match never {},
        Ok(Err(error)) => error,
        Err(error) => Error::Setup(format!("a page of the generator panicked: {error}")),
    }
}

/// Pss once it no longer moves; the last reading if it never stops.
pub async fn settled_pss(pid: u32) -> Result<u64> {
    let mut last = pss_kib(pid)?;
    let mut agreeing = 1;
    for _ in 0..READINGS_MAX {
        if agreeing >= SETTLED_READINGS {
            break;
        }
        tokio::time::sleep(READING_INTERVAL).await;
        let now = pss_kib(pid)?;
        agreeing = if now.abs_diff(last) * 200 <= last { agreeing + 1 } else { 1 };
        last = now;
    }
    Ok(last)
}
