//! Subscribers that are told nothing.

use std::time::Duration;

use super::crowd::Crowd;
use super::options::Plan;
use super::subject::{Programs, Subject};
use crate::error::{Result, within};
use crate::measure::Cores;
use crate::workloads::settled_pss;

/// 10 ms each for 9,000 would be 90 s.
const GATHER_DEADLINE: Duration = Duration::from_secs(120);

/// Pss of one, in KiB.
pub async fn measure(subject: Subject, programs: &Programs, cores: Cores, plan: &Plan) -> Result<f64> {
    let process = subject.start(programs, cores).await?;
    let gather = |size| {
        within(GATHER_DEADLINE, "all subscribers to be there", Crowd::gather(subject, process.address, size))
    };
    drop(gather(plan.idle_warm_up).await?);
    let before = settled_pss(process.id()).await?;
    let mut crowd = gather(plan.idle).await?;
    let after = settled_pss(process.id()).await?;
    crowd.check()?;
    // Exact up to 2^53 KiB.
    #[allow(clippy::cast_precision_loss)]
    let each = after.saturating_sub(before) as f64 / plan.idle as f64;
    Ok(each)
}
