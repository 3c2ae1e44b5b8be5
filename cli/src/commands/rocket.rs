//! `polysocket rocket`: the drop-in for the original's command.

use std::io::stdin;

use polysocket_hub::Protocol;
use polysocket_rocket::command::{Command, command, log_to};
use polysocket_rocket::hash_secret;

use super::hub;
use crate::args::Original;
use crate::assembly::{policy, run_with};
use crate::config::Config;
use crate::error::Failure;

/// Does what the command line asks for.
pub fn run(original: Original) -> Result<(), Failure> {
    let (rocket, ignored) =
        match command(original.arguments).map_err(|error| Failure::Usage(error.to_string()))? {
            Command::Print(text) => {
                println!("{}", text.trim_end());
                return Ok(());
            }
            Command::HashSecret => return hash(),
            Command::Serve { config, ignored } => (*config, ignored),
        };
    if let Some(path) = &rocket.log {
        log_to(path).map_err(|error| Failure::Start(format!("the log {}: {error}", path.display())))?;
    }
    let mut config = Config { rocket, ..Config::default() };
    config.hub.protocols = vec![Protocol::Rocket.name().to_owned()];
    config.admin.listen = String::new();
    run_with(&config.clone(), || async {
        for warning in ignored {
            tracing::warn!("{warning}");
        }
        let policy = policy(&config)?;
        hub::serve(config, policy).await
    })
}

fn hash() -> Result<(), Failure> {
    let mut line = String::new();
    stdin().read_line(&mut line).map_err(|error| Failure::Start(format!("standard input: {error}")))?;
    let hash = hash_secret(line.trim_end_matches(['\r', '\n']));
    println!("{}", hash.ok_or_else(|| Failure::Usage("this secret cannot be hashed".into()))?);
    Ok(())
}
