//! Who sees what is published here.

use bytes::Bytes;

use crate::{Kind, Topic};

/// Sees what one process publishes, whether anybody subscribes or not: each message of a topic is seen by the one process
/// that published it.
pub trait Tap: Send + Sync + 'static {
    /// It was published. Must not block.
    fn published(&self, topic: &Topic, kind: Kind, payload: &Bytes);
}
