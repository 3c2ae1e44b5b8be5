//! What goes up: messages are cut into units, numbered once, and kept until the relay acks them.
//!
//! Pure: no I/O and no clock.
//! A unit that has a number never changes, since a number with other bytes is a protocol error;
//! so a message is cut for the transport in use when it is numbered, and not again.

use std::collections::VecDeque;

use bytes::Bytes;

use super::unit::{Close, Kind, Message, Unit};
use super::{base64, url};

/// How large the units may get that are cut now.
#[derive(Clone, Copy, Debug)]
pub enum UnitSize {
    /// Payload bytes.
    Bytes(usize),
    /// Bytes in a URL: text percent-encoded, binary in base64.
    Encoded(usize),
}

/// What one request may carry.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Size of a unit.
    pub unit: UnitSize,
    /// Units in a request.
    pub units: usize,
    /// Payload bytes in a request; one unit always fits.
    pub bytes: usize,
    /// Units that may be numbered and not acked.
    pub outstanding: usize,
}

/// Units with successive numbers that go in one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Number of the first unit.
    pub first: u64,
    /// The units.
    pub units: Vec<Unit>,
}

impl Batch {
    /// Number of the last unit.
    pub fn last(&self) -> u64 {
        self.first + self.units.len() as u64 - 1
    }
}

#[derive(Debug)]
enum Waiting {
    Message(Message),
    Close(Close),
}

/// What takes units up. Two carriers never have units under way at the same time, so that the numbers on each follow
/// one another: the relay holds only a few that come too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Requests to `/s`.
    Requests,
    /// One WebSocket to the relay.
    Socket(u64),
}

#[derive(Debug)]
struct Numbered {
    unit: Unit,
    /// Who has it under way.
    carrier: Option<Carrier>,
}

/// The queue of one session.
#[derive(Debug)]
pub struct Outbox {
    waiting: VecDeque<Waiting>,
    units: VecDeque<Numbered>,
    /// Number of the first of `units`; all below it are acked.
    first: u64,
    closed: bool,
}

impl Default for Outbox {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), units: VecDeque::new(), first: 1, closed: false }
    }
}

impl Outbox {
    /// Queues a message; false after `close`.
    pub fn push(&mut self, message: Message) -> bool {
        if !self.closed {
            self.waiting.push_back(Waiting::Message(message));
        }
        !self.closed
    }

    /// Queues the last unit; false if there was one.
    pub fn close(&mut self, close: Close) -> bool {
        if !self.closed {
            self.waiting.push_back(Waiting::Close(close));
        }
        !std::mem::replace(&mut self.closed, true)
    }

    /// Messages that are not numbered, and units that are not acked.
    pub fn backlog(&self) -> usize {
        self.waiting.len() + self.units.len()
    }

    /// The number that the next new unit gets.
    pub fn next_number(&self) -> u64 {
        self.first + self.units.len() as u64
    }

    /// The lowest number that is not acked.
    pub fn first_unacked(&self) -> u64 {
        self.first
    }

    /// Units that are in a request or on a WebSocket, without an ack.
    pub fn under_way(&self) -> usize {
        self.units.iter().filter(|unit| unit.carrier.is_some()).count()
    }

    /// The first successive units that are not under way, now under way by this carrier; none while another has some.
    pub fn take(&mut self, cut: Cut, carrier: Carrier) -> Option<Batch> {
        if self.units.iter().any(|unit| unit.carrier.is_some_and(|other| other != carrier)) {
            return None;
        }
        while self.units.len() < cut.outstanding {
            let Some(waiting) = self.waiting.pop_front() else { break };
            match waiting {
                Waiting::Close(close) => self.number(Unit::Close(close)),
                Waiting::Message(message) => fragments(&message, cut.unit).for_each(|u| self.number(u)),
            }
        }
        let start = self.units.iter().position(|unit| unit.carrier.is_none())?;
        // A message that was cut at once may be longer than what may be outstanding.
        let room = cut.outstanding.saturating_sub(start);
        let mut batch = Batch { first: self.first + start as u64, units: Vec::new() };
        let mut bytes = 0;
        for numbered in self.units.iter_mut().skip(start).take(cut.units.min(room)) {
            bytes += numbered.unit.size();
            if numbered.carrier.is_some() || !batch.units.is_empty() && bytes > cut.bytes {
                break;
            }
            numbered.carrier = Some(carrier);
            batch.units.push(numbered.unit.clone());
        }
        (!batch.units.is_empty()).then_some(batch)
    }

    fn number(&mut self, unit: Unit) {
        self.units.push_back(Numbered { unit, carrier: None });
    }

    /// What this carrier has under way from `first` to `last` may have been lost: it can be taken again.
    pub fn release(&mut self, carrier: Carrier, first: u64, last: u64) {
        for (number, unit) in (self.first..).zip(&mut self.units) {
            if (first..=last).contains(&number) && unit.carrier == Some(carrier) {
                unit.carrier = None;
            }
        }
    }

    /// Everything up to `number` has arrived; an error if it was never sent.
    pub fn ack(&mut self, number: u64) -> Result<(), String> {
        if number >= self.next_number() {
            return Err(format!(
                "the relay acks {number}, and the last unit sent is {}",
                self.next_number() - 1
            ));
        }
        while self.first <= number {
            self.units.pop_front();
            self.first += 1;
        }
        Ok(())
    }

    /// Whether `number` is acked.
    pub fn is_acked(&self, number: u64) -> bool {
        number < self.first
    }
}

/// Cuts a message; text between characters. An empty message is one empty unit.
fn fragments(message: &Message, size: UnitSize) -> impl Iterator<Item = Unit> {
    let (kind, data) = (message.kind, message.data.clone());
    let mut start = 0;
    let mut done = false;
    std::iter::from_fn(move || {
        if done {
            return None;
        }
        let end = start + fitting(kind, &data[start..], size);
        done = end == data.len();
        let piece: Bytes = data.slice(start..end);
        start = end;
        Some(Unit::Part { kind, data: piece, more: !done })
    })
}

/// How many of these bytes fit in a unit; at least one character or byte.
fn fitting(kind: Kind, data: &[u8], size: UnitSize) -> usize {
    match (kind, size) {
        (Kind::Binary, UnitSize::Bytes(max)) => data.len().min(max.max(1)),
        // Base64 without padding: three bytes are four digits.
        (Kind::Binary, UnitSize::Encoded(max)) => {
            let fits = data.len().min((max / 4 * 3).max(1));
            debug_assert!(base64::encode_url(&data[..fits]).len() <= max.max(2));
            fits
        }
        (Kind::Text, size) => {
            let text = std::str::from_utf8(data).unwrap_or_default();
            let (max, len): (usize, fn(char) -> usize) = match size {
                UnitSize::Bytes(max) => (max, char::len_utf8),
                UnitSize::Encoded(max) => (max, url::encoded_len),
            };
            let (mut sum, mut end) = (0, 0);
            for character in text.chars() {
                sum += len(character);
                if sum > max && end > 0 {
                    break;
                }
                end += character.len_utf8();
            }
            end
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const POST: Cut = Cut { unit: UnitSize::Bytes(4), units: 2, bytes: 100, outstanding: 8 };

    fn outbox(texts: &[&str]) -> Outbox {
        let mut outbox = Outbox::default();
        for text in texts {
            assert!(outbox.push(Message::text(*text)));
        }
        outbox
    }

    fn texts(batch: &Batch) -> Vec<(String, bool)> {
        let text = |unit: &Unit| match unit {
            Unit::Part { data, more, .. } => (String::from_utf8(data.to_vec()).unwrap(), *more),
            other => panic!("{other:?}"),
        };
        batch.units.iter().map(text).collect()
    }

    #[test]
    fn messages_are_cut_numbered_and_sent_again_unchanged() {
        let mut outbox = outbox(&["abcdef", ""]);
        let batch = outbox.take(POST, Carrier::Requests).unwrap();
        assert_eq!(batch.first, 1);
        assert_eq!(texts(&batch), [("abcd".into(), true), ("ef".into(), false)]);
        let second = outbox.take(POST, Carrier::Requests).unwrap();
        assert_eq!((second.first, texts(&second)), (3, vec![(String::new(), false)]));
        assert!(outbox.take(POST, Carrier::Requests).is_none(), "everything is under way");
        outbox.release(Carrier::Requests, 1, 2);
        assert_eq!(outbox.take(POST, Carrier::Requests), Some(batch), "the same bytes under the same number");
        outbox.ack(3).unwrap();
        assert_eq!(outbox.backlog(), 0);
    }

    #[test]
    fn text_is_cut_between_characters_also_when_it_is_encoded() {
        let mut bytes = outbox(&["aéé"]);
        assert_eq!(
            texts(&bytes.take(POST, Carrier::Requests).unwrap()),
            [("aé".into(), true), ("é".into(), false)]
        );
        let mut encoded = outbox(&["aéé"]);
        let cut = Cut { unit: UnitSize::Encoded(7), ..POST };
        assert_eq!(
            texts(&encoded.take(cut, Carrier::Requests).unwrap()),
            [("aé".into(), true), ("é".into(), false)]
        );
    }

    #[test]
    fn no_more_is_numbered_than_may_be_outstanding() {
        let mut outbox = outbox(&["a", "b", "c", "d"]);
        let cut = Cut { units: 1, outstanding: 3, ..POST };
        let firsts: Vec<u64> =
            std::iter::from_fn(|| outbox.take(cut, Carrier::Requests)).map(|batch| batch.first).collect();
        assert_eq!(firsts, [1, 2, 3]);
        outbox.ack(1).unwrap();
        assert_eq!(outbox.take(cut, Carrier::Requests).unwrap().first, 4);
    }

    #[test]
    fn an_ack_of_what_was_never_sent_is_a_violation() {
        let mut outbox = outbox(&["a"]);
        outbox.take(POST, Carrier::Requests).unwrap();
        assert!(outbox.ack(2).unwrap_err().contains("acks 2"));
        outbox.ack(1).unwrap();
        outbox.ack(0).unwrap();
        assert!(outbox.is_acked(1) && !outbox.is_acked(2));
    }

    #[test]
    fn another_carrier_waits_until_nothing_is_under_way() {
        let mut outbox = outbox(&["a", "b", "c"]);
        outbox.take(POST, Carrier::Socket(1)).unwrap();
        assert_eq!(outbox.take(POST, Carrier::Requests), None, "3 would overtake 1 and 2");
        outbox.release(Carrier::Requests, 1, 9);
        assert_eq!(outbox.under_way(), 2, "one carrier cannot release what another has");
        outbox.release(Carrier::Socket(1), 1, 9);
        assert_eq!(outbox.take(POST, Carrier::Requests).unwrap().first, 1);
    }

    #[test]
    fn close_is_the_last_unit() {
        let mut outbox = outbox(&["a"]);
        assert!(outbox.close(Close::abnormal()));
        assert!(!outbox.push(Message::text("late")));
        assert!(!outbox.close(Close::abnormal()));
        let batch = outbox.take(POST, Carrier::Requests).unwrap();
        assert!(matches!(batch.units[..], [Unit::Part { .. }, Unit::Close(_)]));
    }
}
