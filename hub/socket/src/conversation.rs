//! What a protocol is to a connection.

use std::future::Future;

use crate::{CloseSummary, Incoming};

/// A protocol's side of one connection. It is owned by the connection's task and called by nobody else, so that it
/// needs no locks.
///
/// The futures may wait: what is queued for the peer is written meanwhile, and nothing is read. They must have
/// deadlines of their own. They are run to their end, also when the connection closes meanwhile
/// ([`Sender::closing`](crate::Sender::closing) tells them), and dropped only when the process is at its deadline.
pub trait Conversation: Send + 'static {
    /// The connection is open. Before anything else; the first message waits for it.
    fn opened(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// A message came. The next one is read when this is done.
    fn message(&mut self, message: Incoming) -> impl Future<Output = ()> + Send;

    /// The connection has ended; nothing can be sent any more. Once, after everything else.
    fn closed(self, how: CloseSummary) -> impl Future<Output = ()> + Send;
}
