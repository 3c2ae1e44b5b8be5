//! How a mount's connections end with the process: one after the other while it drains, all when it stops.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use polysocket_protocol::close;
use tokio::time::{Instant, sleep_until};

use super::{Cause, Connection, Group};

/// How often some are closed. With a thousand in a second, ten at a time.
const TICK: Duration = Duration::from_millis(10);

/// Waits for the drain, and then for the last connection.
pub(super) async fn drain(group: Arc<Group>) {
    group.life.draining().await;
    tokio::select! {
        () = paced(&group) => {}
        () = group.life.stopping() => {
            for connection in connections(&group) {
                close(&connection);
            }
        }
    }
    while group.taken.load(Ordering::SeqCst) > 0 {
        tokio::select! {
            () = group.deserted.notified() => {}
            () = group.life.aborted().cancelled() => {
                for connection in connections(&group) {
                    connection.kill(Cause::Aborted);
                }
                return;
            }
        }
    }
}

/// Closes all that are there, `drain_closes_per_second` of them in a second.
async fn paced(group: &Group) {
    let each = Duration::from_secs(1) / group.terms.limits.drain_closes_per_second.max(1);
    let mut due = Instant::now();
    for connection in connections(group) {
        close(&connection);
        due += each;
        if due > Instant::now() + TICK {
            sleep_until(due).await;
        }
    }
}

pub(super) fn close(connection: &Connection) {
    connection.close(Cause::Drain, Some(close::GOING_AWAY), "the server is going away");
}

fn connections(group: &Group) -> Vec<Arc<Connection>> {
    group.connections().values().cloned().collect()
}
