//! What can go wrong, and whose fault it is.

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why Redis did not do what it was asked. No text of it holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Operator or network: no answer. What was asked may have happened or not.
    #[error("{at} cannot be reached ({why})")]
    Unreachable {
        /// Scheme, host and port.
        at: String,
        /// What was seen.
        why: String,
    },
    /// Operator: it answered, but would not do it.
    #[error("{at} refused a command ({why})")]
    Refused {
        /// Scheme, host and port.
        at: String,
        /// What the server said.
        why: String,
    },
    /// Operator: the URL cannot be used. The text does not repeat it.
    #[error("{0}")]
    Invalid(&'static str),
}

/// What an error of a command means for what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// Another server has it now. Not executed.
    Elsewhere,
    /// For once another server has it. Not executed.
    Ask,
    /// Passes by itself. Not executed.
    NotNow,
    /// The connection broke; executed or not.
    Broken,
    /// The script has to be sent. Not executed.
    NoScript,
    /// It stays like this.
    Refused,
}

impl Meaning {
    pub fn of(error: &RedisError) -> Self {
        match error.kind() {
            ErrorKind::Server(kind) => match kind {
                ServerErrorKind::Moved | ServerErrorKind::ReadOnly => Self::Elsewhere,
                ServerErrorKind::Ask => Self::Ask,
                ServerErrorKind::TryAgain
                | ServerErrorKind::BusyLoading
                | ServerErrorKind::MasterDown
                | ServerErrorKind::ClusterDown => Self::NotNow,
                ServerErrorKind::NoScript => Self::NoScript,
                _ => Self::Refused,
            },
            ErrorKind::Io => Self::Broken,
            _ if error.is_timeout() || error.is_connection_dropped() => Self::Broken,
            _ => Self::Refused,
        }
    }
}
