//! Names of channels.

use std::fmt;
use std::sync::Arc;

/// A channel of a space. A space is one mount of a protocol (`rocket:/echo`): names of two spaces never meet.
///
/// Any text is a name, of at most [`TOPIC_BYTES_MAX`](crate::limits::TOPIC_BYTES_MAX) bytes together with its space;
/// a longer one is [`BrokerError::TooLong`](crate::BrokerError::TooLong) where it is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic {
    space: Arc<str>,
    name: Arc<str>,
}

impl Topic {
    /// A channel by its name. A protocol keeps one `Arc<str>` of its space and clones it.
    pub fn new(space: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { space: space.into(), name: name.into() }
    }

    /// The mount it belongs to.
    pub fn space(&self) -> &str {
        &self.space
    }

    /// Its name there.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.name, self.space)
    }
}
