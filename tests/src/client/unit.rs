//! Units: what the numbers of the protocol count (PROTOCOL section 1).

use std::fmt;

use bytes::Bytes;

/// What a message is to the WebSocket API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text: UTF-8.
    Text,
    /// Binary: any bytes.
    Binary,
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Message {
    /// Text or binary.
    pub kind: Kind,
    /// The payload; UTF-8 if it is text.
    pub data: Bytes,
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<String>) -> Self {
        Self { kind: Kind::Text, data: Bytes::from(text.into()) }
    }

    /// A binary message.
    pub fn binary(data: impl Into<Bytes>) -> Self {
        Self { kind: Kind::Binary, data: data.into() }
    }
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Close {
    /// The close code; 1005 if the frame had none, 1006 if there was no frame.
    pub code: u16,
    /// The reason, at most 123 bytes of UTF-8.
    pub reason: String,
    /// Whether the target's closing handshake was complete.
    pub clean: bool,
    /// The word of PROTOCOL section 2 that says why the target could not be reached.
    pub error: Option<String>,
}

impl Close {
    /// What a browser reports of a connection that ended without a closing handshake.
    pub fn abnormal() -> Self {
        Self { code: 1006, reason: String::new(), clean: false, error: None }
    }
}

/// One numbered unit, going up or coming down.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A message, or a fragment of one.
    Part {
        /// The type of the whole message.
        kind: Kind,
        /// The bytes of this fragment.
        data: Bytes,
        /// Whether more fragments of this message follow.
        more: bool,
    },
    /// The upstream is open. Comes down only.
    Open {
        /// The subprotocol that the target chose, or nothing.
        protocol: String,
        /// The extensions that are in use, always nothing so far.
        extensions: String,
    },
    /// The last unit. Going up, 1005 stands for "no code".
    Close(Close),
}

impl fmt::Debug for Unit {
    /// With the size of a payload instead of the payload, which nobody reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Part { kind, data, more } => {
                write!(f, "{kind:?} of {} bytes{}", data.len(), if *more { " and more" } else { "" })
            }
            Self::Open { protocol, extensions } => write!(f, "Open {protocol:?} {extensions:?}"),
            Self::Close(close) => close.fmt(f),
        }
    }
}

impl Unit {
    /// Bytes that count against batch and buffer limits.
    pub fn size(&self) -> usize {
        match self {
            Self::Part { data, .. } => data.len(),
            Self::Open { protocol, extensions } => protocol.len() + extensions.len(),
            Self::Close(close) => close.reason.len() + 3,
        }
    }
}
