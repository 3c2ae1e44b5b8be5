//! The command line, and what it makes of a run.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::error::Result;
use crate::fanout::Fanout;
use crate::measure::Cores;
use crate::stalled::Stalled;
use crate::subjects::Subject;
use crate::workloads::{Churn, Echo, Idle, Plan, Workload};

/// Measures relayd against a bare HTTP server and two Node relays, in one run.
#[derive(Debug, Parser)]
pub struct Options {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the workloads on the subjects, interleaved, and report
    Compare(Compare),
    /// Broadcast to many WebSockets of the hub, of npm ws and of socket.io, and report
    Fanout(Fanout),
    /// One subscriber of many of the hub stops reading: what the others notice, and report
    Stalled(Stalled),
    /// Be the baseline: one POST, one GET, fixed answers
    Baseline {
        #[arg(long, value_name = "ADDRESS")]
        listen: SocketAddr,
        #[arg(long, value_name = "BYTES", default_value_t = 64)]
        answer_bytes: usize,
    },
    /// Be the floor of the broadcasts: one send for each subscriber, and nothing else
    Floor {
        #[arg(long, value_name = "ADDRESS")]
        listen: SocketAddr,
    },
    /// Be the target of the relays: a WebSocket server that echoes
    Upstream {
        #[arg(long, value_name = "ADDRESS")]
        listen: SocketAddr,
    },
}

#[derive(Debug, Args)]
pub struct Compare {
    /// Rounds, each with every workload on every subject (5; 1 with --quick)
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: Option<u32>,
    /// Prove that everything works, with few sessions and in seconds; the figures mean nothing
    #[arg(long)]
    pub quick: bool,
    /// Only these, separated by commas [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    subjects: Vec<Subject>,
    /// Only these, separated by commas [default: all]
    #[arg(long, value_enum, value_delimiter = ',')]
    workloads: Vec<Workload>,
    #[command(flatten)]
    scale: Scale,
    /// The product's program [default: polysocket beside this program]
    #[arg(long, value_name = "PATH")]
    pub relayd: Option<PathBuf>,
    /// Its arguments, separated by spaces; {listen} stands for the address
    #[arg(
        long,
        value_name = "ARGS",
        default_value = "dev --listen {listen} --set log.level=warn",
        allow_hyphen_values = true
    )]
    pub relayd_args: String,
    #[command(flatten)]
    pub cores: CoreOptions,
    /// Write the section of docs/PERFORMANCE.md; only a whole run may
    #[arg(long, conflicts_with_all = ["quick", "subjects", "workloads"])]
    pub write: bool,
}

/// What runs where.
#[derive(Debug, Args)]
pub struct CoreOptions {
    /// The core of the subject [default: the first]
    #[arg(long, value_name = "CORE")]
    subject_core: Option<usize>,
    /// The core of the generator, and of all else that is not the subject [default: another]
    #[arg(long, value_name = "CORE")]
    load_core: Option<usize>,
}

impl CoreOptions {
    pub fn choose(&self) -> Result<Cores> {
        Cores::choose(self.subject_core, self.load_core)
    }
}

/// How much of everything.
#[derive(Debug, Clone, Args)]
struct Scale {
    /// Sessions of the round trips
    #[arg(long, default_value_t = 64, value_parser = at_least_one)]
    sessions: usize,
    /// Seconds the round trips are measured for
    #[arg(long, default_value_t = 3.0, value_parser = seconds)]
    seconds: f64,
    /// Sessions of the churn
    #[arg(long, default_value_t = 3000, value_parser = at_least_one)]
    churn_sessions: usize,
    /// Sessions that wait
    #[arg(long, default_value_t = 9000, value_parser = at_least_one)]
    idle_sessions: usize,
}

/// For as long as a round trip may be measured; over it a run takes hours.
const SECONDS_MAX: f64 = 600.0;
const ROUNDS: u32 = 5;

impl Compare {
    pub fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 1 } else { ROUNDS })
    }

    /// In the order of reports.
    pub fn subjects(&self) -> Vec<Subject> {
        chosen(&self.subjects, &Subject::ALL)
    }

    pub fn workloads(&self) -> Vec<Workload> {
        chosen(&self.workloads, &Workload::ALL)
    }

    pub fn plan(&self) -> Plan {
        if self.quick {
            return Plan {
                echo: Echo {
                    sessions: 8,
                    warm_up: Duration::from_millis(100),
                    window: Duration::from_millis(300),
                },
                churn: Churn { sessions: 40, warm_up: 8, workers: 8 },
                idle: Idle { sessions: 50, warm_up: 8 },
            };
        }
        let Scale { sessions, seconds, churn_sessions, idle_sessions } = self.scale;
        Plan {
            echo: Echo {
                sessions,
                warm_up: Duration::from_millis(1500),
                window: Duration::from_secs_f64(seconds),
            },
            churn: Churn { sessions: churn_sessions, warm_up: 500, workers: 32 },
            idle: Idle { sessions: idle_sessions, warm_up: 500 },
        }
    }
}

fn chosen<T: Copy + PartialEq>(asked: &[T], all: &[T]) -> Vec<T> {
    all.iter().copied().filter(|one| asked.is_empty() || asked.contains(one)).collect()
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("at least 1".into()),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if seconds > 0.0 && seconds <= SECONDS_MAX { Ok(seconds) } else { Err(format!("0 to {SECONDS_MAX}")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn compare(arguments: &[&str]) -> Result<Compare, clap::Error> {
        let line = ["polysocket-load", "compare"].iter().chain(arguments);
        match Options::try_parse_from(line)?.command {
            Command::Compare(compare) => Ok(compare),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_five_times_unless_told_otherwise() {
        let all = compare(&[]).unwrap();
        assert_eq!((all.rounds(), all.subjects().len(), all.workloads().len()), (5, 4, 4));
        assert_eq!(all.plan().idle.sessions, 9000);
        let some =
            compare(&["--subjects", "sockjs,baseline", "--workloads", "churn", "--rounds", "2"]).unwrap();
        assert_eq!(some.subjects(), [Subject::Baseline, Subject::Sockjs]);
        assert_eq!((some.rounds(), some.workloads()), (2, vec![Workload::Churn]));
    }

    #[test]
    fn quick_is_one_round_and_never_written() {
        assert_eq!(compare(&["--quick"]).unwrap().rounds(), 1);
        assert!(compare(&["--quick", "--write"]).is_err());
        assert!(compare(&["--workloads", "echo", "--write"]).is_err());
        assert!(compare(&["--write"]).unwrap().write);
    }

    #[test]
    fn limits() {
        for wrong in [
            ["--rounds", "0"],
            ["--rounds", "101"],
            ["--sessions", "0"],
            ["--seconds", "0"],
            ["--seconds", "NaN"],
        ] {
            assert!(compare(&wrong).is_err(), "{wrong:?}");
        }
    }
}
