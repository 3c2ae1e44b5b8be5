//! Close codes (RFC 6455, section 7.4) and the payload of `close` units.

use bytes::{BufMut, Bytes, BytesMut};

use crate::Word;
use crate::limits::REASON_BYTES_MAX;

/// The purpose was fulfilled.
pub const NORMAL: u16 = 1000;
/// The peer goes away: a relay that stops, a page that is gone.
pub const GOING_AWAY: u16 = 1001;
/// A rule of the protocol was broken.
pub const PROTOCOL_ERROR: u16 = 1002;
/// Never on the wire: the close frame had no code.
pub const NO_CODE: u16 = 1005;
/// Never on the wire: there was no close frame.
pub const ABNORMAL: u16 = 1006;
/// Text that is not UTF-8.
pub const INVALID_TEXT: u16 = 1007;
/// A policy was broken; the peer does not read.
pub const POLICY: u16 = 1008;
/// A message over the limit.
pub const TOO_BIG: u16 = 1009;
/// Never on the wire: the handshake of TLS failed.
pub const TLS_FAILED: u16 = 1015;

/// What a page may say in `close(code)`: 1000 or 3000–4999 (WHATWG, `close()`).
pub fn page_may_send(code: u16) -> bool {
    code == NORMAL || (3000..=4999).contains(&code)
}

/// How a session's upstream ended, as the page is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseDown {
    /// The code, with 1005 and 1006 as browsers report them.
    pub code: u16,
    /// The reason, at most 123 bytes.
    pub reason: String,
    /// Whether the closing handshake was complete.
    pub clean: bool,
    /// Why the target could not be reached, when it never was.
    pub failure: Option<Word>,
}

const CLEAN: u8 = 1;
const FAILED: u8 = 2;

impl CloseDown {
    /// A connection that ended without a closing handshake.
    pub fn abnormal() -> Self {
        Self { code: ABNORMAL, reason: String::new(), clean: false, failure: None }
    }

    /// A target that could not be reached.
    pub fn failed(word: Word) -> Self {
        Self { failure: Some(word), ..Self::abnormal() }
    }

    /// The payload of the `close` frame: code, flags, reason or word.
    pub fn encode(&self) -> Bytes {
        let text = match self.failure {
            Some(word) => word.as_str(),
            None => &self.reason,
        };
        let mut out = BytesMut::with_capacity(3 + text.len());
        out.put_u16(self.code);
        out.put_u8((u8::from(self.clean) * CLEAN) | (u8::from(self.failure.is_some()) * FAILED));
        out.put_slice(text.as_bytes());
        out.freeze()
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let (code, rest) = payload.split_first_chunk()?;
        let (flags, text) = rest.split_first()?;
        let text = std::str::from_utf8(text).ok()?;
        let failure = if flags & FAILED != 0 { Some(Word::from_str(text)?) } else { None };
        let reason = if failure.is_some() { String::new() } else { text.to_owned() };
        Some(Self { code: u16::from_be_bytes(*code), reason, clean: flags & CLEAN != 0, failure })
    }
}

/// A page's `close(code, reason)`: no code stands for a close frame without one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CloseUp {
    /// 1000, 3000–4999 or none.
    pub code: Option<u16>,
    /// At most 123 bytes; empty without a code.
    pub reason: String,
}

impl CloseUp {
    /// Checks what a page asks for.
    pub fn new(code: Option<u16>, reason: &str) -> Result<Self, &'static str> {
        match code {
            Some(code) if !page_may_send(code) => Err("code must be 1000 or 3000 to 4999"),
            _ if reason.len() > REASON_BYTES_MAX => Err("reason is longer than 123 bytes"),
            // A frame cannot carry a reason without a code; browsers send 1000 then.
            None if !reason.is_empty() => Ok(Self { code: Some(NORMAL), reason: reason.to_owned() }),
            _ => Ok(Self { code, reason: reason.to_owned() }),
        }
    }

    /// The payload of the frame: nothing, or code and reason.
    pub fn encode(&self) -> Bytes {
        let Some(code) = self.code else { return Bytes::new() };
        let mut out = BytesMut::with_capacity(2 + self.reason.len());
        out.put_u16(code);
        out.put_slice(self.reason.as_bytes());
        out.freeze()
    }

    /// Reads a payload from a page.
    pub fn decode(payload: &[u8]) -> Result<Self, &'static str> {
        let Some((code, reason)) = payload.split_first_chunk() else {
            return if payload.is_empty() {
                Ok(Self::default())
            } else {
                Err("close needs two bytes of code")
            };
        };
        let reason = std::str::from_utf8(reason).map_err(|_| "reason is not UTF-8")?;
        Self::new(Some(u16::from_be_bytes(*code)), reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn down_written_and_read_back() {
        for close in [
            CloseDown { code: 3001, reason: "süß".into(), clean: true, failure: None },
            CloseDown { code: NO_CODE, reason: String::new(), clean: true, failure: None },
            CloseDown::abnormal(),
            CloseDown::failed(Word::UpstreamRefused),
        ] {
            assert_eq!(CloseDown::decode(&close.encode()), Some(close));
        }
        assert_eq!(CloseDown::decode(b"\x03"), None);
    }

    #[test]
    fn up_takes_what_a_page_may_send() {
        for code in [1000, 3000, 4999] {
            let close = CloseUp::new(Some(code), "r").expect("allowed");
            assert_eq!(CloseUp::decode(&close.encode()), Ok(close));
        }
        for code in [0, 999, 1001, 1005, 1006, 1015, 2999, 5000] {
            assert!(CloseUp::new(Some(code), "").is_err(), "{code}");
        }
        assert!(CloseUp::new(Some(1000), &"x".repeat(124)).is_err());
        assert_eq!(CloseUp::decode(b""), Ok(CloseUp::default()));
        assert!(CloseUp::decode(b"\x03").is_err());
    }
}
