//! The `polysocket` program. All of it is in the library beside this file, so that tests can reach it.

use std::process::ExitCode;

use clap::Parser;
use polysocket::args::{Args, Command};
use polysocket::commands;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Wrong usage or configuration (`EX_USAGE` of sysexits.h).
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.command {
        Command::Dev(flags) => commands::dev::run(&flags),
        Command::Router(flags) => commands::router::run(&flags),
        Command::Relayd(flags) => commands::relayd::run(&flags),
        Command::Hub(flags) => commands::hub::run(&flags),
        Command::Rocket(original) => commands::rocket::run(original),
        Command::Gockets(original) => commands::gockets::run(&original),
        Command::Pogo(flags) => commands::pogo::run(&flags),
        Command::Postgres => commands::postgres::run(),
        Command::Token(flags) => commands::token::run(&flags),
        Command::CheckConfig(flags) => commands::check_config::run(&flags),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("polysocket: {error}");
            ExitCode::from(if error.is_usage() { USAGE } else { 1 })
        }
    }
}
