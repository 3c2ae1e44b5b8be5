//! What can go wrong, whose fault it is, and what to do.

/// Why the registry did not do what it was asked. No text of it holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Operator or network: no answer from the server. Nothing new can be opened until there is.
    #[error(
        "the registry at {at} cannot be reached ({why}); \
         check that Redis runs there, that registry.url names it, and that nothing between blocks it"
    )]
    Unreachable {
        /// Scheme, host and port.
        at: String,
        /// What was seen.
        why: String,
    },
    /// Operator: the server answered, but would not do it.
    #[error(
        "the registry at {at} refused a command ({why}); \
         check the rights of its user, that it is a primary with memory left, and that it is Redis 6 or later"
    )]
    Refused {
        /// Scheme, host and port.
        at: String,
        /// What the server said.
        why: String,
    },
    /// Operator: a later incarnation of this node holds the lease, so two processes have one name.
    #[error(
        "another process has announced itself as node `{node}` after this one did; \
         stop one of the two or give each its own name"
    )]
    Superseded {
        /// The name of both.
        node: String,
    },
    /// A table has reached its limit.
    #[error("the registry holds no more than {max} {what}; try again later")]
    Full {
        /// What there are too many of.
        what: &'static str,
        /// How many may be.
        max: usize,
    },
    /// The caller: an argument or the configuration cannot be used.
    #[error("{0}")]
    Invalid(String),
}

impl RegistryError {
    /// Whether it is the registry that is not there, rather than what was asked of it.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}

/// Why a relay gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Nobody listens for this incarnation of the node; known at once. Another node may take it.
    #[error("node `{node}` does not listen: it has stopped, restarted or lost the registry")]
    NoSuchNode {
        /// The node that was asked.
        node: String,
    },
    /// The relay did not answer in time; it has been told that nobody waits.
    #[error("node `{node}` did not answer in time")]
    TimedOut {
        /// The node that was asked.
        node: String,
    },
    /// The question or its answer could not be passed on.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}
