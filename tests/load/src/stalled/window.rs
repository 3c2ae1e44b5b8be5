//! One measurement: messages at a steady pace, and when everybody has them.

use std::path::Path;
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use super::Crowd;
use super::hub::Hub;
use super::listeners::{Clock, Listeners, Staller, Stalling, message};
use super::options::Plan;
use crate::error::{Error, Result, within};
use crate::measure::{Cores, CpuClock, Occupancy};

/// For all to have the last message.
const END_DEADLINE: Duration = Duration::from_secs(20);
/// Messages between two looks at the metrics; the look costs the subject the same with and without the one who stalls.
const LOOK_EVERY: usize = 2;
/// The half of `socket.queue_bytes_max`: the queue of one who is given up has held more, and is dropped then.
const QUEUE_BYTES: u64 = 512 * 1024;
/// 3.5 MiB together: somewhat less than the kernel takes for a socket whose other end does not read (up to 4 MiB by
/// `tcp_wmem`, and the little that the other end takes).
const FILLS: usize = 28;
const FILL_BYTES: usize = 128 * 1024;
/// How the one who stalls must be ended.
const SLOW: (u16, &str) = (1008, "slow consumer");

/// What was found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// CPU of the hub per delivery.
    pub cpu_micros: f64,
    /// By how much the hub's memory grew meanwhile at its highest.
    pub growth_kib: f64,
    /// From when the one stopped reading until it was ended.
    pub ended_after: Option<Duration>,
    /// The part of a core that everybody else used.
    pub others: f64,
}

pub async fn measure(crowd: Crowd, program: &Path, cores: Cores, plan: &Plan) -> Result<Sample> {
    let mut hub = Hub::start(program, cores).await?;
    let mut one = One::Reading(Staller::connect(&hub).await?);
    if crowd == Crowd::WithOne {
        one = one.stall();
    }
    // What the kernel keeps for the one who stalls; what comes later waits in the hub. The others are not there yet.
    let fill = message(0, FILL_BYTES);
    for _ in 0..FILLS {
        hub.publish(&fill).await?;
    }
    let clock = Clock::new(plan.warm_up + plan.messages);
    let listeners = Listeners::gather(&hub, plan.subscribers - 1, &clock, plan.warm_up).await?;
    let mut ticks = interval(plan.every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0..plan.warm_up {
        ticks.tick().await;
        clock.says(number);
        hub.publish(&message(number, plan.message_bytes)).await?;
    }

    let before_kib = hub.begin_peak()?;
    let (clocks, occupancy) =
        ([hub.process.clock, CpuClock::of(std::process::id())?], Occupancy::start(cores)?);
    let (before, began) = ([clocks[0].now()?, clocks[1].now()?], Instant::now());
    let (mut was_queued, mut ended_after) = (false, None);
    for number in plan.warm_up..plan.warm_up + plan.messages {
        ticks.tick().await;
        clock.says(number);
        hub.publish(&message(number, plan.message_bytes)).await?;
        if number % LOOK_EVERY != 0 {
            continue;
        }
        let is_queued = hub.queued_bytes().await? > QUEUE_BYTES;
        if crowd == Crowd::WithOne && was_queued && !is_queued && ended_after.is_none() {
            ended_after = Some(began.elapsed());
            one = one.end().await?;
        }
        was_queued |= is_queued;
    }
    let latencies = within(END_DEADLINE, "all to have the last message", listeners.finish()).await?;
    let (ended, expected) = (hub.slow_consumers().await?, u64::from(ended_after.is_some()));
    match (crowd, ended_after, &one) {
        (Crowd::WithOne, None, _) => {
            return Err(Error::Setup("the one who stalls is still there; measure for longer".into()));
        }
        _ if ended != expected => {
            return Err(Error::Answer(format!(
                "{ended} connections have ended as slow consumers, not {expected}"
            )));
        }
        _ => drop(one),
    }
    let wall = began.elapsed().as_secs_f64();
    let now = [clocks[0].now()?, clocks[1].now()?];
    let [cpu, generator] = std::array::from_fn(|i| now[i].saturating_sub(before[i]).as_secs_f64());
    let others = (occupancy.stop()? - (cpu + generator) / wall).max(0.0);
    let growth = hub.peak_kib()?.saturating_sub(before_kib);
    let (p50, p99) = latencies.p50_p99().unwrap_or_default();
    // Exact up to 2^53 of either.
    #[allow(clippy::cast_precision_loss)]
    let (deliveries, growth_kib) = ((plan.messages * plan.subscribers) as f64, growth as f64);
    Ok(Sample {
        p50_ms: p50.as_secs_f64() * 1e3,
        p99_ms: p99.as_secs_f64() * 1e3,
        cpu_micros: cpu * 1e6 / deliveries,
        growth_kib,
        ended_after,
        others,
    })
}

/// The one who may stall.
enum One {
    Reading(Staller),
    Stalling(Stalling),
    Ended,
}

impl One {
    fn stall(self) -> Self {
        match self {
            Self::Reading(staller) => Self::Stalling(staller.stall()),
            other => other,
        }
    }

    /// It reads what was kept for it, and the right end behind that.
    async fn end(self) -> Result<Self> {
        if let Self::Stalling(stalling) = self {
            let (code, reason) = stalling.end().await?;
            if (code, reason.as_str()) != SLOW {
                return Err(Error::Answer(format!("the one who stalled was closed with {code} {reason:?}")));
            }
        }
        Ok(Self::Ended)
    }
}
