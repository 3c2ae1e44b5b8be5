//! The end of a session that a token gave.

use std::sync::Arc;
use std::time::Duration;

use polysocket_service::Lifecycle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::link::{Link, POLICY};

/// Closes the connection when its session ends, unless it is dropped before: with the session, or for a new one.
#[derive(Debug)]
pub(super) struct Expiry(#[allow(dead_code, reason = "it acts when it is dropped")] DropGuard);

impl Expiry {
    pub(super) fn new(link: &Arc<Link>, ends_in: Duration, life: &Lifecycle) -> Self {
        let over = CancellationToken::new();
        let guard = over.clone().drop_guard();
        let sender = link.sender().clone();
        life.spawn(async move {
            tokio::select! {
                () = over.cancelled() => {}
                () = sender.closed() => {}
                () = tokio::time::sleep(ends_in) => sender.close(POLICY, "session expired"),
            }
        });
        Self(guard)
    }
}
