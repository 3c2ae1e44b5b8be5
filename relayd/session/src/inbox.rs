//! Units from the page: numbers, repeats, fragments, and the bounded queue to the upstream.

use std::collections::VecDeque;

use polysocket_protocol::limits::{NUMBER_MAX, WINDOW_UNITS};
use polysocket_protocol::unit::fingerprint;
use polysocket_protocol::{Bytes, CloseUp, Kind, Unit, Word, close};

/// What goes to the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToUpstream {
    /// A whole text message, checked to be UTF-8.
    Text(Bytes),
    /// A whole binary message.
    Binary(Bytes),
    /// The close frame: code and reason, or none.
    Close(Option<(u16, String)>),
}

/// Why a send has to wait. It is sent again, unchanged, when senders are woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// A unit before it has not come.
    Gap,
    /// The queue to the upstream is full.
    Full,
}

/// What the numbers say of a unit.
pub(crate) enum Place {
    /// It is the next one.
    Next,
    /// It came before.
    Repeat,
    /// It has to wait.
    Ahead,
    Refused(Word),
}

/// As many fingerprints as units can be under way at once: an older repeat is confirmed unseen.
#[allow(clippy::cast_possible_truncation)]
const REMEMBERED: usize = WINDOW_UNITS as usize;

/// What a message costs beyond its payload, so that a flood of empty ones is bounded too.
const MESSAGE_OVERHEAD_BYTES: usize = 64;

/// Numbers, fragments, queue.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    accepted: u64,
    fingerprints: [u64; REMEMBERED],
    partial: Option<Partial>,
    queue: VecDeque<ToUpstream>,
    /// Queued, or popped and not yet reported written.
    queued_bytes: usize,
    closed: bool,
}

#[derive(Debug)]
struct Partial {
    kind: Kind,
    data: Vec<u8>,
}

impl Inbox {
    /// The last number that was accepted.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Bytes on their way to the upstream.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// Nothing can be accepted any more: a close is queued, or the upstream is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Where a unit with this number stands.
    pub(crate) fn place(&self, number: u64, unit: &Unit) -> Place {
        if number == 0 || number > NUMBER_MAX {
            return Place::Refused(Word::Bad);
        }
        if number <= self.accepted {
            let remembered = number + WINDOW_UNITS > self.accepted;
            let same = self.fingerprints[slot(number)] == fingerprint(unit);
            return if remembered && !same { Place::Refused(Word::Conflict) } else { Place::Repeat };
        }
        match number - self.accepted {
            1 => Place::Next,
            2..=WINDOW_UNITS => Place::Ahead,
            _ => Place::Refused(Word::Window),
        }
    }

    /// Whether there is room for a message of `bytes` more. A message larger than the whole queue goes when it is empty.
    pub(crate) fn has_room(&self, bytes: usize, queue_max: usize) -> bool {
        self.queued_bytes == 0 || self.queued_bytes + bytes + MESSAGE_OVERHEAD_BYTES <= queue_max
    }

    /// Accepts the next unit: keeps a fragment, queues what is complete.
    pub(crate) fn accept(
        &mut self,
        number: Option<u64>,
        unit: &Unit,
        message_max: usize,
    ) -> Result<(), Word> {
        let message = match unit.kind {
            Kind::Close => {
                let close = CloseUp::decode(&unit.data).map_err(|_| Word::Bad)?;
                Some(ToUpstream::Close(close.code.map(|code| (code, close.reason))))
            }
            Kind::Open => return Err(Word::Bad),
            Kind::Text | Kind::Binary => self.assemble(unit, message_max)?,
        };
        if let Some(number) = number {
            self.accepted = number;
            self.fingerprints[slot(number)] = fingerprint(unit);
        }
        if let Some(message) = message {
            self.push(message);
        }
        Ok(())
    }

    /// Joins fragments; the message when `unit` is its last.
    fn assemble(&mut self, unit: &Unit, message_max: usize) -> Result<Option<ToUpstream>, Word> {
        let before = self.partial.as_ref().map_or(0, |partial| partial.data.len());
        if before + unit.data.len() > message_max {
            return Err(Word::TooBig);
        }
        let (kind, data) = match (self.partial.take(), unit.more) {
            (None, false) => (unit.kind, unit.data.clone()),
            (partial, more) => {
                let mut partial = partial.unwrap_or(Partial { kind: unit.kind, data: Vec::new() });
                partial.data.extend_from_slice(&unit.data);
                if more {
                    self.partial = Some(partial);
                    return Ok(None);
                }
                (partial.kind, partial.data.into())
            }
        };
        match kind {
            Kind::Text if std::str::from_utf8(&data).is_err() => Err(Word::InvalidText),
            Kind::Text => Ok(Some(ToUpstream::Text(data))),
            _ => Ok(Some(ToUpstream::Binary(data))),
        }
    }

    /// Queues the close frame of the relay itself; nothing is accepted after it.
    pub(crate) fn push_close(&mut self, code: u16, reason: &str) {
        if !self.closed {
            self.push(ToUpstream::Close((code != close::NO_CODE).then(|| (code, reason.to_owned()))));
        }
    }

    fn push(&mut self, message: ToUpstream) {
        self.closed |= matches!(message, ToUpstream::Close(_));
        self.queued_bytes += message.cost();
        self.queue.push_back(message);
    }

    pub(crate) fn pop(&mut self) -> Option<ToUpstream> {
        let message = self.queue.pop_front();
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        message
    }

    /// What was popped and cost this much has been written.
    pub(crate) fn written(&mut self, cost: usize) {
        self.queued_bytes = self.queued_bytes.saturating_sub(cost);
    }

    /// The upstream is gone: what is queued has nowhere to go.
    pub(crate) fn shut(&mut self) {
        self.closed = true;
        self.partial = None;
        self.queue = VecDeque::new();
        self.queued_bytes = 0;
    }
}

#[allow(clippy::cast_possible_truncation)]
fn slot(number: u64) -> usize {
    (number % WINDOW_UNITS) as usize
}

impl ToUpstream {
    /// What to report as written once it is.
    pub fn cost(&self) -> usize {
        match self {
            Self::Text(data) | Self::Binary(data) => data.len() + MESSAGE_OVERHEAD_BYTES,
            Self::Close(_) => 0,
        }
    }
}
