//! Which core runs what: the subject alone on one, generator and upstream on the other.

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::error::{Error, Result};

/// This thread, to the kernel.
const SELF: Pid = Pid::from_raw(0);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cores {
    pub subject: usize,
    pub load: usize,
}

impl Cores {
    /// The first two cores this process may use, where the caller names none.
    /// With a single core both are the same.
    pub fn choose(subject: Option<usize>, load: Option<usize>) -> Result<Self> {
        let set =
            sched_getaffinity(SELF).map_err(|error| Error::Setup(format!("read the cores: {error}")))?;
        let mut allowed = (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false));
        let first = allowed.next().unwrap_or(0);
        let subject = subject.unwrap_or(first);
        let other = std::iter::once(first).chain(allowed).find(|core| *core != subject);
        Ok(Self { subject, load: load.or(other).unwrap_or(subject) })
    }

    /// Moves this thread, and what it spawns from now on, to the load's core.
    pub fn enter_load(self) -> Result<()> {
        pin(self.load)
    }

    /// Runs `spawn` on the subject's core: a child process inherits the core
    /// of the thread that starts it.
    pub fn on_subject<T>(self, spawn: impl FnOnce() -> T) -> Result<T> {
        pin(self.subject)?;
        let spawned = spawn();
        pin(self.load)?;
        Ok(spawned)
    }
}

fn pin(core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core)
        .and_then(|()| sched_setaffinity(SELF, &set))
        .map_err(|error| Error::Setup(format!("pin to core {core}: {error}; is it one of this machine's?")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_the_caller_names_is_taken() {
        assert_eq!(Cores::choose(Some(3), Some(5)).unwrap(), Cores { subject: 3, load: 5 });
    }

    #[test]
    fn the_load_goes_where_the_subject_is_not() {
        let cores = Cores::choose(None, None).unwrap();
        let alone = std::thread::available_parallelism().unwrap().get() == 1;
        assert_eq!(cores.subject == cores.load, alone);
        let swapped = Cores::choose(Some(cores.load), None).unwrap();
        assert_eq!(swapped.load, cores.subject);
    }
}
