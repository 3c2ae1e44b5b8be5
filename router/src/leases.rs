//! Sockets counted against a token, given back when nothing came of them.

use std::sync::Arc;
use std::time::Duration;

use polysocket_registry::{Registry, SocketLease};
use polysocket_service::Lifecycle;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Leases that wait to be given back; more are left to expire.
const WAITING_MAX: usize = 10_000;
/// Given back in one call.
const AT_ONCE_MAX: usize = 500;
/// For one call. Nobody waits for it.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(2);

/// Gives leases back, apart from the create that had them: its client does not wait for that, and may be gone.
#[derive(Debug, Clone)]
pub(crate) struct Leases(mpsc::Sender<SocketLease>);

impl Leases {
    /// Starts the task that gives back.
    pub(crate) fn start(registry: Arc<dyn Registry>, life: &Lifecycle) -> Self {
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        life.spawn(give_back(registry, waiting, life.clone()));
        Self(sender)
    }

    /// A lease that the registry has counted.
    pub(crate) fn counted(&self, lease: SocketLease) -> Counted {
        Counted { lease: Some(lease), leases: self.clone() }
    }
}

/// A lease that is given back when dropped, unless it was kept.
#[derive(Debug)]
pub(crate) struct Counted {
    lease: Option<SocketLease>,
    leases: Leases,
}

impl Counted {
    /// Whether it is the lease with this id.
    pub(crate) fn is(&self, id: &str) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.id == id)
    }

    /// The socket is open: its relay renews the lease, and gives it back.
    pub(crate) fn keep(mut self) {
        self.lease = None;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            // When the queue is full it expires by itself.
            let _ = self.leases.0.try_send(lease);
        }
    }
}

async fn give_back(registry: Arc<dyn Registry>, mut waiting: mpsc::Receiver<SocketLease>, life: Lifecycle) {
    let mut leases = Vec::new();
    let mut stopping = false;
    while !stopping {
        tokio::select! {
            some = waiting.recv_many(&mut leases, AT_ONCE_MAX) => {
                if some == 0 {
                    return;
                }
            }
            () = life.stopping() => {
                stopping = true;
                while leases.len() < AT_ONCE_MAX && let Ok(lease) = waiting.try_recv() {
                    leases.push(lease);
                }
            }
        }
        match timeout(RELEASE_TIMEOUT, registry.release(&leases)).await {
            Ok(Ok(())) => {}
            // No leak: they expire.
            Ok(Err(error)) => tracing::debug!(%error, "leases were not given back"),
            Err(_) => tracing::debug!("leases were not given back in time"),
        }
        leases.clear();
    }
}
