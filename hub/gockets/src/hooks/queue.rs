//! What waits to be posted to hooks. Pure: time and randomness are passed in.
//!
//! Each channel is a *lane*: its deliveries are posted one after the other, in the order in which they came, and one
//! that failed holds up those behind it until it has been delivered or given up. A delivery leaves the queue when its
//! attempt has *ended*, not when it begins: an attempt of which nothing is heard is made again.
//!
//! Lanes are drawn in turn, and a host that does not answer has a limit of its own, so that it cannot take all the
//! attempts there may be at once from those that do.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::Key;

/// Time since some moment before the first call.
pub type Time = Duration;

/// Bounds of a [`Queue`].
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Deliveries of one channel.
    pub lane_count_max: usize,
    /// Bytes of one channel's deliveries.
    pub lane_bytes_max: usize,
    /// Deliveries of all channels.
    pub count_max: usize,
    /// Bytes of all channels' deliveries.
    pub bytes_max: usize,
    /// Attempts at the same time.
    pub at_once_max: usize,
    /// Attempts at the same time to one host.
    pub host_at_once_max: usize,
}

/// When a failed delivery is tried again.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// After the first failure; doubles with each further one.
    pub first: Duration,
    /// It does not grow beyond this.
    pub longest: Duration,
    /// A delivery that fails when it is so old is given up.
    pub give_up_after: Duration,
}

impl Backoff {
    /// The pause after the `attempt`-th attempt (from 1), of which `random` (0 to 1) takes off up to a half, so that
    /// what failed together does not come back together. A server that asks for more gets it, up to the longest.
    fn pause(&self, attempt: u32, asked: Option<Duration>, random: f64) -> Duration {
        let doubled = self.first.saturating_mul(1u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        let pause = doubled.min(self.longest).mul_f64(1.0 - random.clamp(0.0, 1.0) / 2.0);
        pause.max(asked.unwrap_or_default().min(self.longest))
    }
}

/// What a bound was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// That of the channel.
    Lane,
    /// That of the whole queue.
    Queue,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The hook took it.
    Delivered,
    /// It may do later, at the earliest after this.
    Again(Option<Duration>),
    /// It will never do.
    Refused,
}

/// What became of a delivery.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended<T> {
    /// It is out of the queue.
    Delivered(T),
    /// It stays, and is tried again at this time.
    Again(Time),
    /// It is out of the queue and was not delivered; so many attempts were made.
    Refused(T, u32),
    /// It is out of the queue, as it was tried for too long; so many attempts were made.
    GivenUp(T, u32),
}

/// An attempt to make.
#[derive(Debug, PartialEq, Eq)]
pub struct Attempt<T> {
    /// Of which channel.
    pub lane: Key,
    /// Which it is, from 1.
    pub number: u32,
    /// What is to be posted.
    pub item: T,
}

/// What waits for one channel's hook.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Deliveries, with the one that is being attempted.
    pub count: usize,
    /// Their bytes.
    pub bytes: usize,
    /// Attempts made for the first of them.
    pub attempts: u32,
    /// When the next one is made, if that is known.
    pub next: Option<Time>,
}

#[derive(Debug)]
struct Entry<T> {
    item: T,
    host: Arc<str>,
    bytes: usize,
    since: Time,
    attempts: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// In its host's list.
    Ready,
    /// An attempt is under way.
    Trying,
    /// In `pauses`.
    Pausing { until: Time },
}

#[derive(Debug)]
struct Lane<T> {
    entries: VecDeque<Entry<T>>,
    bytes: usize,
    state: State,
}

#[derive(Debug, Default)]
struct Host {
    ready: VecDeque<Key>,
    trying: usize,
}

/// The queue. `T` is cheap to clone: a handle.
#[derive(Debug)]
pub struct Queue<T> {
    bounds: Bounds,
    backoff: Backoff,
    lanes: HashMap<Key, Lane<T>>,
    hosts: HashMap<Arc<str>, Host>,
    /// Hosts with lanes that are ready, in turn. A host is in it once.
    turns: VecDeque<Arc<str>>,
    pauses: BTreeSet<(Time, Key)>,
    count: usize,
    bytes: usize,
    trying: usize,
}

impl<T: Clone> Queue<T> {
    /// An empty one.
    pub fn new(bounds: Bounds, backoff: Backoff) -> Self {
        Self {
            bounds,
            backoff,
            lanes: HashMap::new(),
            hosts: HashMap::new(),
            turns: VecDeque::new(),
            pauses: BTreeSet::new(),
            count: 0,
            bytes: 0,
            trying: 0,
        }
    }

    /// Puts a delivery behind the others of its lane; gives it back where there is no room.
    pub fn push(
        &mut self,
        now: Time,
        lane: Key,
        host: &Arc<str>,
        bytes: usize,
        item: T,
    ) -> Result<(), (Full, T)> {
        let Bounds { lane_count_max, lane_bytes_max, count_max, bytes_max, .. } = self.bounds;
        if self.count >= count_max || self.bytes + bytes > bytes_max {
            return Err((Full::Queue, item));
        }
        let (count, lane_bytes) =
            self.lanes.get(&lane).map_or((0, 0), |lane| (lane.entries.len(), lane.bytes));
        if count >= lane_count_max || lane_bytes + bytes > lane_bytes_max {
            return Err((Full::Lane, item));
        }
        let entry = Entry { item, host: host.clone(), bytes, since: now, attempts: 0 };
        self.count += 1;
        self.bytes += bytes;
        let standing = self.lanes.entry(lane).or_insert_with(|| Lane {
            entries: VecDeque::new(),
            bytes: 0,
            state: State::Ready,
        });
        standing.bytes += bytes;
        standing.entries.push_back(entry);
        if standing.entries.len() == 1 {
            self.make_ready(lane);
        }
        Ok(())
    }

    /// The next attempt to make now; the caller says [how it ended](Self::end).
    pub fn start(&mut self, now: Time) -> Option<Attempt<T>> {
        while let Some(&(until, lane)) = self.pauses.first().filter(|(until, _)| *until <= now) {
            self.pauses.remove(&(until, lane));
            self.make_ready(lane);
        }
        if self.trying >= self.bounds.at_once_max {
            return None;
        }
        // A host whose limit is reached comes back into turn when one of its attempts ends.
        let name = self.turns.pop_front()?;
        let host = self.hosts.get_mut(&name)?;
        let key = host.ready.pop_front()?;
        host.trying += 1;
        if !host.ready.is_empty() && host.trying < self.bounds.host_at_once_max {
            self.turns.push_back(name);
        }
        self.trying += 1;
        let lane = self.lanes.get_mut(&key)?;
        lane.state = State::Trying;
        let entry = lane.entries.front_mut()?;
        entry.attempts += 1;
        Some(Attempt { lane: key, number: entry.attempts, item: entry.item.clone() })
    }

    /// Says how the attempt of a lane ended. `random` is 0 to 1. `None` when the lane had none: a mistake.
    pub fn end(&mut self, now: Time, key: Key, verdict: Verdict, random: f64) -> Option<Ended<T>> {
        let lane = self.lanes.get_mut(&key).filter(|lane| lane.state == State::Trying)?;
        let entry = lane.entries.front()?;
        let (host, attempts) = (entry.host.clone(), entry.attempts);
        let too_old = now.saturating_sub(entry.since) >= self.backoff.give_up_after;
        let ended = match verdict {
            Verdict::Again(asked) if !too_old => {
                let until = now + self.backoff.pause(attempts, asked, random);
                lane.state = State::Pausing { until };
                self.pauses.insert((until, key));
                Ended::Again(until)
            }
            _ => {
                let entry = lane.entries.pop_front()?;
                lane.bytes -= entry.bytes;
                self.count -= 1;
                self.bytes -= entry.bytes;
                if lane.entries.is_empty() {
                    self.lanes.remove(&key);
                } else {
                    self.make_ready(key);
                }
                match verdict {
                    Verdict::Delivered => Ended::Delivered(entry.item),
                    Verdict::Refused => Ended::Refused(entry.item, attempts),
                    Verdict::Again(_) => Ended::GivenUp(entry.item, attempts),
                }
            }
        };
        self.trying -= 1;
        self.release(&host);
        Some(ended)
    }

    /// When [`start`](Self::start) may have something to say that it has not now.
    pub fn deadline(&self) -> Option<Time> {
        self.pauses.first().map(|(until, _)| *until)
    }

    /// Ends all pauses: what has failed is tried at once. For the last moments of a process, and for operators.
    pub fn hurry(&mut self) {
        for (_, lane) in std::mem::take(&mut self.pauses) {
            self.make_ready(lane);
        }
    }

    /// Ends the pause of one lane, if it makes one.
    pub fn hurry_lane(&mut self, key: Key) {
        if let Some(State::Pausing { until }) = self.lanes.get(&key).map(|lane| lane.state) {
            self.pauses.remove(&(until, key));
            self.make_ready(key);
        }
    }

    /// Deliveries, those under way included.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Their bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Attempts under way.
    pub fn trying(&self) -> usize {
        self.trying
    }

    /// What waits for one channel.
    pub fn depth(&self, key: Key) -> Depth {
        let Some(lane) = self.lanes.get(&key) else { return Depth::default() };
        let next = match lane.state {
            State::Pausing { until } => Some(until),
            State::Ready | State::Trying => None,
        };
        let attempts = lane.entries.front().map_or(0, |entry| entry.attempts);
        Depth { count: lane.entries.len(), bytes: lane.bytes, attempts, next }
    }

    fn make_ready(&mut self, key: Key) {
        let Some(lane) = self.lanes.get_mut(&key) else { return };
        let Some(entry) = lane.entries.front() else { return };
        lane.state = State::Ready;
        let name = entry.host.clone();
        let host = self.hosts.entry(name.clone()).or_default();
        host.ready.push_back(key);
        if host.ready.len() == 1 && host.trying < self.bounds.host_at_once_max {
            self.turns.push_back(name);
        }
    }

    /// One attempt to a host less.
    fn release(&mut self, name: &Arc<str>) {
        let Some(host) = self.hosts.get_mut(name) else { return };
        let was_full = host.trying >= self.bounds.host_at_once_max;
        host.trying -= 1;
        if host.ready.is_empty() {
            if host.trying == 0 {
                self.hosts.remove(name);
            }
        } else if was_full {
            self.turns.push_back(name.clone());
        }
    }
}

#[cfg(test)]
mod tests;
