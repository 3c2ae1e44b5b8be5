//! What is kept of one topic.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use tokio::time::Instant;

use crate::{BrokerError, Epoch, History, Member, Position, Publication};

#[derive(Debug)]
pub(super) struct State {
    position: Position,
    /// The latest messages, with the time of each; their offsets have no holes.
    kept: VecDeque<(Instant, Arc<Publication>)>,
    members: BTreeMap<Arc<str>, Member>,
    known: bool,
    /// Not in the store any more: who still has it in hand gets a new one there.
    pub gone: bool,
    pub used: Instant,
}

impl State {
    pub fn new() -> Self {
        Self {
            position: Position { epoch: Epoch::random(), offset: 0 },
            kept: VecDeque::new(),
            members: BTreeMap::new(),
            known: false,
            gone: false,
            used: Instant::now(),
        }
    }

    pub fn attach(&mut self) -> Position {
        self.known = true;
        self.used = Instant::now();
        self.position.clone()
    }

    pub fn is_known(&self) -> bool {
        self.known
    }

    /// The place of the next message.
    pub fn advance(&mut self) -> Position {
        self.used = Instant::now();
        self.position.offset += 1;
        self.position.clone()
    }

    pub fn keep(&mut self, publication: Arc<Publication>) {
        self.kept.push_back((self.used, publication));
    }

    /// Drops what is more than `count` or older than `oldest`; returns its bytes.
    pub fn trim(&mut self, count: usize, oldest: Option<Instant>) -> usize {
        let mut bytes = 0;
        while let Some((at, publication)) = self.kept.front()
            && (self.kept.len() > count || oldest.is_some_and(|oldest| *at < oldest))
        {
            bytes += weight(publication);
            self.kept.pop_front();
        }
        if self.kept.is_empty() {
            self.kept.shrink_to_fit();
        }
        bytes
    }

    pub fn read(&self, since: Option<&Position>, count: usize, oldest: Option<Instant>) -> History {
        let position = self.position.clone();
        let old = oldest.map_or(0, |oldest| self.kept.partition_point(|(at, _)| *at < oldest));
        let kept = || self.kept.range(old..);
        // The first that is not asked for, or has gone.
        let first_kept = position.offset + 1 - kept().len() as u64;
        let (skip, complete) = match since {
            None => (kept().len().saturating_sub(count), true),
            Some(since) => {
                let same = since.epoch == position.epoch && since.offset <= position.offset;
                let complete = same && since.offset + 1 >= first_kept;
                let skip = if complete { since.offset + 1 - first_kept } else { 0 };
                (usize::try_from(skip).unwrap_or(usize::MAX), complete)
            }
        };
        let publications = kept().skip(skip).take(count).map(|(_, publication)| publication.clone());
        History { publications: publications.collect(), position, complete }
    }

    pub fn members(&self) -> Vec<Member> {
        self.members.values().cloned().collect()
    }

    pub fn enter(&mut self, member: &Member, max: usize) -> Result<(), BrokerError> {
        if self.members.len() >= max && !self.members.contains_key(&member.id) {
            return Err(BrokerError::TooMany { what: "members of the channel", max });
        }
        self.members.insert(member.id.clone(), member.clone());
        Ok(())
    }

    pub fn leave(&mut self, id: &str) -> Option<Member> {
        self.members.remove(id)
    }

    /// Everything goes; returns the bytes of the history.
    pub fn clear(&mut self) -> usize {
        let bytes = self.trim(0, None);
        *self = Self::new();
        bytes
    }
}

/// What a message costs in a history, bytes: itself, about, and its place.
pub(super) fn weight(publication: &Publication) -> usize {
    publication.payload.len() + 256
}
