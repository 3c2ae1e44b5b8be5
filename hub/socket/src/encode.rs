//! Frames of a server: complete messages, not masked, and so the same for every connection (RFC 6455, section 5.2).

use bytes::{BufMut, Bytes};
use polysocket_protocol::limits::REASON_BYTES_MAX;

use crate::reader::{CONTROL_BYTES_MAX, Opcode};

const FIN: u8 = 0x80;
/// The longest head of a frame that is not masked.
const HEAD_BYTES_MAX: usize = 10;

/// A text message in one frame. `payload` must be UTF-8: peers end a connection that says otherwise.
pub fn text_frame(payload: &[u8]) -> Bytes {
    frame(Opcode::Text, payload)
}

/// A binary message in one frame.
pub fn binary_frame(payload: &[u8]) -> Bytes {
    frame(Opcode::Binary, payload)
}

/// A control frame: at most 125 bytes of payload, the rest is cut off (section 5.5).
pub(crate) fn control_frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    frame(opcode, &payload[..payload.len().min(CONTROL_BYTES_MAX)])
}

/// A close frame; without a code it has no payload. The reason is cut where a character ends (section 5.5.1).
pub(crate) fn close_frame(code: Option<u16>, reason: &str) -> Bytes {
    let Some(code) = code else { return frame(Opcode::Close, &[]) };
    let mut payload = Vec::with_capacity(CONTROL_BYTES_MAX);
    payload.put_u16(code);
    payload.put_slice(short(reason).as_bytes());
    frame(Opcode::Close, &payload)
}

/// What of a reason a close frame can hold.
pub(crate) fn short(reason: &str) -> &str {
    let mut end = reason.len().min(REASON_BYTES_MAX);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    &reason[..end]
}

fn frame(opcode: Opcode, payload: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(HEAD_BYTES_MAX + payload.len());
    out.push(FIN | opcode as u8);
    let length = payload.len();
    if length <= CONTROL_BYTES_MAX {
        out.push(u8::try_from(length).unwrap_or_default());
    } else if let Ok(length) = u16::try_from(length) {
        out.push(126);
        out.put_u16(length);
    } else {
        out.push(127);
        out.put_u64(length as u64);
    }
    out.extend_from_slice(payload);
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_as_short_as_they_can_be() {
        for (length, head) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xff, 0xff]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let payload = vec![b'x'; length];
            let frame = text_frame(&payload);
            assert_eq!((&frame[..head.len()], &frame[head.len()..]), (&head[..], &payload[..]));
        }
        assert_eq!(&binary_frame(b"a")[..], [0x82, 1, b'a']);
    }

    #[test]
    fn reasons_are_cut_between_characters() {
        assert_eq!(&close_frame(None, "")[..], [0x88, 0]);
        assert_eq!(&close_frame(Some(1001), "bye")[..], b"\x88\x05\x03\xe9bye");
        let frame = close_frame(Some(1000), &"ü".repeat(100));
        assert_eq!(frame[1], 2 + 122);
        assert!(std::str::from_utf8(&frame[4..]).is_ok());
        assert_eq!(control_frame(Opcode::Ping, &[7; 200]).len(), 2 + 125);
    }
}
