//! One subscriber of many that stops reading: what the others notice of it, and what becomes of it.
//!
//! # Layout
//! - `options`: the command line; `hub`: the product with Gockets, a channel, and what it says of itself.
//! - `listeners`: those who read, and the one who stops; `window`: one measurement with or without that one.
//! - `report`: what it means.

mod hub;
mod listeners;
mod options;
mod report;
mod window;

pub use options::Stalled;

use crate::error::Result;
use crate::measure::{Machine, raise_open_files};
use report::Results;

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Crowd {
    /// All of it read.
    Reading,
    /// One of it stops.
    WithOne,
}

impl Crowd {
    pub const ALL: [Self; 2] = [Self::Reading, Self::WithOne];

    pub fn name(self) -> &'static str {
        match self {
            Self::Reading => "all read",
            Self::WithOne => "one stalls",
        }
    }
}

/// Prints the report; an error if one who reads misses a message, or the one who does not is not ended by name.
pub async fn run(options: Stalled) -> Result<()> {
    let program = options.program()?;
    let plan = options.plan();
    let open_files = raise_open_files(plan.subscribers)?;
    let cores = options.cores.choose()?;
    cores.enter_load()?;
    let mut machine = Machine::read(cores, open_files, "".as_ref());
    // Nothing here runs on Node.
    machine.facts.retain(|fact| !fact.starts_with("Node "));
    let mut results = Results::default();
    let mut order = Crowd::ALL;
    for round in 1..=options.rounds() {
        for crowd in order {
            let sample = window::measure(crowd, &program, cores, &plan).await?;
            println!("{}", report::row(round, crowd, &sample));
            results.add(crowd, sample);
        }
        // Neither is always the first.
        order.reverse();
    }
    println!("\n{}", report::section(&results, &machine, &plan, options.rounds(), !options.quick));
    Ok(())
}
