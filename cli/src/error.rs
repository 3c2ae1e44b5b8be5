//! Why the program ended.

use polysocket_config::ConfigError;

/// A failure at start.
#[derive(Debug)]
pub enum Failure {
    /// Flags or configuration: all that is wrong with them, a line each.
    Usage(String),
    /// The machine: an address that is taken, a file that cannot be read.
    Start(String),
}

impl Failure {
    /// The operator's to mend, before anything was tried.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Usage(_))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Usage(text) | Self::Start(text) => f.write_str(text),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Usage(format!("the configuration cannot be used:\n{error}"))
    }
}
