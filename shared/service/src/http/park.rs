//! The slot between a handler that wants to wait and the connection it came by.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use ::http::{Request, Version, header};
use hyper::body::Body;

use super::Peer;

/// A whole HTTP/1.1 answer: head and body.
pub type RawAnswer = Vec<u8>;

/// An answer that may have to be waited for. It is dropped when the client goes.
pub type Answering = Pin<Box<dyn Future<Output = RawAnswer> + Send>>;

pub(crate) struct Parked {
    pub(crate) answer: Answering,
    pub(crate) keep_alive: bool,
}

/// Where a handler leaves what its connection takes. One per hyper connection.
#[derive(Clone, Default)]
pub(crate) struct Slot(Arc<Mutex<Option<Parked>>>);

impl Slot {
    pub(crate) fn take(&self) -> Option<Parked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

/// One request and its answer, as the handler sees their connection.
pub struct Exchange {
    peer: Peer,
    slot: Option<Slot>,
    keep_alive: bool,
}

impl Exchange {
    /// An exchange that cannot be parked: a stream of an h2 connection, or one that hyper has to finish.
    pub(crate) fn unparkable(peer: Peer) -> Self {
        Self { peer, slot: None, keep_alive: true }
    }

    /// An exchange of an HTTP/1 connection. One whose body has not been read to its end cannot be parked: who reads the
    /// connection afterwards would take the rest of the body for a request (request smuggling).
    pub(crate) fn parkable<B: Body>(peer: Peer, slot: Slot, request: &Request<B>) -> Self {
        if !request.body().is_end_stream() {
            return Self::unparkable(peer);
        }
        let says = |word: &str| {
            let tokens = request.headers().get_all(header::CONNECTION);
            tokens
                .iter()
                .filter_map(|value| value.to_str().ok())
                .any(|value| value.split(',').any(|token| token.trim().eq_ignore_ascii_case(word)))
        };
        let keep_alive = match request.version() {
            Version::HTTP_11 => !says("close"),
            // An HTTP/1.0 client would have to be told `keep-alive`; it is rare enough to be closed.
            _ => false,
        };
        Self { peer, slot: Some(slot), keep_alive }
    }

    /// Who asks.
    pub fn peer(&self) -> Peer {
        self.peer
    }

    /// Whether [`park`](Self::park) can be used.
    pub fn can_park(&self) -> bool {
        self.slot.is_some()
    }

    /// What the `Connection` header of a raw answer has to say.
    pub fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// Gives the connection to `answer`. The caller must have dropped its request (whose head keeps hyper's buffer
    /// alive) and must be able to part with everything else: this future never ends, it is dropped. The answer is
    /// dropped, too, when the client goes.
    pub async fn park<T>(self, answer: impl Future<Output = RawAnswer> + Send + 'static) -> T {
        if let Some(slot) = &self.slot {
            let parked = Parked { answer: Box::pin(answer), keep_alive: self.keep_alive };
            *slot.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(parked);
        }
        std::future::pending().await
    }
}
