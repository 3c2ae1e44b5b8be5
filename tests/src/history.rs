//! Exactly once, in order, complete: messages that are a function of a seed and their number, and the check that what
//! arrived is what was sent.
//!
//! Nothing is stored: the receiver derives the message that must come next and compares all of it.
//! A run is repeated by its seed.

use std::cmp::Ordering;
use std::fmt;

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngCore, SeedableRng};

use crate::client::{Kind, Message};

/// How far around the expected number a stranger is looked for, to say what happened to it.
const SEARCH_MESSAGES: u64 = 512;

/// Characters that are hard for JSON, scripts, URLs, event streams and UTF-8 decoders.
const HARD_CHARACTERS: &[char] = &[
    'a',
    'z',
    '0',
    ' ',
    '+',
    '%',
    '&',
    '=',
    '#',
    '"',
    '\\',
    '/',
    '<',
    '>',
    '\'',
    '\n',
    '\r',
    '\t',
    '\0',
    '\u{1b}',
    '\u{7f}',
    '\u{85}',
    'é',
    'ÿ',
    '\u{2028}',
    '\u{2029}',
    '€',
    '\u{fdd0}',
    '\u{feff}',
    '\u{fffd}',
    '\u{ffff}',
    '\u{1F600}',
    '\u{10FFFF}',
];

/// Where messages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// From the page: going up.
    Page,
    /// From the target: coming down.
    Target,
}

/// The message with this number, from 1. Sizes are 0 to 100 kB and mostly small: 1 kB in the mean.
pub fn derive(seed: u64, side: Side, number: u64) -> Message {
    // Multiplying by odd constants keeps the seeds of neighbouring messages apart (SplitMix64 mixes the rest).
    let side = if side == Side::Page { 1 } else { 2 };
    let mut rng = SmallRng::seed_from_u64(
        seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ number.wrapping_mul(0xD1B5_4A32_D192_ED03) ^ side,
    );
    let size = match rng.random_range(0..1000) {
        0..50 => 0,
        50..700 => rng.random_range(1..=64),
        700..920 => rng.random_range(65..=1024),
        920..994 => rng.random_range(1025..=8 * 1024),
        _ => rng.random_range(8 * 1024..=100_000),
    };
    if rng.random_bool(0.5) {
        let mut data = vec![0; size];
        rng.fill_bytes(&mut data);
        return Message::binary(data);
    }
    let mut text = String::with_capacity(size);
    while text.len() < size {
        let character = HARD_CHARACTERS.choose(&mut rng).copied().unwrap_or('x');
        text.push(if text.len() + character.len_utf8() > size { '.' } else { character });
    }
    Message::text(text)
}

/// The first message that is not what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Divergence {
    /// The seed of the messages, with which they can be derived again.
    pub seed: u64,
    /// Who sent it.
    pub side: Side,
    /// The number of the message that was expected.
    pub number: u64,
    /// What was there in its place.
    pub found: Found,
}

/// What stood in the place of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A later one: those between are lost, or come out of order.
    Later(u64),
    /// One that was received before: a duplicate.
    Earlier(u64),
    /// None of the neighbours: altered, or of somebody else.
    Stranger(String),
    /// Nothing: all from here to this number were sent and did not arrive.
    Nothing(u64),
    /// A message after the last that was sent.
    Unsent,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, side, number, found } = self;
        write!(f, "message {number} from the {side:?} (seed {seed}): ")?;
        match found {
            Found::Later(other) => write!(f, "message {other} came instead: loss or wrong order"),
            Found::Earlier(other) => write!(f, "message {other} came again: duplicate"),
            Found::Stranger(what) => write!(f, "came altered: {what}"),
            Found::Nothing(last) => write!(f, "it and all up to {last} did not arrive"),
            Found::Unsent => write!(f, "it was never sent"),
        }
    }
}

/// One direction of one session: what was sent, and what arrived of it.
#[derive(Clone, Debug)]
pub struct History {
    seed: u64,
    side: Side,
    sent: u64,
    received: u64,
    divergence: Option<Divergence>,
}

impl History {
    /// An empty history of the messages that `side` sends.
    pub fn new(seed: u64, side: Side) -> Self {
        Self { seed, side, sent: 0, received: 0, divergence: None }
    }

    /// The next message to send, counted as sent.
    pub fn send(&mut self) -> Message {
        self.sent += 1;
        derive(self.seed, self.side, self.sent)
    }

    /// The other side has sent so many, when sender and receiver keep different histories.
    pub fn set_sent(&mut self, count: u64) {
        self.sent = count;
    }

    /// How many arrived.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Records and judges an arrival. After a divergence nothing more is judged.
    pub fn receive(&mut self, message: &Message) -> Result<(), Divergence> {
        if self.divergence.is_none() {
            let number = self.received + 1;
            if derive(self.seed, self.side, number) != *message {
                let found = self.explain(number, message);
                self.divergence = Some(Divergence { seed: self.seed, side: self.side, number, found });
            }
        }
        self.received += 1;
        self.divergence.clone().map_or(Ok(()), Err)
    }

    fn explain(&self, number: u64, message: &Message) -> Found {
        let is = |other: &u64| derive(self.seed, self.side, *other) == *message;
        // Small messages can be equal by chance: later ones are looked for first, since loss is the worse case.
        if let Some(later) = (number + 1..number + SEARCH_MESSAGES).find(is) {
            return Found::Later(later);
        }
        if let Some(earlier) = (number.saturating_sub(SEARCH_MESSAGES).max(1)..number).rev().find(is) {
            return Found::Earlier(earlier);
        }
        Found::Stranger(difference(&derive(self.seed, self.side, number), message))
    }

    /// Whether everything that was sent has arrived, and nothing else.
    pub fn check(&self) -> Result<(), Divergence> {
        if let Some(divergence) = &self.divergence {
            return Err(divergence.clone());
        }
        let (number, found) = match self.received.cmp(&self.sent) {
            Ordering::Less => (self.received + 1, Found::Nothing(self.sent)),
            Ordering::Greater => (self.sent + 1, Found::Unsent),
            Ordering::Equal => return Ok(()),
        };
        Err(Divergence { seed: self.seed, side: self.side, number, found })
    }
}

fn difference(expected: &Message, found: &Message) -> String {
    let kind = |kind: Kind| if kind == Kind::Text { "text" } else { "binary" };
    let at = expected.data.iter().zip(&found.data).take_while(|(a, b)| a == b).count();
    let excerpt = |data: &Bytes| format!("{:02x?}", &data[at.min(data.len())..(at + 8).min(data.len())]);
    format!(
        "{} of {} bytes instead of {} of {} bytes; from byte {at} on {} instead of {}",
        kind(found.kind),
        found.data.len(),
        kind(expected.kind),
        expected.data.len(),
        excerpt(&found.data),
        excerpt(&expected.data)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 42;

    /// Feeds the messages with these numbers, of which so many were sent.
    fn outcome(numbers: impl IntoIterator<Item = u64>, sent: u64) -> Result<(), Divergence> {
        let mut history = History::new(SEED, Side::Page);
        history.set_sent(sent);
        for number in numbers {
            // The verdict is remembered; `check` gives the first.
            let _ = history.receive(&derive(SEED, Side::Page, number));
        }
        history.check()
    }

    fn found(result: Result<(), Divergence>) -> (u64, Found) {
        let divergence = result.expect_err("a bad history must be caught");
        assert_eq!(divergence.seed, SEED);
        (divergence.number, divergence.found)
    }

    #[test]
    fn a_good_history_passes() {
        assert_eq!(outcome(1..=3000, 3000), Ok(()));
    }

    #[test]
    fn loss_is_caught_wherever_it_happens() {
        assert_eq!(found(outcome((1..=100).filter(|n| *n != 37), 100)), (37, Found::Later(38)));
        assert_eq!(found(outcome(2..=100, 100)), (1, Found::Later(2)));
        assert_eq!(found(outcome(1..=99, 100)), (100, Found::Nothing(100)));
        assert_eq!(found(outcome([], 5)), (1, Found::Nothing(5)));
    }

    #[test]
    fn duplicates_are_caught() {
        assert_eq!(found(outcome((1..=50).chain(50..=100), 100)), (51, Found::Earlier(50)));
        assert_eq!(found(outcome((1..=50).chain(20..=100), 100)), (51, Found::Earlier(20)));
    }

    #[test]
    fn a_changed_order_is_caught() {
        assert_eq!(found(outcome([1, 2, 4, 3, 5], 5)), (3, Found::Later(4)));
    }

    #[test]
    fn one_changed_byte_or_type_is_caught() {
        let mut history = History::new(SEED, Side::Target);
        let good = history.send();
        let mut bytes = good.data.to_vec();
        bytes.push(b'x');
        assert!(history.receive(&Message { data: bytes.into(), ..good.clone() }).is_err());
        let mut history = History::new(SEED, Side::Target);
        let other = if good.kind == Kind::Text { Kind::Binary } else { Kind::Text };
        let error =
            history.receive(&Message { kind: other, ..good }).expect_err("a changed type must be caught");
        assert!(matches!(error.found, Found::Stranger(_)), "{error}");
    }

    #[test]
    fn what_was_never_sent_is_caught() {
        assert_eq!(found(outcome(1..=6, 5)), (6, Found::Unsent));
    }

    #[test]
    fn messages_are_a_function_of_seed_side_and_number_and_of_all_sizes() {
        assert_eq!(derive(1, Side::Page, 5), derive(1, Side::Page, 5));
        assert_ne!(derive(1, Side::Page, 60), derive(1, Side::Target, 60));
        let all: Vec<_> = (1..=5000).map(|n| derive(7, Side::Page, n)).collect();
        let sizes = all.iter().map(|m| m.data.len());
        let mean = sizes.clone().sum::<usize>() / all.len();
        assert!((500..2000).contains(&mean), "the mean size is {mean}");
        assert!(sizes.clone().any(|s| s == 0) && sizes.clone().any(|s| s > 50_000));
        assert!(all.iter().all(|m| m.kind == Kind::Binary || std::str::from_utf8(&m.data).is_ok()));
    }
}
