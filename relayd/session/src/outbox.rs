//! Down units, from the upstream until the page acks them.

use std::collections::VecDeque;

use polysocket_protocol::{Bytes, Kind, Unit};

/// What a unit costs beyond its payload, so that a flood of empty messages is bounded too.
const UNIT_OVERHEAD_BYTES: usize = 64;

/// The replay buffer. The unit at the front has the number `acked + 1`.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    units: VecDeque<Unit>,
    acked: u64,
    bytes: usize,
}

fn cost(unit: &Unit) -> usize {
    unit.data.len() + UNIT_OVERHEAD_BYTES
}

impl Outbox {
    /// The last number that was acked.
    pub(crate) fn acked(&self) -> u64 {
        self.acked
    }

    /// The last number that was given.
    pub(crate) fn last(&self) -> u64 {
        self.acked + self.units.len() as u64
    }

    /// What the units cost, for the limit.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.units.is_empty()
    }

    pub(crate) fn push(&mut self, unit: Unit) {
        self.bytes += cost(&unit);
        self.units.push_back(unit);
    }

    /// Cuts a message into units and keeps them all: a message is never there in part.
    pub(crate) fn push_message(&mut self, kind: Kind, data: Bytes) {
        for unit in Unit::cut(kind, data) {
            self.push(unit);
        }
    }

    /// Removes all units up to `number`, which must have been given. Whether any was removed.
    pub(crate) fn ack(&mut self, number: u64) -> bool {
        debug_assert!(number <= self.last());
        let before = self.acked;
        while self.acked < number {
            let Some(unit) = self.units.pop_front() else { break };
            self.bytes -= cost(&unit);
            self.acked += 1;
        }
        if self.units.is_empty() {
            // An idle session keeps no memory for a burst it had.
            self.units = VecDeque::new();
        }
        self.acked > before
    }

    /// Units from number `from` on, as many as `budget` bytes allow and at least one.
    pub(crate) fn read(&self, from: u64, budget: usize) -> Vec<Unit> {
        let skip = usize::try_from(from.saturating_sub(self.acked + 1)).unwrap_or(usize::MAX);
        let mut left = budget;
        let mut units = Vec::new();
        for unit in self.units.iter().skip(skip) {
            if !units.is_empty() && cost(unit) > left {
                break;
            }
            left = left.saturating_sub(cost(unit));
            units.push(unit.clone());
        }
        units
    }

    /// Takes messages for a client that does not ack and knows no fragments: whole ones only, `open` and `close`
    /// passed over. True when there was nothing but the end; a `close` behind messages stays for the next poll.
    pub(crate) fn take_whole(&mut self, budget: usize) -> (Vec<Unit>, bool) {
        let mut messages = Vec::new();
        let mut taken = 0;
        while taken < budget {
            let Some(first) = self.units.front() else { break };
            let (kind, fragments) = (first.kind, self.units.iter().take_while(|unit| unit.more).count() + 1);
            match kind {
                Kind::Open => {}
                Kind::Close => {
                    let alone = messages.is_empty();
                    return (messages, alone);
                }
                Kind::Text | Kind::Binary => {
                    let data = self.join(fragments);
                    taken += data.len() + UNIT_OVERHEAD_BYTES;
                    messages.push(Unit::whole(kind, data));
                }
            }
            self.ack(self.acked + fragments as u64);
        }
        (messages, false)
    }

    fn join(&self, fragments: usize) -> Bytes {
        match self.units.front() {
            Some(unit) if fragments == 1 => unit.data.clone(),
            _ => {
                let mut whole = Vec::new();
                self.units.iter().take(fragments).for_each(|unit| whole.extend_from_slice(&unit.data));
                whole.into()
            }
        }
    }

    /// Whether there is more than `open` and `close`.
    pub(crate) fn has_messages(&self) -> bool {
        self.units.iter().any(|unit| matches!(unit.kind, Kind::Text | Kind::Binary))
    }

    /// Drops everything: the page is gone.
    pub(crate) fn clear(&mut self) {
        self.ack(self.last());
    }
}
