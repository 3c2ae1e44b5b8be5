//! Listening, accepting, and the switch that makes the server behind unreachable.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::exchange;
use super::plan::Plan;

/// What all connections of one proxy share.
#[derive(Debug)]
pub(super) struct Shared {
    pub target: SocketAddr,
    pub plan: Plan,
    pub tasks: TaskTracker,
    /// Cancelled to cut what is connected.
    live: Mutex<CancellationToken>,
    connections: AtomicU64,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Shared {
    pub fn count(&self, what: &'static str) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(what).or_default() += 1;
    }

    pub fn live(&self) -> CancellationToken {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A running proxy in front of one address; stops when it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// Starts on a free port of the loopback.
    pub async fn start(target: SocketAddr, plan: Plan) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            target,
            plan,
            tasks: TaskTracker::new(),
            live: Mutex::default(),
            connections: AtomicU64::default(),
            counts: Mutex::default(),
        });
        let accepting = Some(tokio::spawn(accept(listener, shared.clone())));
        Ok(Self { address, shared, accepting })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How often each fate was met, by name; `refuse`, `tunnel` and `cut-tunnel` too.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Cuts all connections; new ones are taken.
    pub fn cut(&self) {
        let mut live = self.shared.live.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *live).cancel();
    }

    /// Cuts all connections and refuses new ones, until [`FaultProxy::up`].
    pub async fn down(&mut self) {
        if let Some(accepting) = self.accepting.take() {
            accepting.abort();
            // Its end is what closes the listener.
            let _ = accepting.await;
        }
        self.cut();
    }

    /// Takes connections again, on the same port.
    pub async fn up(&mut self) -> io::Result<()> {
        if self.accepting.is_none() {
            let listener = TcpListener::bind(self.address).await?;
            self.accepting = Some(tokio::spawn(accept(listener, self.shared.clone())));
        }
        Ok(())
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(accepting) = &self.accepting {
            accepting.abort();
        }
        self.cut();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let number = shared.connections.fetch_add(1, Ordering::Relaxed);
        let (serving, live) = (shared.clone(), shared.live());
        shared.tasks.spawn(async move {
            tokio::select! {
                () = live.cancelled() => {}
                // A broken connection is what this is for; both ends see it by themselves.
                _ = serve(&serving, number, client) => {}
            }
        });
    }
}

async fn serve(shared: &Arc<Shared>, number: u64, client: TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    if shared.plan.refuses(number) {
        shared.count("refuse");
        return client.set_zero_linger();
    }
    exchange::serve(shared, number, client).await
}
