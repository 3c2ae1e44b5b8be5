//! The hub as processes: nodes over one Redis, what dies or stops under load, and what their clients are told.
//!
//! | module | is |
//! | --- | --- |
//! | `nodes`, `sentinel` | what runs: hubs, and a Redis that fails over |
//! | `socket`, `rocket`, `gockets`, `events` | clients; those that follow a channel come back by themselves |
//! | `source`, `load` | numbered messages, and those who publish them |
//! | `diary`, `verdict` | what a follower heard, and whether that is what was promised |
//! | `scene` | nodes, followers and load together |
//! | `two_nodes`, `node_killed`, `redis_killed`, `failover`, `hooks`, `stopped` | the tests |

#![allow(clippy::unwrap_used)]

mod diary;
mod events;
mod failover;
mod gockets;
mod hooks;
mod load;
mod node_killed;
mod nodes;
mod redis_killed;
mod rocket;
mod scene;
mod sentinel;
mod socket;
mod source;
mod stopped;
mod two_nodes;
mod verdict;

use tokio::sync::{Mutex, MutexGuard};

/// Each test has processes and load of its own, so that they take turns.
static TURN: Mutex<()> = Mutex::const_new(());

async fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().await
}
