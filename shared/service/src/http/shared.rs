//! What the connections of a server share.

use std::sync::Arc;

use super::places::Places;
use super::{HttpConfig, HttpMetrics};
use crate::Lifecycle;

/// What all connections of a server share.
pub(crate) struct Shared<H> {
    pub(crate) handler: H,
    pub(crate) config: HttpConfig,
    pub(crate) life: Lifecycle,
    pub(crate) metrics: HttpMetrics,
    pub(super) places: Arc<Places>,
}
