//! What can go wrong, whose fault it is, and what to do.

/// Why the broker did not do what it was asked. No text of it holds a credential or a payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// Operator or network: no answer from Redis. What was asked may or may not have happened. It passes by itself
    /// when Redis is back; subscribers stay and are caught up.
    #[error(
        "the broker at {at} cannot be reached ({why}); \
         check that Redis runs there, that broker.url names it, and that nothing between blocks it"
    )]
    Unavailable {
        /// Scheme, host and port.
        at: String,
        /// What was seen.
        why: String,
    },
    /// Operator: Redis answered, but would not do it.
    #[error(
        "the broker at {at} refused a command ({why}); \
         check the rights of its user, that it is a primary with memory left, and that it is Redis 6.2 or later"
    )]
    Refused {
        /// Scheme, host and port.
        at: String,
        /// What the server said.
        why: String,
    },
    /// The caller: something is longer than may be.
    #[error("{what} has {bytes} bytes; at most {max} may be")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// A limit has been reached; nothing is broken. Asking again later may do.
    #[error("there are {max} {what} already, as many as may be")]
    TooMany {
        /// What there are too many of.
        what: &'static str,
        /// How many may be.
        max: usize,
    },
    /// This process has more to deliver than it can; publish more slowly.
    #[error("too many messages wait to be delivered by this process; publish more slowly")]
    Overloaded,
    /// The caller: an argument or the configuration cannot be used.
    #[error("{0}")]
    Invalid(String),
    /// The topic was [forgotten](crate::Broker::forget) while it was asked for; asking again makes a new one.
    #[error("the channel was deleted at this moment")]
    Removed,
    /// This process is stopping.
    #[error("the broker of this process has been stopped")]
    Stopped,
}

impl BrokerError {
    /// Whether it is the broker that is not there, rather than what was asked of it.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Stopped)
    }
}
