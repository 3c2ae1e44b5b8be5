//! Logs: one line per event, as text or JSON, on standard error.

use polysocket_config::{Problem, section};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

section! {
    /// What is logged, and how.
    pub struct LogConfig = "log" check check {
        /// `text` or `json`.
        format: String = "text".into(),
        /// `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,polysocket_relayd=debug`.
        level: String = "info".into(),
    }
}

fn check(config: &LogConfig, problems: &mut Vec<Problem>) {
    if !matches!(config.format.as_str(), "text" | "json") {
        problems
            .push(Problem::new("log.format", format!("is `{}`; write \"text\" or \"json\"", config.format)));
    }
    if let Err(error) = config.level.parse::<EnvFilter>() {
        problems
            .push(Problem::new("log.level", format!("is no filter: {error}; write for example \"info\"")));
    }
}

/// Begins to log. Called once, by `main`.
pub fn start(config: &LogConfig) {
    let filter = EnvFilter::new(&config.level);
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    // Fails only when a logger is there already, as in a test.
    let _ = if config.format == "json" {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
    };
}
