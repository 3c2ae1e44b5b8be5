//! What a client may not do.

use polysocket_protocol::close;
use thiserror::Error;

use crate::Cause;

/// A rule of RFC 6455 that a client broke. The text is told to it, as the reason of the close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Violation {
    /// Section 5.2: no extension was agreed on.
    #[error("reserved bits are set, and no extension was agreed on")]
    ReservedBits,
    /// Section 5.2.
    #[error("the frame has a reserved opcode")]
    ReservedOpcode,
    /// Section 5.1.
    #[error("frames of clients must be masked")]
    NotMasked,
    /// Section 5.5.
    #[error("a control frame must not be fragmented")]
    FragmentedControl,
    /// Section 5.5.
    #[error("a control frame has at most 125 bytes")]
    LongControl,
    /// Section 5.4.
    #[error("there is no message to continue")]
    NothingToContinue,
    /// Section 5.4.
    #[error("a message began before the last one ended")]
    NotContinued,
    /// Section 5.5.1.
    #[error("a close frame has no payload, or a code of two bytes")]
    CloseOfOneByte,
    /// Section 7.4.
    #[error("this close code must not be sent")]
    CloseCode,
    /// Sections 5.6 and 8.1.
    #[error("text must be UTF-8")]
    NotUtf8,
    /// Over `message_bytes_max`.
    #[error("the message is too long")]
    TooBig,
    /// More of them than anybody needs.
    #[error("too many empty fragments")]
    EmptyFragments,
}

impl Violation {
    /// The close code that tells of it (section 7.4.1).
    pub fn code(self) -> u16 {
        match self {
            Self::NotUtf8 => close::INVALID_TEXT,
            Self::TooBig => close::TOO_BIG,
            Self::EmptyFragments => close::POLICY,
            _ => close::PROTOCOL_ERROR,
        }
    }

    /// What it counts as.
    pub fn cause(self) -> Cause {
        match self {
            Self::NotUtf8 => Cause::BadText,
            Self::TooBig => Cause::TooBig,
            Self::EmptyFragments => Cause::Flood,
            _ => Cause::BadFrame,
        }
    }
}
