//! `polysocket check-config`.

use polysocket_config::describe;

use crate::args::CheckConfig;
use crate::assembly;
use crate::config::{self, Config};
use crate::error::Failure;

/// Prints, or checks without starting anything: also files that the configuration names are read.
pub fn run(flags: &CheckConfig) -> Result<(), Failure> {
    match flags.print.as_deref() {
        Some("example") => print!("{}", describe::example::<Config>()),
        Some(_) => print!("{}", describe::markdown::<Config>()),
        None => {
            let config = config::read(&flags.common, Vec::new())?;
            assembly::check(&config)?;
            println!("the configuration is good");
        }
    }
    Ok(())
}
