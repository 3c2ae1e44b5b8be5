//! What the load programs share.

pub mod smallest;
pub mod stats;
