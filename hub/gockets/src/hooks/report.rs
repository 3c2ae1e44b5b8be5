//! What operators see of hooks.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::driver::{DeadLetter, Hooks};
use super::iso;
use crate::Key;

/// All hooks of this node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Overview {
    /// Deliveries that wait or are under way.
    pub queued: usize,
    /// Their bytes.
    pub queued_bytes: usize,
    /// Attempts under way.
    pub attempting: usize,
    /// Dead letters.
    pub dead: usize,
    /// Their bytes.
    pub dead_bytes: usize,
}

/// The hook of one channel, as this node knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// Deliveries that wait or are under way.
    pub queued: usize,
    /// Their bytes.
    pub queued_bytes: usize,
    /// Attempts made for the first of them.
    pub attempts: u32,
    /// Why the last of them failed; `null` when none did.
    pub failure: Option<String>,
    /// Until it is tried again; `null` when nothing is put off.
    pub next_attempt_ms: Option<u64>,
    /// The dead letters, the oldest first.
    pub dead: Vec<Letter>,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// The delivery's id, which the hook would have had as `webhook-id`.
    pub id: String,
    /// `message`, `connect`, `disconnect` or `empty`.
    pub event: &'static str,
    /// The connection it came by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<Key>,
    /// Why it was not delivered.
    pub why: String,
    /// Attempts made.
    pub attempts: u32,
    /// When it happened.
    pub at: String,
    /// When it was given up.
    pub died: String,
    /// Of the body.
    pub content_type: &'static str,
    /// The body, where it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// The body in base64, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_base64: Option<String>,
}

impl Hooks {
    /// All hooks of this node.
    pub fn overview(&self) -> Overview {
        let state = self.state();
        Overview {
            queued: state.queue.count(),
            queued_bytes: state.queue.bytes(),
            attempting: state.queue.trying(),
            dead: state.dead.count(),
            dead_bytes: state.dead.bytes(),
        }
    }

    /// One channel's hook, with its dead letters.
    pub fn standing(&self, lane: Key) -> Standing {
        let state = self.state();
        let depth = state.queue.depth(lane);
        let left = depth.next.map(|at| at.saturating_sub(self.now()));
        Standing {
            queued: depth.count,
            queued_bytes: depth.bytes,
            attempts: depth.attempts,
            failure: state.failures.get(&lane).cloned(),
            next_attempt_ms: left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
            dead: state.dead.of(lane).map(Letter::of).collect(),
        }
    }
}

impl Letter {
    fn of(dead: &DeadLetter) -> Self {
        let delivery = &dead.delivery;
        let text = std::str::from_utf8(&delivery.body).ok();
        Self {
            id: delivery.id.clone(),
            event: delivery.event.word(),
            client: delivery.client,
            why: dead.why.clone(),
            attempts: dead.attempts,
            at: iso(delivery.at),
            died: iso(dead.died),
            content_type: delivery.content_type,
            body: text.map(str::to_owned),
            body_base64: text.is_none().then(|| STANDARD.encode(&delivery.body)),
        }
    }
}
