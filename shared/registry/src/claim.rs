//! Which node a client's nonce belongs to.

/// A claim on a nonce: a repeat of `/create` asks the same node with the same request id, and so finds the same
/// socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The node that was asked.
    pub node: String,
    /// Its incarnation.
    pub boot: u64,
    /// With which request.
    pub request_id: String,
}
