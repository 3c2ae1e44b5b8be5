//! A message of a topic.

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;

use crate::{Epoch, Position, Topic};

/// How many encodings of one message are kept with it.
pub const FRAME_VARIANTS: usize = 2;

/// What a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8; who publishes vouches for it.
    Text,
    /// Bytes.
    Binary,
}

/// One message of a topic, shared by all its subscribers in this process.
pub struct Publication {
    /// Where it was published.
    pub topic: Topic,
    /// In which history of the topic.
    pub epoch: Epoch,
    /// Its number there, from 1, without holes.
    pub offset: u64,
    /// What the payload is.
    pub kind: Kind,
    /// As it was published.
    pub payload: Bytes,
    frames: [OnceLock<Bytes>; FRAME_VARIANTS],
}

impl Publication {
    /// Made by engines; protocols get them from the broker, and make them in tests.
    pub fn new(topic: Topic, position: Position, kind: Kind, payload: Bytes) -> Self {
        let Position { epoch, offset } = position;
        Self { topic, epoch, offset, kind, payload, frames: [const { OnceLock::new() }; FRAME_VARIANTS] }
    }

    /// The position after this message.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch.clone(), offset: self.offset }
    }

    /// The message as it goes on the wire, encoded by the first subscriber who asks and shared by all others.
    ///
    /// A space belongs to one protocol, and each protocol knows its own variants.
    ///
    /// # Panics
    /// When `variant` is not below [`FRAME_VARIANTS`]: a mistake of ours.
    pub fn frame(&self, variant: usize, encode: impl FnOnce(&Self) -> Bytes) -> &Bytes {
        self.frames[variant].get_or_init(|| encode(self))
    }
}

impl fmt::Debug for Publication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Payloads are other people's.
        write!(
            f,
            "{} {}:{} ({:?}, {} bytes)",
            self.topic,
            self.epoch,
            self.offset,
            self.kind,
            self.payload.len()
        )
    }
}
