//! What the pages do while a subject is measured.

mod churn;
mod echo;
mod idle;
mod message;
mod meter;
mod sample;

pub use churn::Churn;
pub use echo::Echo;
pub use idle::{Idle, settled_pss};
pub use meter::Shares;
pub use sample::{Failures, Sample};

use crate::subjects::{Bench, Subject};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Workload {
    /// Round trips of 64-byte messages.
    Echo,
    /// Round trips of 64 KiB messages.
    Large,
    /// Create, one echo, close.
    Churn,
    /// Sessions that wait.
    Idle,
}

impl Workload {
    pub const ALL: [Self; 4] = [Self::Echo, Self::Large, Self::Churn, Self::Idle];

    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Large => "large",
            Self::Churn => "churn",
            Self::Idle => "idle",
        }
    }

    /// What a value of it is.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Echo | Self::Large => "µs CPU per round trip",
            Self::Churn => "µs CPU per session",
            Self::Idle => "KiB Pss per session",
        }
    }

    pub fn message_bytes(self) -> usize {
        if self == Self::Large { 64 << 10 } else { 64 }
    }

    /// The baseline has no sessions, so only round trips can be measured on it;
    /// and it answers what it was not asked, so its 64 KiB are no yardstick.
    pub fn applies_to(self, subject: Subject) -> bool {
        subject.is_relay() || self == Self::Echo
    }
}

/// How much of each workload a round has.
#[derive(Debug, Clone)]
pub struct Plan {
    pub echo: Echo,
    pub churn: Churn,
    pub idle: Idle,
}

impl Plan {
    /// Files the relay has open at the same time: the upstream socket of each
    /// session, and one connection of its page or, when it sends, two.
    pub fn open_files(&self, workload: Workload) -> usize {
        match workload {
            Workload::Echo | Workload::Large => 3 * self.echo.sessions,
            Workload::Churn => 3 * self.churn.workers,
            Workload::Idle => 2 * self.idle.sessions,
        }
    }

    pub async fn run(&self, workload: Workload, bench: &Bench) -> crate::error::Result<Sample> {
        match workload {
            Workload::Echo | Workload::Large => self.echo.run(bench).await,
            Workload::Churn => self.churn.run(bench).await,
            Workload::Idle => self.idle.run(bench).await,
        }
    }
}
