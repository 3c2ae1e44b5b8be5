//! CPU of everybody who takes part, over a span of time.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::measure::{CpuClock, Occupancy};
use crate::subjects::Bench;

pub struct Meter {
    clocks: [CpuClock; 3],
    before: [Duration; 3],
    occupancy: Occupancy,
    since: Instant,
}

/// What was used between start and stop.
pub struct Used {
    pub subject: Duration,
    pub shares: Shares,
}

/// How the time of the two cores was spent, in cores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shares {
    pub subject: f64,
    /// Generator and upstream together.
    pub load: f64,
    /// Everybody else: the more, the less a figure is worth.
    pub others: f64,
}

impl Meter {
    pub fn start(bench: &Bench) -> Result<Self> {
        let clocks = [bench.subject_clock(), bench.upstream_clock(), CpuClock::of(std::process::id())?];
        let occupancy = Occupancy::start(bench.cores())?;
        Ok(Self { clocks, before: read(clocks)?, occupancy, since: Instant::now() })
    }

    pub fn stop(self) -> Result<Used> {
        let wall = self.since.elapsed().as_secs_f64();
        let now = read(self.clocks)?;
        let [subject, upstream, generator] = std::array::from_fn(|i| now[i].saturating_sub(self.before[i]));
        let used = self.occupancy.stop()?;
        let (own, load) = (subject.as_secs_f64() / wall, (upstream + generator).as_secs_f64() / wall);
        Ok(Used { subject, shares: Shares { subject: own, load, others: (used - own - load).max(0.0) } })
    }
}

fn read(clocks: [CpuClock; 3]) -> Result<[Duration; 3]> {
    Ok([clocks[0].now()?, clocks[1].now()?, clocks[2].now()?])
}
