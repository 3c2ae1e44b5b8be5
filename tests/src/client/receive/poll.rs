//! `/j`: polls in JSON and as scripts.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::answer::{self, Down};
use super::super::create::read;
use super::super::http::Request;
use super::super::shared::Shared;
use super::{Ended, LATE_MAX, query};

/// Callbacks differ from poll to poll, as a browser must have them to tell late scripts apart.
static CALLBACKS: AtomicU64 = AtomicU64::new(1);

pub(super) async fn once(shared: &Shared, generation: u64, script: bool) -> Ended {
    let poll = shared.core().next_poll(generation);
    let ack = poll.ack;
    let callback = script.then(|| format!("ps.c{}", CALLBACKS.fetch_add(1, Ordering::Relaxed)));
    let query = query(shared, ack)
        .and("p", poll.number)
        .and_if("max", shared.settings.poll_bytes)
        .and_if("cb", callback.as_ref());
    let url = format!("{}?{query}", shared.url("j"));
    let Ok(answer) = shared.http.request(&Request::get(&url), shared.settings.ttl + LATE_MAX).await else {
        return Ended::Broken;
    };
    let status = answer.head.status();
    let judged = read(&answer, callback.as_deref()).and_then(|json| match answer::refusal(&json) {
        Some("gone") if status == if script { 200 } else { 403 } => Ok(None),
        None if status == 200 => answer::polled(&json).map(Some),
        _ => Err(format!("status {status} with {json}")),
    });
    match judged {
        Err(violation) => {
            shared.violate(format!("/j: {violation}"));
            Ended::Broken
        }
        Ok(None) => Ended::Gone,
        Ok(Some(polled)) => {
            shared.core().poll_answered(poll);
            shared.ack_arrived(ack);
            shared.acked(polled.ack);
            let empty = polled.messages.is_empty();
            let mut number = polled.seq;
            for message in polled.messages {
                match message {
                    Down::Unit(unit) => {
                        shared.deliver(number, &unit);
                        number += 1;
                    }
                    Down::Heartbeat => {}
                    Down::Ack(_) | Down::End => shared.violate(format!("/j has {message:?}")),
                }
            }
            if empty { Ended::Empty } else { Ended::Full }
        }
    }
}
