//! CPU time of another process.

use std::time::Duration;

use nix::time::{ClockId, clock_getcpuclockid};
use nix::unistd::Pid;

use crate::error::{Error, Result};

/// The CPU clock of a process: user and system time of all its threads, of
/// those that have ended too, in nanoseconds (`clock_getcpuclockid(3)`).
/// `/proc/PID/stat` says the same in ticks of 10 ms.
#[derive(Clone, Copy)]
pub struct CpuClock(ClockId);

impl CpuClock {
    pub fn of(pid: u32) -> Result<Self> {
        let pid = i32::try_from(pid).map_err(|_| Error::Setup(format!("{pid} is no process id")))?;
        clock_getcpuclockid(Pid::from_raw(pid)).map(Self).map_err(gone)
    }

    pub fn now(self) -> Result<Duration> {
        self.0.now().map(Duration::from).map_err(gone)
    }
}

fn gone(error: nix::Error) -> Error {
    Error::Answer(format!("the process has no CPU clock, so it has ended ({error})"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn work_moves_the_clock() {
        let clock = CpuClock::of(std::process::id()).unwrap();
        let enough = clock.now().unwrap() + Duration::from_millis(2);
        let mut readings = 0_u64;
        while clock.now().unwrap() < enough {
            readings += 1;
        }
        // A clock of wall time or of ticks would jump past it at once.
        assert!(readings > 10, "{readings}");
    }
}
