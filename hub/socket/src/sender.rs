//! The handle by which anybody sends to a connection.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;

use crate::connection::Connection;
use crate::id::ConnectionId;

/// Sends to one client. A clone is the same connection; keeping one keeps no socket open.
#[derive(Clone)]
pub struct Sender(pub(crate) Arc<Connection>);

impl Sender {
    /// Sends a frame ([`text_frame`](crate::text_frame), [`binary_frame`](crate::binary_frame)), in order with all
    /// others. Never waits: what the client does not take at once is queued, and a client for which too much is
    /// queued is given up. False: the connection ends or has ended, and the frame was dropped.
    pub fn send(&self, frame: Bytes) -> bool {
        self.0.send(frame)
    }

    /// Closes the connection after what was sent so far. `code` must be one that may be on the wire (RFC 6455,
    /// section 7.4; 1000 and 3000–4999 are a protocol's own); of `reason` at most 123 bytes are sent, and the client
    /// reads them. The first close counts.
    pub fn close(&self, code: u16, reason: &str) {
        self.0.close_by_protocol(code, reason);
    }

    /// The connection's id.
    pub fn id(&self) -> ConnectionId {
        self.0.id()
    }

    /// Whether a frame would be taken now.
    pub fn is_open(&self) -> bool {
        self.0.is_open()
    }

    /// Bytes that wait for the client.
    pub fn queued_bytes(&self) -> usize {
        self.0.queued_bytes()
    }

    /// Until no frame would be taken any more: the connection is closed, by whomever, or broken. A client's close is
    /// not read before its last message has been dealt with.
    pub fn closing(&self) -> impl Future<Output = ()> + Send + 'static {
        let connection = self.0.clone();
        async move { connection.closing().await }
    }

    /// Until the connection has ended, which it does when its conversation has dealt with the last message.
    pub fn closed(&self) -> impl Future<Output = ()> + Send + 'static {
        let connection = self.0.clone();
        async move { connection.ended().await }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.id().0).finish()
    }
}
