//! Polysocket's load generator and first benchmark.
//!
//! One run starts each subject (a trivial hyper server, relayd, a relay on
//! engine.io, a relay on sockjs) in a process of its own on one core, drives it
//! with pages that speak its polling protocol from the other core, and reports
//! CPU per operation, latency and memory as ratios.
//!
//! # Layout
//!
//! - `compare`: a run; `options`: its command line.
//! - `subjects`: which programs, how they are started and stopped.
//! - `baseline`, `upstream`: the two servers that are part of this program.
//! - `dialect`: each subject's protocol, pure; `client`: HTTP and one page over it.
//! - `fanout`: another kind of run: the hub beside npm ws and socket.io.
//! - `stalled`: another: the hub with and without a subscriber that stops reading.
//! - `workloads`: what the pages do; `measure`: what the kernel says.
//! - `report`, and the library's `stats`: what it means.

mod baseline;
mod client;
mod compare;
mod dialect;
mod error;
mod fanout;
mod measure;
mod options;
mod report;
mod stalled;
mod subjects;
mod upstream;
mod workloads;

use std::process::ExitCode;

use clap::Parser as _;
use tokio::signal::unix::{SignalKind, signal};

use error::{Error, Result, doing};
use options::{Command, Options};

fn main() -> ExitCode {
    match run(Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("polysocket-load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// One thread: generator and upstream share a core, and the baseline has one.
fn run(options: Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(doing("start the runtime"))?;
    runtime.block_on(async {
        // On a signal the run is dropped, and with it every process it started.
        let mut terminate = signal(SignalKind::terminate()).map_err(doing("listen for signals"))?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(doing("listen for signals"))?;
        tokio::select! {
            outcome = carry_out(options.command) => outcome,
            _ = terminate.recv() => Err(Error::Stopped),
            _ = interrupt.recv() => Err(Error::Stopped),
        }
    })
}

async fn carry_out(command: Command) -> Result<()> {
    match command {
        Command::Compare(options) => compare::run(options).await,
        Command::Fanout(options) => fanout::run(options).await,
        Command::Stalled(options) => stalled::run(options).await,
        Command::Baseline { listen, answer_bytes } => match baseline::serve(listen, answer_bytes).await? {},
        Command::Floor { listen } => match fanout::serve_floor(listen).await? {},
        Command::Upstream { listen } => match upstream::serve(listen).await? {},
    }
}
