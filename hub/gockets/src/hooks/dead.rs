//! Dead letters: what could not be delivered, kept to be looked at and sent again. Pure.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::Key;

/// Bounds of [`DeadLetters`].
#[derive(Debug, Clone, Copy)]
pub struct DeadBounds {
    /// Letters of one channel.
    pub lane_count_max: usize,
    /// Letters of all channels.
    pub count_max: usize,
    /// Bytes of all letters.
    pub bytes_max: usize,
}

#[derive(Debug)]
struct Letter<T> {
    serial: u64,
    bytes: usize,
    item: T,
}

/// The newest letters of each channel, within bounds. Where there is no room the oldest go: first those of the same
/// channel, then of all.
#[derive(Debug)]
pub struct DeadLetters<T> {
    bounds: DeadBounds,
    lanes: HashMap<Key, VecDeque<Letter<T>>>,
    /// Whose letter each serial is: the first is the oldest of all.
    order: BTreeMap<u64, Key>,
    bytes: usize,
    next_serial: u64,
}

impl<T> DeadLetters<T> {
    /// None yet.
    pub fn new(bounds: DeadBounds) -> Self {
        Self { bounds, lanes: HashMap::new(), order: BTreeMap::new(), bytes: 0, next_serial: 0 }
    }

    /// Keeps a letter; says how many older ones had to go.
    pub fn add(&mut self, lane: Key, bytes: usize, item: T) -> usize {
        let serial = self.next_serial;
        self.next_serial += 1;
        self.lanes.entry(lane).or_default().push_back(Letter { serial, bytes, item });
        self.order.insert(serial, lane);
        self.bytes += bytes;
        let mut dropped = 0;
        while self.count_of(lane) > self.bounds.lane_count_max {
            self.drop_oldest(lane);
            dropped += 1;
        }
        while self.order.len() > self.bounds.count_max || self.bytes > self.bounds.bytes_max {
            let Some((_, &oldest)) = self.order.first_key_value() else { break };
            self.drop_oldest(oldest);
            dropped += 1;
        }
        dropped
    }

    /// Those of one channel, the oldest first.
    pub fn of(&self, lane: Key) -> impl Iterator<Item = &T> {
        self.lanes.get(&lane).into_iter().flatten().map(|letter| &letter.item)
    }

    /// How many there are of one channel.
    pub fn count_of(&self, lane: Key) -> usize {
        self.lanes.get(&lane).map_or(0, VecDeque::len)
    }

    /// Takes out all of one channel, the oldest first.
    pub fn take(&mut self, lane: Key) -> Vec<T> {
        let letters = self.lanes.remove(&lane).unwrap_or_default();
        for letter in &letters {
            self.order.remove(&letter.serial);
            self.bytes -= letter.bytes;
        }
        letters.into_iter().map(|letter| letter.item).collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.order.len()
    }

    /// Their bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn drop_oldest(&mut self, lane: Key) {
        let Some(letters) = self.lanes.get_mut(&lane) else { return };
        if let Some(letter) = letters.pop_front() {
            self.order.remove(&letter.serial);
            self.bytes -= letter.bytes;
        }
        if letters.is_empty() {
            self.lanes.remove(&lane);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn lane(n: u8) -> Key {
        Key::parse(&format!("{n:032x}")).unwrap()
    }

    #[test]
    fn the_oldest_make_way() {
        let bounds = DeadBounds { lane_count_max: 2, count_max: 3, bytes_max: 100 };
        let mut letters = DeadLetters::new(bounds);
        assert_eq!(letters.add(lane(1), 1, "a"), 0);
        assert_eq!(letters.add(lane(1), 1, "b"), 0);
        assert_eq!(letters.add(lane(1), 1, "c"), 1, "of the same channel");
        assert_eq!(letters.add(lane(2), 1, "d"), 0);
        assert_eq!(letters.add(lane(3), 1, "e"), 1, "of all");
        assert_eq!(letters.of(lane(1)).copied().collect::<Vec<_>>(), ["c"]);
        assert_eq!(letters.add(lane(4), 99, "f"), 2, "bytes");
        assert_eq!((letters.count(), letters.bytes()), (2, 100));
        assert_eq!(letters.add(lane(4), 101, "too large for any bound"), 3);
        assert_eq!((letters.count(), letters.bytes()), (0, 0));
        assert!(letters.lanes.is_empty() && letters.order.is_empty());
    }

    #[test]
    fn taken_as_they_came() {
        let bounds = DeadBounds { lane_count_max: 9, count_max: 9, bytes_max: 9 };
        let mut letters = DeadLetters::new(bounds);
        for (n, item) in [(1, "a"), (2, "b"), (1, "c")] {
            letters.add(lane(n), 1, item);
        }
        assert_eq!(letters.take(lane(1)), ["a", "c"]);
        assert_eq!((letters.count(), letters.bytes(), letters.count_of(lane(1))), (1, 1, 0));
        assert_eq!(letters.take(lane(1)), [""; 0]);
    }
}
