//! All connections of one mount: how they begin, how many there are, how they end when the process does.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use polysocket_service::Lifecycle;
use polysocket_service::http::{Handshake, NotAWebSocket, Stream};
use thiserror::Error;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::connection::Connection;
use crate::pump::Pump;
use crate::terms::Terms;
use crate::{Cause, Conversation, Sender, SocketLimits, SocketMetrics};

mod drain;

/// Why a handshake was not answered with 101. The text is for the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The request is none for a WebSocket.
    #[error("{0}")]
    NotAWebSocket(NotAWebSocket),
    /// At `connections_max`.
    #[error("there are too many connections; try again later")]
    Full,
    /// The process is to stop.
    #[error("this server is going away; try again")]
    Draining,
}

impl Refusal {
    /// The status that says so.
    pub fn status(self) -> StatusCode {
        match self {
            Self::NotAWebSocket(NotAWebSocket::NotAsked) => StatusCode::UPGRADE_REQUIRED,
            Self::NotAWebSocket(NotAWebSocket::NoUpgrade) => StatusCode::BAD_REQUEST,
            Self::Full | Self::Draining => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

/// What all connections of a mount share.
struct Group {
    terms: Arc<Terms>,
    life: Lifecycle,
    /// Those that are open, by id: whom a drain has to close.
    connections: Mutex<HashMap<u64, Arc<Connection>>>,
    /// Places that are taken: open connections, and such that are about to open or are being wound up.
    taken: AtomicUsize,
    /// The last place was given back while the process drains.
    deserted: Notify,
}

/// Accepts connections and runs them. Cheap to clone.
#[derive(Clone)]
pub struct Sockets(Arc<Group>);

impl Sockets {
    /// Without connections yet. Must be called in a runtime: a task waits for the process to drain. Several may share
    /// one set of metrics.
    pub fn new(limits: SocketLimits, life: Lifecycle, metrics: SocketMetrics) -> Self {
        let group = Arc::new(Group {
            terms: Arc::new(Terms { limits, metrics }),
            life,
            connections: Mutex::default(),
            taken: AtomicUsize::new(0),
            deserted: Notify::new(),
        });
        group.life.spawn_drain(drain::drain(group.clone()));
        Self(group)
    }

    /// Answers a handshake with 101 and spawns the connection's task; `make` is called when the connection is open. A
    /// subprotocol is the caller's to add to the answer.
    pub fn accept<B, C: Conversation>(
        &self,
        request: &mut Request<B>,
        make: impl FnOnce(Sender) -> C + Send + 'static,
    ) -> Result<Response<()>, Refusal> {
        let place = self.place()?;
        let Handshake { response, upgrade } = Handshake::of(request).map_err(Refusal::NotAWebSocket)?;
        self.spawn(place, upgrade, make);
        Ok(response)
    }

    /// The same for a handshake that was answered already.
    pub fn serve<C: Conversation>(
        &self,
        upgrade: OnUpgrade,
        make: impl FnOnce(Sender) -> C + Send + 'static,
    ) -> Result<(), Refusal> {
        let place = self.place()?;
        self.spawn(place, upgrade, make);
        Ok(())
    }

    /// Open connections.
    pub fn open(&self) -> usize {
        self.0.connections().len()
    }

    fn place(&self) -> Result<Place, Refusal> {
        let group = &self.0;
        let place = Place(group.clone());
        let before = group.taken.fetch_add(1, Ordering::SeqCst);
        // In this order: a drain that has begun meanwhile sees the place, or is seen.
        let refusal = if group.life.is_draining() {
            Refusal::Draining
        } else if before >= group.terms.limits.connections_max {
            Refusal::Full
        } else {
            return Ok(place);
        };
        group.terms.metrics.refused.inc();
        Err(refusal)
    }

    fn spawn<C: Conversation>(
        &self,
        place: Place,
        upgrade: OnUpgrade,
        make: impl FnOnce(Sender) -> C + Send + 'static,
    ) {
        let within = self.0.terms.limits.write_timeout.as_duration();
        // Aborted by way of its connection; before there is one, by way of the HTTP connection.
        self.0.life.spawn_bare(async move {
            if let Some((stream, ahead)) = Box::pin(raw(upgrade, within)).await {
                let registered = Registered::new(stream, &place.0);
                let pump = Pump::new(registered.connection.clone(), &ahead);
                drop(ahead);
                let conversation = make(Sender(registered.connection.clone()));
                run(pump, registered, conversation).await;
            }
            drop(place);
        });
    }
}

impl std::fmt::Debug for Sockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sockets").field("open", &self.open()).finish_non_exhaustive()
    }
}

/// The socket under a connection that was hyper's, and what hyper had read ahead.
async fn raw(upgrade: OnUpgrade, within: Duration) -> Option<(Stream, bytes::Bytes)> {
    let upgraded = match timeout(within, upgrade).await {
        Ok(Ok(upgraded)) => upgraded,
        Ok(Err(error)) => {
            tracing::debug!(%error, "a client went before its WebSocket was open");
            return None;
        }
        Err(_) => {
            tracing::debug!("a client did not take the answer to its handshake");
            return None;
        }
    };
    let Ok(parts) = upgraded.downcast::<TokioIo<Stream>>() else {
        tracing::error!("a WebSocket came by a listener that is not ours: it is dropped");
        return None;
    };
    Some((parts.io.into_inner(), parts.read_buf))
}

async fn run<C: Conversation>(mut pump: Pump, registered: Registered, mut conversation: C) {
    let mut going = pump.beside(conversation.opened()).await;
    while going.is_ok() {
        let Some(message) = pump.next().await else { break };
        going = pump.beside(conversation.message(message)).await;
    }
    let how = registered.connection.finish();
    let _ = pump.beside(conversation.closed(how)).await;
}

impl Group {
    fn connections(&self) -> MutexGuard<'_, HashMap<u64, Arc<Connection>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the connections there may be; gives its place back when dropped.
struct Place(Arc<Group>);

impl Drop for Place {
    fn drop(&mut self) {
        if self.0.taken.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.life.is_draining() {
            self.0.deserted.notify_one();
        }
    }
}

/// A connection that is known to its group until its task ends, however it does.
struct Registered {
    connection: Arc<Connection>,
    group: Arc<Group>,
}

impl Registered {
    fn new(stream: Stream, group: &Arc<Group>) -> Self {
        let connection = Connection::new(stream, group.terms.clone());
        group.connections().insert(connection.id().0, connection.clone());
        group.terms.metrics.open.inc();
        group.terms.metrics.opened.inc();
        // One that opens when the drain has made its list is not on it.
        if group.life.aborted().is_cancelled() {
            connection.kill(Cause::Aborted);
        } else if group.life.is_draining() {
            drain::close(&connection);
        }
        Self { connection, group: group.clone() }
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        // Done already, unless the protocol panicked.
        self.connection.kill(Cause::Protocol);
        self.connection.finish();
        let group = &self.group;
        group.connections().remove(&self.connection.id().0);
        group.terms.metrics.open.dec();
    }
}
