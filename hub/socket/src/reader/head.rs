//! The head of a frame (RFC 6455, section 5.2).

use super::Violation;

/// The most payload a control frame has (section 5.5).
pub const CONTROL_BYTES_MAX: usize = 125;
/// Two bytes, a length of eight, a mask.
pub(super) const HEAD_BYTES_MAX: usize = 14;

const FIN: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of a message.
    Continuation = 0,
    /// Text, or its first fragment.
    Text = 1,
    /// Bytes, or their first fragment.
    Binary = 2,
    /// The sender says nothing more.
    Close = 8,
    /// Asks for a pong.
    Ping = 9,
    /// Answers a ping.
    Pong = 10,
}

impl Opcode {
    fn of(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }

    pub(super) fn is_control(self) -> bool {
        self as u8 >= 8
    }
}

/// A head of a client's frame.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) fin: bool,
    pub(super) opcode: Opcode,
    pub(super) mask: [u8; 4],
    pub(super) length: u64,
}

impl Head {
    /// Reads one off the front of `bytes`, and how long it is. None: it is not whole.
    ///
    /// A length that could have been written shorter is taken: it means one thing only.
    pub(super) fn read(bytes: &[u8]) -> Result<Option<(Self, usize)>, Violation> {
        let [first, second, ..] = *bytes else { return Ok(None) };
        if first & RESERVED != 0 {
            return Err(Violation::ReservedBits);
        }
        let opcode = Opcode::of(first & 0x0f).ok_or(Violation::ReservedOpcode)?;
        if second & MASKED == 0 {
            return Err(Violation::NotMasked);
        }
        let fin = first & FIN != 0;
        let short = second & !MASKED;
        if opcode.is_control() {
            if !fin {
                return Err(Violation::FragmentedControl);
            }
            if usize::from(short) > CONTROL_BYTES_MAX {
                return Err(Violation::LongControl);
            }
        }
        let rest = &bytes[2..];
        let (length, extended) = match short {
            126 => (rest.first_chunk().map(|length| u64::from(u16::from_be_bytes(*length))), 2),
            127 => (rest.first_chunk().map(|length| u64::from_be_bytes(*length)), 8),
            length => (Some(u64::from(length)), 0),
        };
        let mask = rest.get(extended..).and_then(<[u8]>::first_chunk);
        let (Some(length), Some(mask)) = (length, mask) else { return Ok(None) };
        Ok(Some((Self { fin, opcode, mask: *mask, length }, 2 + extended + 4)))
    }
}
