//! What connections go by.

use crate::{SocketLimits, SocketMetrics};

/// The terms of all connections of a mount.
pub(crate) struct Terms {
    pub(crate) limits: SocketLimits,
    pub(crate) metrics: SocketMetrics,
}
