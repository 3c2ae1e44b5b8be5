//! Saying that the node is there, and keeping the leases of its sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use polysocket_registry::{NodeLease, RegistryError, SocketLease};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::node::Node;

/// Leases are renewed this often within their time, so that two may fail.
const RENEWALS_PER_LEASE: u32 = 3;
/// Most leases given back in one call.
const RELEASES_AT_ONCE: usize = 500;

static RENEWALS: AtomicU64 = AtomicU64::new(0);

/// Starts the tasks that announce the node, renew its sockets' leases and give them back.
pub(crate) fn start(node: &Arc<Node>, serving: oneshot::Receiver<()>, released: mpsc::Receiver<SocketLease>) {
    node.life.spawn(announce_again(node.clone(), serving));
    node.life.spawn(renew_sockets(node.clone()));
    node.life.spawn(give_back(node.clone(), released));
}

async fn announce_again(node: Arc<Node>, serving: oneshot::Receiver<()>) {
    // An error: the process stops already.
    if serving.await.is_err() {
        return;
    }
    let mut ticks = interval(node.registry_config.renew_every.as_duration());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = node.life.stopping() => return,
        }
        node.requests.sweep(Instant::now());
        node.budgets.sweep();
        announce(&node).await;
        node.announced.send_replace(true);
    }
}

/// Says once what this node is and has.
pub(crate) async fn announce(node: &Node) {
    let buffered: u64 =
        node.table.all().iter().map(|cell| cell.with(|session, _| session.buffered_bytes()) as u64).sum();
    node.metrics.buffered_bytes.set(i64::try_from(buffered).unwrap_or(i64::MAX));
    let lease = NodeLease {
        node: node.config.name.clone(),
        boot: node.boot,
        address: node.address.clone(),
        label_hosts: node.label_hosts,
        internal_url: node.internal_url.clone(),
        sessions: u32::try_from(node.table.len()).unwrap_or(u32::MAX),
        capacity: node.config.sessions_max,
        cpu_permille: cpu::permille(),
        buffered_bytes: buffered,
        draining: node.life.is_draining(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        renewals: RENEWALS.fetch_add(1, Ordering::Relaxed),
        opened: node.opened.load(Ordering::Relaxed),
    };
    note(node, "announce", node.registry.announce(&lease).await);
}

/// Takes the lease back.
pub(crate) async fn withdraw(node: &Node) {
    note(node, "withdraw", node.registry.withdraw(&node.config.name, node.boot).await);
}

async fn renew_sockets(node: Arc<Node>) {
    let mut ticks = interval(node.registry_config.socket_lease_time.as_duration() / RENEWALS_PER_LEASE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = node.life.stopping() => return,
        }
        let leases: Vec<_> = node.table.all().iter().filter_map(|cell| cell.facts.lease.clone()).collect();
        if !leases.is_empty() {
            note(&node, "renew", node.registry.renew(&leases).await);
        }
    }
}

async fn give_back(node: Arc<Node>, mut released: mpsc::Receiver<SocketLease>) {
    let mut leases = Vec::new();
    loop {
        tokio::select! {
            some = released.recv_many(&mut leases, RELEASES_AT_ONCE) => {
                if some == 0 {
                    return;
                }
            }
            () = node.life.stopping() => {
                // The last ones, and then nobody is left who could hold any.
                while leases.len() < RELEASES_AT_ONCE && let Ok(lease) = released.try_recv() {
                    leases.push(lease);
                }
                if !leases.is_empty() {
                    note(&node, "release", node.registry.release(&leases).await);
                }
                return;
            }
        }
        // A failure is no leak: they expire.
        note(&node, "release", node.registry.release(&leases).await);
        leases.clear();
    }
}

fn note(node: &Node, call: &str, result: Result<(), RegistryError>) {
    if let Err(error) = result {
        node.metrics.registry_errors.inc();
        tracing::warn!(call, %error, "registry; running sessions go on");
    }
}

mod cpu {
    //! CPU used by this process since it was last asked, thousandths of what the machine has.

    use std::sync::{Mutex, PoisonError};

    use super::{Duration, Instant};

    static LAST: Mutex<Option<(Instant, Duration)>> = Mutex::new(None);

    /// Zero at first, and where the system does not say.
    pub(super) fn permille() -> u16 {
        let Some(used) = used() else { return 0 };
        let now = Instant::now();
        let last = LAST.lock().unwrap_or_else(PoisonError::into_inner).replace((now, used));
        let Some((then, before)) = last else { return 0 };
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as f64;
        let share = used.saturating_sub(before).as_secs_f64() / (now - then).as_secs_f64().max(0.001) / cores;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let permille = (share.clamp(0.0, 1.0) * 1000.0) as u16;
        permille
    }

    /// From `/proc/self/schedstat`: nanoseconds on a CPU, of the main thread only; so the sum over all threads.
    fn used() -> Option<Duration> {
        let mut nanoseconds = 0;
        for thread in std::fs::read_dir("/proc/self/task").ok()? {
            let stat = std::fs::read_to_string(thread.ok()?.path().join("schedstat")).unwrap_or_default();
            nanoseconds += stat.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0);
        }
        Some(Duration::from_nanos(nanoseconds))
    }
}
