//! How busy the two cores are, whoever uses them: what is not ours is noise.

use super::Cores;
use crate::error::{Error, Result, doing};

/// Ticks of one core since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    all: u64,
}

/// A reading of `/proc/stat`, to be compared with a later one.
pub struct Occupancy {
    cores: Cores,
    before: [Ticks; 2],
}

impl Occupancy {
    pub fn start(cores: Cores) -> Result<Self> {
        Ok(Self { cores, before: read(cores)? })
    }

    /// Share of the two cores together that was used since, 0 to 2 (0 to 1
    /// where both are the same). Counts what the hypervisor took as used.
    pub fn stop(&self) -> Result<f64> {
        let now = read(self.cores)?;
        let share = |core: usize| share(self.before[core], now[core]);
        Ok(share(0) + if self.cores.subject == self.cores.load { 0.0 } else { share(1) })
    }
}

fn share(before: Ticks, now: Ticks) -> f64 {
    // Exact up to 2^53 ticks of 10 ms.
    #[allow(clippy::cast_precision_loss)]
    let share =
        now.busy.saturating_sub(before.busy) as f64 / now.all.saturating_sub(before.all).max(1) as f64;
    share
}

fn read(cores: Cores) -> Result<[Ticks; 2]> {
    let stat = std::fs::read_to_string("/proc/stat").map_err(doing("read /proc/stat"))?;
    let of =
        |core| parse(&stat, core).ok_or_else(|| Error::Setup(format!("/proc/stat has no line cpu{core}")));
    Ok([of(cores.subject)?, of(cores.load)?])
}

/// The fields are user, nice, system, idle, iowait, irq, softirq, steal; what
/// follows is part of user and nice (`proc(5)`).
fn parse(stat: &str, core: usize) -> Option<Ticks> {
    let name = format!("cpu{core}");
    let line = stat.lines().find(|line| line.split(' ').next() == Some(&name))?;
    let fields: Vec<u64> =
        line.split_whitespace().skip(1).take(8).filter_map(|field| field.parse().ok()).collect();
    let all: u64 = fields.iter().sum();
    Some(Ticks { busy: all - fields.get(3)? - fields.get(4)?, all })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const STAT: &str =
        "cpu  9 9 9 9 9 9 9 9 9 9\ncpu1 10 1 20 900 50 3 4 12 5 0\ncpu10 0 0 0 1 0 0 0 0 0 0\nintr 1\n";

    #[test]
    fn idle_and_waiting_are_not_busy() {
        assert_eq!(parse(STAT, 1), Some(Ticks { busy: 50, all: 1000 }));
        assert_eq!(parse(STAT, 10), Some(Ticks { busy: 0, all: 1 }));
        assert_eq!(parse(STAT, 0), None);
    }

    #[test]
    fn a_share_is_of_the_time_between() {
        let (before, now) = (Ticks { busy: 100, all: 200 }, Ticks { busy: 175, all: 300 });
        assert!((share(before, now) - 0.75).abs() < 1e-9);
        assert!(share(before, before).abs() < 1e-9);
    }

    #[test]
    fn this_machine_says_so() {
        let occupancy = Occupancy::start(Cores::choose(None, None).unwrap()).unwrap();
        assert!((0.0..=2.0).contains(&occupancy.stop().unwrap()));
    }
}
