//! `polysocket gockets`: the drop-in for the original's command.

use polysocket_gockets::flags::{FlagError, Flags, HELP};
use polysocket_hub::Protocol;

use super::hub;
use crate::args::Original;
use crate::assembly::{policy, run_with};
use crate::config::Config;
use crate::error::Failure;

/// Does what the command line asks for.
pub fn run(original: &Original) -> Result<(), Failure> {
    let flags = match Flags::parse(original.arguments.iter().cloned()) {
        Err(FlagError::Help) => {
            print!("{HELP}");
            return Ok(());
        }
        parsed => parsed.map_err(|error| Failure::Usage(error.to_string()))?,
    };
    let mut config = Config { gockets: flags.config(), ..Config::default() };
    config.socket = flags.socket_limits(&config.socket);
    config.log.level = flags.log_filter().into();
    config.hub.protocols = vec![Protocol::Gockets.name().to_owned()];
    config.admin.listen = String::new();
    run_with(&config.clone(), || async {
        // Whoever may set a hook with this command is on this machine already.
        let policy = policy(&config)?;
        let policy = if flags.public_hooks_only { policy } else { policy.allow_loopback() };
        hub::serve(config, policy).await
    })
}
