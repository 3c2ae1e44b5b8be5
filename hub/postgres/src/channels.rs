//! Who has subscribed to what on this node, and which of it the database has been asked to tell.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use polysocket_service::metrics::IntGauge;
use polysocket_socket::text_frame;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::envelope;

/// Somebody who is told what comes on a channel. Must not wait, nor join or leave while it is told.
pub trait Subscriber: Send + Sync + 'static {
    /// A message: as a WebSocket frame that all subscribers share, and as it came.
    fn deliver(&self, channel: &str, frame: &Bytes, payload: &str, source: Source);
    /// Messages of this channel may have been lost; `frame` says so.
    fn gap(&self, channel: &str, frame: &Bytes);
    /// The database refuses to tell of this channel: nothing will come on it any more.
    fn refused(&self, channel: &str) {
        let _ = channel;
    }
}

/// Where a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A notification.
    Notified,
    /// A row of the outbox.
    Outbox,
}

/// All channels with subscribers.
pub struct Channels {
    table: Mutex<Table>,
    /// The database is to be asked for more.
    changed: Notify,
    /// Counted up when the database listens to more than before.
    applied: watch::Sender<u64>,
    max: usize,
    /// Each channel is one of the database; else all come on one.
    direct: bool,
    gauge: IntGauge,
}

#[derive(Default)]
struct Table {
    entries: HashMap<Arc<str>, Entry>,
    next_id: u64,
    /// What comes on the connection that listens is heard.
    up: bool,
}

struct Entry {
    members: Arc<Members>,
    /// LISTEN has been done on the connection that is up.
    listening: bool,
    /// Since when it has nobody.
    deserted: Option<Instant>,
}

#[derive(Default)]
struct Members(Mutex<Vec<(u64, Arc<dyn Subscriber>)>>);

/// One subscription; dropping it ends it.
pub struct Membership {
    channels: Arc<Channels>,
    name: Arc<str>,
    id: u64,
}

impl Channels {
    pub fn new(direct: bool, channels_max: usize, gauge: IntGauge) -> Arc<Self> {
        Arc::new(Self {
            table: Mutex::default(),
            changed: Notify::new(),
            applied: watch::Sender::default(),
            max: channels_max,
            direct,
            gauge,
        })
    }

    /// Adds a subscriber; none where there are too many channels.
    pub fn join(self: &Arc<Self>, name: &str, subscriber: Arc<dyn Subscriber>) -> Option<Membership> {
        let mut table = self.table();
        if !table.entries.contains_key(name) {
            if table.entries.len() >= self.max {
                return None;
            }
            let entry = Entry { members: Arc::default(), listening: false, deserted: None };
            table.entries.insert(name.into(), entry);
            self.gauge.inc();
        }
        table.next_id += 1;
        let id = table.next_id;
        let (name, _) = table.entries.get_key_value(name)?;
        let name = name.clone();
        let entry = table.entries.get_mut(&name)?;
        entry.deserted = None;
        entry.members.lock().push((id, subscriber));
        if self.direct && !entry.listening {
            self.changed.notify_one();
        }
        drop(table);
        Some(Membership { channels: self.clone(), name, id })
    }

    /// Until what comes on these channels is heard. False: the database refuses one of them.
    pub async fn heard(&self, memberships: &[Membership]) -> bool {
        let mut applied = self.applied.subscribe();
        loop {
            applied.borrow_and_update();
            {
                let table = self.table();
                let entry = |membership: &Membership| table.entries.get(&membership.name);
                if memberships.iter().any(|membership| entry(membership).is_none()) {
                    return false;
                }
                let is_heard = |membership: &Membership| {
                    !self.direct || entry(membership).is_some_and(|entry| entry.listening)
                };
                if table.up && memberships.iter().all(is_heard) {
                    return true;
                }
            }
            // The sender lives as long as this does.
            let _ = applied.changed().await;
        }
    }

    /// Hands a message to all who have subscribed; their number.
    pub fn deliver(&self, name: &str, payload: &str, source: Source) -> usize {
        let Some(members) = self.members(name) else { return 0 };
        let members = members.lock();
        if members.is_empty() {
            return 0;
        }
        let frame = text_frame(payload.as_bytes());
        for (_, member) in members.iter() {
            member.deliver(name, &frame, payload, source);
        }
        members.len()
    }

    /// Tells everybody that messages may have been lost; their number.
    pub fn gap(&self, only: Option<&str>) -> usize {
        let names: Vec<Arc<str>> = match only {
            Some(name) => vec![name.into()],
            None => self.table().entries.keys().cloned().collect(),
        };
        let mut told = 0;
        for name in names {
            let Some(members) = self.members(&name) else { continue };
            let frame = text_frame(envelope::gap(&name).as_bytes());
            let members = members.lock();
            members.iter().for_each(|(_, member)| member.gap(&name, &frame));
            told += members.len();
        }
        told
    }

    /// Until the database has to be asked for something.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What the database has not been asked for yet.
    pub fn missing(&self) -> Vec<Arc<str>> {
        if !self.direct {
            return Vec::new();
        }
        let table = self.table();
        let missing = table.entries.iter().filter(|(_, entry)| !entry.listening && entry.deserted.is_none());
        missing.map(|(name, _)| name.clone()).collect()
    }

    /// The database tells of these now.
    pub fn listening(&self, names: &[Arc<str>]) {
        let mut table = self.table();
        table.up = true;
        for name in names {
            if let Some(entry) = table.entries.get_mut(name) {
                entry.listening = true;
            }
        }
        drop(table);
        self.applied.send_modify(|count| *count += 1);
    }

    /// The database refuses to tell of this one: whoever has subscribed is told, and the entry is removed.
    pub fn refused(&self, name: &Arc<str>) {
        let Some(entry) = self.table().entries.remove(name) else { return };
        self.gauge.dec();
        for (_, member) in entry.members.lock().iter() {
            member.refused(name);
        }
        self.applied.send_modify(|count| *count += 1);
    }

    /// The database tells of nothing any more.
    pub fn lost(&self) {
        let mut table = self.table();
        table.up = false;
        table.entries.values_mut().for_each(|entry| entry.listening = false);
    }

    /// What has had nobody since `before`: the database need not tell of it any more.
    pub fn deserted(&self, before: Instant) -> Vec<Arc<str>> {
        let mut table = self.table();
        let mut names = Vec::new();
        for (name, entry) in &mut table.entries {
            if entry.deserted.is_some_and(|since| since <= before) {
                // From now on whoever joins has the database asked again.
                entry.listening = false;
                names.push(name.clone());
            }
        }
        names
    }

    /// The database does not tell of these any more.
    pub fn unlistened(&self, names: &[Arc<str>]) {
        let mut table = self.table();
        for name in names {
            if table.entries.get(name).is_some_and(|entry| entry.deserted.is_some()) {
                table.entries.remove(name);
                self.gauge.dec();
            }
        }
    }

    fn leave(&self, name: &Arc<str>, id: u64) {
        let mut table = self.table();
        let Some(entry) = table.entries.get_mut(name) else { return };
        let mut members = entry.members.lock();
        if let Some(at) = members.iter().position(|(member, _)| *member == id) {
            members.swap_remove(at);
        }
        let is_empty = members.is_empty();
        drop(members);
        if is_empty && self.direct {
            entry.deserted = Some(Instant::now());
        } else if is_empty {
            table.entries.remove(name);
            self.gauge.dec();
        }
    }

    fn members(&self, name: &str) -> Option<Arc<Members>> {
        self.table().entries.get(name).map(|entry| entry.members.clone())
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Members {
    fn lock(&self) -> MutexGuard<'_, Vec<(u64, Arc<dyn Subscriber>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Membership {
    /// The channel.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.channels.leave(&self.name, self.id);
    }
}
