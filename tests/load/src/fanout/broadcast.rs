//! Broadcasts in a closed loop: one subscriber speaks, all are told, it speaks again.

use std::time::{Duration, Instant};

use super::crowd::{Crowd, subscribe};
use super::options::Plan;
use super::subject::{Programs, Subject};
use crate::error::{Result, within};
use crate::measure::{Cores, CpuClock, Occupancy};
use polysocket_load::stats::Latencies;

/// Until all have been told once.
const BROADCAST_DEADLINE: Duration = Duration::from_secs(10);
const GATHER_DEADLINE: Duration = Duration::from_secs(120);

/// What broadcasts were found to need.
#[derive(Debug, Clone, Copy, Default)]
pub struct Broadcast {
    pub cpu_micros: f64,
    pub per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub others: f64,
}

pub async fn measure(subject: Subject, programs: &Programs, cores: Cores, plan: &Plan) -> Result<Broadcast> {
    let process = subject.start(programs, cores).await?;
    // The publisher is one of those who are told.
    let gathering = Crowd::gather(subject, process.address, plan.subscribers.saturating_sub(1).max(1));
    let mut crowd = within(GATHER_DEADLINE, "all subscribers to be there", gathering).await?;
    let mut publisher = subscribe(subject, process.address).await?;
    let deliveries_each = crowd.size() + 1;
    let mut tell = async |window: Duration| -> Result<(u64, Latencies)> {
        let (mut broadcasts, mut latencies) = (0, Latencies::default());
        let end = Instant::now() + window;
        while broadcasts == 0 || Instant::now() < end {
            let began = Instant::now();
            let told = crowd.tell(subject, &mut publisher);
            within(BROADCAST_DEADLINE, "a broadcast to reach all", told).await?;
            latencies.push(began.elapsed());
            broadcasts += 1;
        }
        Ok((broadcasts, latencies))
    };
    tell(plan.warm_up).await?;
    let (clocks, occupancy) = ([process.clock, CpuClock::of(std::process::id())?], Occupancy::start(cores)?);
    let (before, began) = ([clocks[0].now()?, clocks[1].now()?], Instant::now());
    let (broadcasts, latencies) = tell(plan.window).await?;
    let wall = began.elapsed().as_secs_f64();
    let now = [clocks[0].now()?, clocks[1].now()?];
    let [cpu, generator] = std::array::from_fn(|i| now[i].saturating_sub(before[i]).as_secs_f64());
    let others = (occupancy.stop()? - (cpu + generator) / wall).max(0.0);
    // Exact up to 2^53 deliveries.
    #[allow(clippy::cast_precision_loss)]
    let deliveries = (broadcasts * deliveries_each as u64) as f64;
    let (p50, p99) = latencies.p50_p99().unwrap_or_default();
    Ok(Broadcast {
        cpu_micros: cpu * 1e6 / deliveries,
        per_second: deliveries / wall,
        p50_ms: p50.as_secs_f64() * 1e3,
        p99_ms: p99.as_secs_f64() * 1e3,
        others,
    })
}
