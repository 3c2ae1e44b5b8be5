//! The drop-in for the original's `rocket` command: its flags and its configuration file.

use std::io;
use std::path::Path;

use polysocket_config::{ConfigError, Problem};
use tracing_subscriber::EnvFilter;

use crate::settings::{Flags, USAGE, VERSION, merged};
use crate::{HubConfig, RocketConfig, UserConfig};

/// What a command line asks for.
#[derive(Debug)]
pub enum Command {
    /// To print this and end.
    Print(String),
    /// To read a secret, a line, from standard input, and to print its [hash](crate::hash_secret).
    HashSecret,
    /// To serve until the process is told to stop.
    Serve {
        /// All that was said.
        config: Box<RocketConfig>,
        /// What in the file is not understood, and is passed over; worth a warning each.
        ignored: Vec<String>,
    },
}

/// Why a command line cannot be followed.
#[derive(Debug)]
pub enum CommandError {
    /// The flags are wrong: what is wrong. The usage is worth printing after it.
    Flags(String),
    /// The file cannot be read, or what is in it.
    File(String),
}

impl std::fmt::Display for CommandError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flags(text) => write!(f, "{text}\n{USAGE}"),
            Self::File(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for CommandError {}

/// Reads what comes after `polysocket rocket`, and the file it names.
///
/// # Errors
/// What is wrong with the flags or the file.
pub fn command(arguments: impl IntoIterator<Item = String>) -> Result<Command, CommandError> {
    let flags = Flags::read(arguments).map_err(CommandError::Flags)?;
    if flags.version {
        return Ok(Command::Print(VERSION.into()));
    }
    if flags.help {
        return Ok(Command::Print(USAGE.into()));
    }
    if flags.hash_secret {
        return Ok(Command::HashSecret);
    }
    let name = flags.config.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
    let wrong = |ConfigError(problems): ConfigError| {
        let lines = problems.into_iter().map(|problem: Problem| format!("{name}: {problem}"));
        CommandError::File(lines.collect::<Vec<_>>().join("\n"))
    };
    let text = flags.config.as_deref().map(std::fs::read_to_string).transpose();
    let text = text.map_err(|error| CommandError::File(format!("{name}: cannot be read: {error}")))?;
    let (mut config, ignored) = merged(text.as_deref(), flags).map_err(wrong)?;
    if text.is_none() {
        config.hubs.push(to_try());
    }
    Ok(Command::Serve { config: Box::new(config), ignored })
}

/// Without a file: the hub of the shipped example, with its user whom anybody may be, and without the one whose secret
/// everybody knows.
fn to_try() -> HubConfig {
    let user = UserConfig {
        name: "frontend".into(),
        secret: Some(String::new()),
        permission: 3,
        ..UserConfig::default()
    };
    HubConfig { path: "/echo".into(), users: vec![user].into(), ..HubConfig::default() }
}

/// Logs to a file from now on, as `-log` and `Log` say; it is made if need be and appended to.
///
/// # Errors
/// When the file cannot be opened.
pub fn log_to(path: &Path) -> io::Result<()> {
    let file = crate::service::append_to(path)?;
    let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new("info")).with_target(false);
    // Fails only when a logger is there already, as in a test.
    let _ = builder.with_ansi(false).with_writer(std::sync::Mutex::new(file)).try_init();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &[&str]) -> Result<Command, CommandError> {
        command(line.iter().map(|&text| text.to_owned()))
    }

    fn config(line: &[&str]) -> RocketConfig {
        match run(line) {
            Ok(Command::Serve { config, ignored }) => {
                assert_eq!(ignored, Vec::<String>::new());
                *config
            }
            other => panic!("{line:?}: {other:?}"),
        }
    }

    #[test]
    fn the_shipped_example_and_flags_over_it() {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/example.json");
        assert_eq!(config(&[example]).listen, ["localhost:9772"]);
        let config = config(&["-port", "81", "--tls-cert=c", "-tls-key", "k", "-log", "l", example]);
        assert_eq!((config.listen.len(), config.tls_listen[0].as_str()), (0, "localhost:81"));
        assert_eq!(config.log.as_deref(), Some(Path::new("l")));
        assert_eq!(config.hubs[0].users.len(), 2);
    }

    #[test]
    fn without_a_file() {
        let config = config(&["-host", ""]);
        assert_eq!(config.listen, [":9772"]);
        assert_eq!(config.hubs[0].path, "/echo");
        assert_eq!(config.warnings().len(), 1);
    }

    #[test]
    fn what_is_only_printed_or_wrong() {
        assert!(
            matches!(run(&["-version"]), Ok(Command::Print(text)) if text.starts_with("Rocket Server v.0.2.0"))
        );
        assert!(matches!(run(&["-h"]), Ok(Command::Print(text)) if text.contains("-tls-cert")));
        assert!(matches!(run(&["-hash-secret"]), Ok(Command::HashSecret)));
        let missing = run(&["/nowhere/at.json"]).expect_err("not there");
        assert!(missing.to_string().starts_with("/nowhere/at.json: cannot be read: "), "{missing}");
        let flag = run(&["-colour"]).expect_err("no flag");
        assert!(flag.to_string().contains("Usage: polysocket rocket"), "{flag}");
        let alone = run(&["-tls-cert", "c"]).expect_err("half of TLS");
        assert!(alone.to_string().contains("TLSKeyFile"), "{alone}");
    }
}
