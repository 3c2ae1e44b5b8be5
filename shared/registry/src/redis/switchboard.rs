//! Who in this process gets which message: desks of the nodes it serves, and asks that wait for a reply.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ::redis::{Msg, PushInfo};
use tokio::sync::{Notify, oneshot, watch};

use super::answer::Answers;
use super::keys::Keys;
use super::wire::{Reply, ToNode};
use crate::asks::{Answer, no_answer};
use crate::desk::Desk;
use crate::limits::{ASKS_WAITING_MAX, MESSAGE_BYTES_MAX};
use crate::stats::Counters;
use crate::{Asks, Outcome, RegistryError};

pub(super) struct Switchboard {
    /// The channel on which this process gets replies.
    pub replies: String,
    /// What the connection is subscribed to now; the keeper writes it.
    pub subscribed: watch::Sender<HashSet<String>>,
    /// Told when [`channels`](Self::channels) has changed.
    pub changed: Notify,
    pub counters: Arc<Counters>,
    keys: Keys,
    answers: Answers,
    parties: Mutex<Parties>,
}

#[derive(Default)]
struct Parties {
    desks: HashMap<String, Arc<Desk>>,
    asks: HashMap<u64, oneshot::Sender<Outcome>>,
    ask_next: u64,
    closed: bool,
}

impl Switchboard {
    pub fn new(replies: String, keys: Keys, answers: Answers, counters: Arc<Counters>) -> Self {
        Self {
            replies,
            subscribed: watch::Sender::default(),
            changed: Notify::new(),
            counters,
            keys,
            answers,
            parties: Mutex::default(),
        }
    }

    /// What has to be subscribed, and what was. What is wanted no more counts as not subscribed from this moment on,
    /// under the same lock as desks are opened: one that is opened for it again must wait for its own subscription.
    pub fn channels(&self) -> (HashSet<String>, HashSet<String>) {
        let mut parties = self.lock();
        parties.desks.retain(|_, desk| !desk.served().is_cancelled());
        let wanted: HashSet<String> = parties.desks.keys().cloned().chain([self.replies.clone()]).collect();
        let was = self.subscribed.borrow().clone();
        self.subscribed.send_if_modified(|subscribed| {
            subscribed.retain(|channel| wanted.contains(channel));
            subscribed.len() < was.len()
        });
        (wanted, was)
    }

    /// A desk for a channel; the caller tells `changed` when it closes.
    pub fn open_desk(&self, channel: &str) -> Result<(Arc<Desk>, Asks), RegistryError> {
        let mut parties = self.lock();
        parties.desks.retain(|_, desk| !desk.served().is_cancelled());
        if parties.closed {
            return Err(RegistryError::Invalid("the registry of this process has been closed".to_owned()));
        }
        let Entry::Vacant(place) = parties.desks.entry(channel.to_owned()) else {
            return Err(RegistryError::Invalid(format!("`{channel}` is served already by this process")));
        };
        let (desk, asks) = Desk::new(self.counters.clone());
        place.insert(desk.clone());
        drop(parties);
        self.changed.notify_one();
        Ok((desk, asks))
    }

    /// A number for a new ask, and where its outcome comes.
    pub fn open_ask(&self) -> Result<(u64, oneshot::Receiver<Outcome>), RegistryError> {
        let mut parties = self.lock();
        if parties.asks.len() >= ASKS_WAITING_MAX {
            return Err(RegistryError::Full { what: "asks that wait", max: ASKS_WAITING_MAX });
        }
        let (sender, outcome) = oneshot::channel();
        let ask = parties.ask_next;
        parties.ask_next += 1;
        parties.asks.insert(ask, sender);
        Ok((ask, outcome))
    }

    pub fn close_ask(&self, ask: u64) {
        self.lock().asks.remove(&ask);
    }

    pub fn asks_waiting(&self) -> usize {
        self.lock().asks.len()
    }

    /// Ends every [`Asks`] and every ask.
    pub fn close(&self) {
        let parties = std::mem::replace(&mut *self.lock(), Parties { closed: true, ..Parties::default() });
        drop(parties);
    }

    /// Runs on the connection's reader, and so must not wait.
    pub fn receive(&self, push: PushInfo) {
        // Confirmations of subscriptions come here too.
        let Some(message) = Msg::from_push_info(push) else { return };
        let (channel, payload) = (message.get_channel_name(), message.get_payload_bytes());
        let understood = payload.len() <= MESSAGE_BYTES_MAX
            && if channel == self.replies { self.reply(payload) } else { self.to_node(channel, payload) };
        if !understood {
            self.counters.messages_ignored.add(1);
            tracing::warn!(
                channel,
                bytes = payload.len(),
                "registry message ignored: not one of this release"
            );
        }
    }

    fn reply(&self, payload: &[u8]) -> bool {
        let Ok(reply) = serde_json::from_slice::<Reply>(payload) else { return false };
        let ask = self.lock().asks.remove(&reply.ask);
        // None for a duplicate, or when it comes too late: the relay has been told then.
        if let Some(ask) = ask {
            // As does an error here.
            let _ = ask.send(reply.outcome);
        }
        true
    }

    fn to_node(&self, channel: &str, payload: &[u8]) -> bool {
        let Ok(message) = serde_json::from_slice::<ToNode>(payload) else { return false };
        let desk = self.lock().desks.get(channel).cloned();
        match message {
            ToNode::Establish { asker, establish } => {
                if !self.keys.is_replies(&asker.reply_to) {
                    return false;
                }
                let answer = self.answers.to(&asker);
                match desk {
                    Some(desk) => desk.establish(&asker, establish, Arc::new(answer)),
                    // Between the end of serving and that of the subscription.
                    None => answer.post(no_answer("the relay has stopped")),
                }
            }
            ToNode::Cancel { asker, request_id } => {
                if let Some(desk) = desk {
                    desk.cancel(&request_id, &asker);
                }
            }
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, Parties> {
        // No write of it can panic half-way.
        self.parties.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
