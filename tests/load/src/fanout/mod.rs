//! Fan-out: one message to many WebSockets of one process, and what each of them costs while nothing happens.
//!
//! # Layout
//! - `options`: the command line; `subject`: which servers, and how each is spoken to; `floor`: the one among them that
//!   does nothing but send.
//! - `crowd`: subscribers of one server; `broadcast`, `idle`: what is measured on them.
//! - `report`: what it means.

mod broadcast;
mod crowd;
mod floor;
mod idle;
mod options;
mod report;
mod subject;

pub use floor::serve as serve_floor;
pub use options::Fanout;

use crate::error::{Error, Result};
use crate::measure::{Machine, raise_open_files};
use broadcast::Broadcast;
use report::Results;

/// What a server was found to need.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// Of a delivery, in µs of CPU; deliveries in a second; of a broadcast, from sending until the last has it, p50
    /// and p99 in ms; the part of a core that everybody else used.
    pub broadcast: Broadcast,
    /// Of an idle subscriber, in KiB Pss.
    pub idle_kib: f64,
}

/// Prints the report; an error if one subscriber was not told what it should be.
pub async fn run(options: Fanout) -> Result<()> {
    let mut subjects = options.subjects();
    let programs = options.programs()?;
    for subject in &subjects {
        programs.check(*subject)?;
    }
    let plan = options.plan();
    let open_files = raise_open_files(plan.idle.max(plan.subscribers))?;
    let cores = options.cores.choose()?;
    cores.enter_load()?;
    let machine = Machine::read(cores, open_files, &programs.node_modules());
    let mut results = Results::default();
    for round in 1..=options.rounds() {
        for subject in &subjects {
            let broadcast = broadcast::measure(*subject, &programs, cores, &plan).await?;
            let idle_kib = idle::measure(*subject, &programs, cores, &plan).await?;
            let sample = Sample { broadcast, idle_kib };
            println!("{}", report::row(round, *subject, &sample));
            results.add(*subject, sample);
        }
        // Nobody is always measured after the same one.
        subjects.rotate_left(1);
    }
    println!("\n{}", report::section(&results, &machine, &plan, options.rounds(), !options.quick));
    if results.is_empty() {
        return Err(Error::Setup("nothing was measured".into()));
    }
    Ok(())
}
