//! The node: what all its parts share.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use polysocket_outbound::Dialer;
use polysocket_registry::{Registry, RegistryConfig, SocketLease};
use polysocket_service::Lifecycle;
use polysocket_service::cluster::ClusterKey;
use polysocket_session::Limits;
use tokio::sync::{mpsc, watch};

use crate::budget::Budgets;
use crate::clock::Clock;
use crate::config::RelaydConfig;
use crate::directory::Directory;
use crate::metrics::RelayMetrics;
use crate::requests::Requests;
use crate::sessions::Table;

pub(crate) struct Node {
    pub(crate) config: RelaydConfig,
    pub(crate) registry: Arc<dyn Registry>,
    pub(crate) registry_config: RegistryConfig,
    pub(crate) key: ClusterKey,
    pub(crate) dialer: Dialer,
    pub(crate) life: Lifecycle,
    pub(crate) metrics: RelayMetrics,
    pub(crate) limits: Arc<Limits>,
    pub(crate) body_timeout: Duration,
    pub(crate) clock: Clock,
    pub(crate) boot: u64,
    /// What clients are told, without a label.
    pub(crate) address: String,
    pub(crate) label_hosts: bool,
    pub(crate) internal_url: String,
    pub(crate) table: Table,
    /// Sessions it has ever opened.
    pub(crate) opened: AtomicU64,
    pub(crate) requests: Requests,
    pub(crate) budgets: Budgets,
    pub(crate) directory: Directory,
    pub(crate) releases: mpsc::Sender<SocketLease>,
    /// It was announced for the first time, or at least tried.
    pub(crate) announced: watch::Sender<bool>,
}
