//! A whole run: rounds, in each every workload on every subject.

use crate::error::{Error, Result};
use crate::measure::{Machine, raise_open_files};
use crate::options::Compare;
use crate::report::{Page, Results, row, section};
use crate::subjects::{Bench, Install};

/// Prints the report; an error if one session did not do what it should.
pub async fn run(options: Compare) -> Result<()> {
    let install = Install::find(options.relayd.clone(), &options.relayd_args)?;
    let mut subjects = options.subjects();
    for subject in &subjects {
        install.check(*subject)?;
    }
    let page = if options.write { Some(Page::read(install.document())?) } else { None };
    let plan = options.plan();
    let needed = options.workloads().into_iter().map(|workload| plan.open_files(workload)).max();
    let open_files = raise_open_files(needed.unwrap_or(0))?;
    let cores = options.cores.choose()?;
    cores.enter_load()?;
    let machine = Machine::read(cores, open_files, &install.node_modules());

    let mut results = Results::default();
    for round in 1..=options.rounds() {
        for workload in options.workloads() {
            for subject in subjects.iter().copied().filter(|subject| workload.applies_to(*subject)) {
                let bench = Bench::start(subject, &install, cores, workload.message_bytes()).await?;
                let sample = plan.run(workload, &bench).await?;
                println!("{}", row(round, workload, subject, &sample));
                results.add(workload, subject, sample);
            }
        }
        // Nobody is always measured after the same one.
        subjects.rotate_left(1);
    }
    let section = section(&results, &machine, &plan, options.rounds(), !options.quick);
    println!("\n{section}");
    let failures = results.failures();
    if let Some(first) = failures.first {
        return Err(Error::Failed { errors: failures.count, first });
    }
    page.map_or(Ok(()), |page| page.write(&section))
}
