//! Leaving, in phases, without losing a message.

use std::time::Duration;

use polysocket_protocol::close;
use tokio::time::timeout;

use crate::lease;
use crate::node::Node;

/// After the upstreams were told 1001: for their echo, and for the pages to ack the end.
const CLOSING: Duration = Duration::from_secs(8);

pub(crate) async fn run(node: &Node) {
    // 1. Routers learn at once that nothing new is taken; parked requests end, so that what sits before us can
    //    move its connections.
    node.life.drain();
    lease::announce(node).await;
    tracing::info!(sessions = node.table.len(), "draining");
    release_receivers(node);
    // 2. Sessions run out.
    if timeout(node.config.drain_timeout.as_duration(), node.table.emptied()).await.is_err() {
        // 3. Those that are left are closed, after what is queued in them; pages get the rest and then the end.
        tracing::info!(sessions = node.table.len(), "closing the sessions that are left");
        for cell in node.table.all() {
            cell.with(|session, now| session.close(now, close::GOING_AWAY, "the relay stops"));
        }
        let _ = timeout(CLOSING, node.table.emptied()).await;
    }
    let left = node.table.len();
    if left > 0 {
        tracing::warn!(sessions = left, "pages did not take their last messages in time");
        forget(node);
    }
    lease::withdraw(node).await;
}

/// Ends every session as it is.
pub(crate) fn forget(node: &Node) {
    for cell in node.table.all() {
        cell.with(|session, _| session.forget());
    }
}

fn release_receivers(node: &Node) {
    for cell in node.table.all() {
        cell.with(|session, _| session.release());
    }
}
