//! What connections go by.

use crate::{SocketLimits, SocketMetrics};

/// The terms of all connections of a mount.
pub(crate) struct Terms {
    pub(crate) limits: SocketLimits,
    /// `limits.queue_bytes_max`.
    pub(crate) queue_bytes_max: usize,
    pub(crate) metrics: SocketMetrics,
}
