//! The command line of `fanout`, and what it makes of a run.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::subject::{Programs, Subject};
use crate::error::{Result, doing};
use crate::options::CoreOptions;

const ROUNDS: u32 = 5;

/// Broadcasts of one message to many WebSockets, beside npm ws and socket.io.
#[derive(Debug, Args)]
pub struct Fanout {
    /// Rounds, each with every subject (5; 1 with --quick)
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,
    /// Prove that everything works, with few subscribers and in seconds; the figures mean nothing
    #[arg(long)]
    pub quick: bool,
    /// Only these, separated by commas [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    subjects: Vec<Subject>,
    /// Subscribers of a broadcast
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    subscribers: u32,
    /// Seconds that broadcasts are measured for
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Subscribers that only wait
    #[arg(long, default_value_t = 9000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    idle: u32,
    /// The hub's program; it is given the address to listen on [default: polysocket-load-hub beside this program]
    #[arg(long, value_name = "PATH")]
    hub: Option<PathBuf>,
    #[command(flatten)]
    pub cores: CoreOptions,
}

/// How much of everything.
#[derive(Debug, Clone)]
pub struct Plan {
    pub subscribers: usize,
    pub warm_up: Duration,
    pub window: Duration,
    pub idle: usize,
    /// Subscribers that come and go before memory is read, so that what every process allocates once is not counted
    /// as the subscribers'.
    pub idle_warm_up: usize,
}

impl Fanout {
    pub fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 1 } else { ROUNDS })
    }

    /// In the order of reports.
    pub fn subjects(&self) -> Vec<Subject> {
        let asked = |subject: &Subject| self.subjects.is_empty() || self.subjects.contains(subject);
        Subject::ALL.into_iter().filter(asked).collect()
    }

    pub fn plan(&self) -> Plan {
        if self.quick {
            return Plan {
                subscribers: 20,
                warm_up: Duration::from_millis(100),
                window: Duration::from_millis(300),
                idle: 50,
                idle_warm_up: 8,
            };
        }
        Plan {
            subscribers: self.subscribers as usize,
            warm_up: Duration::from_millis(1500),
            window: Duration::from_secs(self.seconds),
            idle: self.idle as usize,
            idle_warm_up: 500,
        }
    }

    pub fn programs(&self) -> Result<Programs> {
        let own = std::env::current_exe().map_err(doing("find this program"))?;
        let hub = self.hub.clone().unwrap_or_else(|| own.with_file_name("polysocket-load-hub"));
        Ok(Programs { own, hub, load: PathBuf::from(env!("CARGO_MANIFEST_DIR")) })
    }
}
