//! What can go wrong with the store of channels, whose fault it is, and what to do.

/// Why the store did not do what it was asked. No text of it holds a key or a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A limit: there are as many channels as may be.
    #[error(
        "there are {max} channels already, as many as may be; delete some, or raise gockets.channels_max"
    )]
    Full {
        /// How many may be.
        max: usize,
    },
    /// Operator or network: no answer from Redis.
    #[error("the channels' store cannot be reached ({0}); check that Redis runs where broker.url says")]
    Unavailable(String),
    /// Operator: what Redis holds was not written by this program, or it refused a command.
    #[error(
        "the channels' store cannot be used ({0}); check the rights of its user, and what else uses its prefix"
    )]
    Unusable(String),
}
