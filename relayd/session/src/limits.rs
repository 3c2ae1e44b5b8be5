//! What an operator may set for sessions. One copy is shared by all.

/// Limits of a session; times in milliseconds, sizes in bytes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// From create to the first receiver; then the upstream is closed with 1001.
    pub first_receiver_ms: u64,
    /// Without any request, once a receiver was there; then the upstream is closed with 1001.
    pub idle_ms: u64,
    /// Down units kept until acked; above, the upstream is not read.
    pub outbox_bytes_max: usize,
    /// A full outbox without an ack; then the upstream is closed with 1008.
    pub stall_ms: u64,
    /// Messages taken from the page and not yet written to the upstream; above, sends wait.
    pub up_queue_bytes_max: usize,
    /// One message, either way; above, the session closes with 1009.
    pub message_bytes_max: usize,
    /// The closing handshake with the upstream; then it counts as 1006.
    pub closing_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_receiver_ms: 15_000,
            idle_ms: 30_000,
            outbox_bytes_max: 256 * 1024,
            stall_ms: 60_000,
            up_queue_bytes_max: 256 * 1024,
            message_bytes_max: 4 * 1024 * 1024,
            closing_ms: 5_000,
        }
    }
}
