//! The command line of `stalled`, and what it makes of a run.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::error::{Error, Result, doing};
use crate::options::CoreOptions;

const ROUNDS: u32 = 5;

/// One subscriber of many that stops reading, and what the others notice
#[derive(Debug, Args)]
pub struct Stalled {
    /// Rounds, each with and without such a subscriber (5; 1 with --quick)
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,
    /// Prove that everything works, with few subscribers and in seconds; the figures mean nothing
    #[arg(long)]
    pub quick: bool,
    /// Subscribers, the one that stops among them
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..=100_000))]
    subscribers: u32,
    /// Seconds that messages are measured for
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// The product's program [default: polysocket beside this program]
    #[arg(long, value_name = "PATH")]
    hub: Option<PathBuf>,
    #[command(flatten)]
    pub cores: CoreOptions,
}

/// How much of everything.
#[derive(Debug, Clone)]
pub struct Plan {
    pub subscribers: usize,
    /// So many that the hub's queue for one subscriber (1 MiB) is full well before the window ends.
    pub message_bytes: usize,
    pub every: Duration,
    /// Messages before the measurement.
    pub warm_up: usize,
    /// Messages of it.
    pub messages: usize,
}

impl Stalled {
    pub fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 1 } else { ROUNDS })
    }

    pub fn plan(&self) -> Plan {
        if self.quick {
            return Plan {
                subscribers: 20,
                message_bytes: 16 * 1024,
                every: Duration::from_millis(10),
                warm_up: 20,
                messages: 300,
            };
        }
        Plan {
            subscribers: self.subscribers as usize,
            message_bytes: 4 * 1024,
            every: Duration::from_millis(40),
            warm_up: 100,
            messages: 25 * usize::try_from(self.seconds).unwrap_or(usize::MAX),
        }
    }

    pub fn program(&self) -> Result<PathBuf> {
        let own = std::env::current_exe().map_err(doing("find this program"))?;
        let program = self.hub.clone().unwrap_or_else(|| own.with_file_name("polysocket"));
        if program.exists() {
            return Ok(program);
        }
        let missing = program.display();
        Err(Error::Setup(format!(
            "there is no {missing}: build it (cargo build --release -p polysocket), or name another with --hub PATH"
        )))
    }
}
