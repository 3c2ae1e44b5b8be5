//! What comes down: every unit once, in order, fragments joined. Pure.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::unit::{Close, Kind, Message, Unit};

/// Units that are remembered to find one that comes again with other content.
const REMEMBERED_UNITS: usize = 4096;

/// What the page sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The upstream is open.
    Open {
        /// The subprotocol that the target chose.
        protocol: String,
        /// The extensions in use.
        extensions: String,
    },
    /// A whole message.
    Message(Message),
    /// The end of the session.
    Close(Close),
    /// The relay broke the protocol; the text says how. A test must fail.
    Violation(String),
}

/// Numbers, fragments and duplicates of one session.
#[derive(Debug, Default)]
pub struct Inbox {
    last: u64,
    partial: Option<(Kind, Vec<u8>)>,
    closed: bool,
    recent: VecDeque<u64>,
    duplicates: u64,
}

impl Inbox {
    /// The ack: all units up to this number have arrived.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// Whether `close` has arrived.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Units that came more than once, which acks and faults make normal.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Takes the unit with this number; an error says which rule the relay broke.
    pub fn accept(&mut self, number: u64, unit: &Unit) -> Result<Option<Event>, String> {
        let print = print(unit);
        if number <= self.last {
            self.duplicates += 1;
            let back = usize::try_from(self.last - number).map_err(|e| e.to_string())?;
            let known = self.recent.len().checked_sub(back + 1).map(|at| self.recent[at]);
            return if number == 0 || known.is_some_and(|known| known != print) {
                Err(format!("unit {number} came again with other content: {unit:?}"))
            } else {
                Ok(None)
            };
        }
        if number != self.last + 1 {
            return Err(format!("unit {number} came after unit {}", self.last));
        }
        if self.closed {
            return Err(format!("unit {number} came after the close"));
        }
        self.last = number;
        self.recent.push_back(print);
        if self.recent.len() > REMEMBERED_UNITS {
            self.recent.pop_front();
        }
        self.join(number, unit)
    }

    fn join(&mut self, number: u64, unit: &Unit) -> Result<Option<Event>, String> {
        match unit {
            Unit::Part { kind, data, more } => {
                let (first, mut bytes) = self.partial.take().unwrap_or((*kind, Vec::new()));
                if first != *kind {
                    return Err(format!("unit {number} continues a {first:?} message as {kind:?}"));
                }
                bytes.extend_from_slice(data);
                if *more {
                    self.partial = Some((first, bytes));
                    return Ok(None);
                }
                Ok(Some(Event::Message(Message { kind: first, data: bytes.into() })))
            }
            Unit::Open { .. } if number != 1 => Err(format!("open came as unit {number}")),
            Unit::Open { protocol, extensions } => {
                Ok(Some(Event::Open { protocol: protocol.clone(), extensions: extensions.clone() }))
            }
            Unit::Close(close) => {
                self.closed = true;
                Ok(Some(Event::Close(close.clone())))
            }
        }
    }
}

fn print(unit: &Unit) -> u64 {
    let mut hasher = DefaultHasher::new();
    unit.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn part(text: &'static str, more: bool) -> Unit {
        Unit::Part { kind: Kind::Text, data: text.as_bytes().into(), more }
    }

    #[test]
    fn a_duplicate_is_ignored_and_a_gap_is_a_violation() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.accept(1, &part("a", false)).unwrap(), Some(Event::Message(Message::text("a"))));
        assert_eq!(inbox.accept(1, &part("a", false)).unwrap(), None);
        assert_eq!((inbox.last(), inbox.duplicates()), (1, 1));
        assert!(inbox.accept(1, &part("b", false)).unwrap_err().contains("other content"));
        assert!(inbox.accept(3, &part("c", false)).unwrap_err().contains("after unit 1"));
    }

    #[test]
    fn fragments_are_joined() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.accept(1, &part("a", true)).unwrap(), None);
        assert_eq!(inbox.accept(2, &part("b", false)).unwrap(), Some(Event::Message(Message::text("ab"))));
        inbox.accept(3, &part("c", true)).unwrap();
        let other = Unit::Part { kind: Kind::Binary, data: "d".into(), more: false };
        assert!(inbox.accept(4, &other).unwrap_err().contains("as Binary"));
    }

    #[test]
    fn nothing_comes_after_close_and_open_comes_first() {
        let mut inbox = Inbox::default();
        let open = Unit::Open { protocol: String::new(), extensions: String::new() };
        inbox.accept(1, &open).unwrap();
        assert!(inbox.accept(2, &open).unwrap_err().contains("open came as unit 2"));
        let mut inbox = Inbox::default();
        inbox.accept(1, &Unit::Close(Close::abnormal())).unwrap();
        assert!(inbox.accept(2, &part("x", false)).unwrap_err().contains("after the close"));
    }
}
