//! The binary frames of PROTOCOL section 7: type, length as unsigned LEB128, payload.

use bytes::{Buf, Bytes, BytesMut};

use super::unit::{Close, Kind, Unit};

const TEXT: u8 = 0x01;
const BINARY: u8 = 0x02;
const OPEN: u8 = 0x03;
/// The only frame whose payload differs in the two directions.
pub const CLOSE: u8 = 0x04;
const HEARTBEAT: u8 = 0x05;
const ACK: u8 = 0x06;
const END: u8 = 0x07;
const START: u8 = 0x08;
const MORE: u8 = 0x80;

/// A length has at most 4 bytes of 7 bits, hence a payload has less than 2^28 bytes.
const LENGTH_BYTES_MAX: usize = 4;
/// Numbers are below 2^53, which is 8 bytes of 7 bits.
const NUMBER_BYTES_MAX: usize = 8;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// `text`, `binary`, `open` or `close`: what the numbers count.
    Unit(Unit),
    /// Not numbered; its payload means nothing.
    Heartbeat,
    /// All units up to this number have arrived at the sender of the frame.
    Ack(u64),
    /// The stream is complete.
    End,
    /// The number of the next unit on this stream.
    Start(u64),
}

/// Appends a number as unsigned LEB128.
pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// Reads a number; `Ok(None)` when more bytes are needed.
fn number(bytes: &[u8], bytes_max: usize) -> Result<Option<(u64, usize)>, String> {
    let mut value = 0;
    for (i, byte) in bytes.iter().take(bytes_max).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte & 0x80 == 0 {
            return if i > 0 && *byte == 0 {
                Err("a number has a superfluous byte".into())
            } else {
                Ok(Some((value, i + 1)))
            };
        }
    }
    if bytes.len() >= bytes_max { Err(format!("a number has more than {bytes_max} bytes")) } else { Ok(None) }
}

/// Appends a frame of any type and payload.
pub fn put(out: &mut Vec<u8>, kind: u8, payload: &[u8]) {
    out.push(kind);
    put_number(out, payload.len() as u64);
    out.extend_from_slice(payload);
}

/// Appends a frame as the page sends it: a `close` has code and reason only, or nothing.
pub fn encode(frame: &Frame, out: &mut Vec<u8>) {
    let mut payload = Vec::new();
    match frame {
        Frame::Unit(Unit::Part { kind, data, more }) => {
            let kind = if *kind == Kind::Text { TEXT } else { BINARY };
            put(out, if *more { kind | MORE } else { kind }, data);
        }
        Frame::Unit(Unit::Open { protocol, extensions }) => {
            let json = serde_json::json!({ "protocol": protocol, "extensions": extensions });
            put(out, OPEN, json.to_string().as_bytes());
        }
        Frame::Unit(Unit::Close(close)) => {
            if close.code != 1005 {
                payload.extend_from_slice(&close.code.to_be_bytes());
                payload.extend_from_slice(close.reason.as_bytes());
            }
            put(out, CLOSE, &payload);
        }
        Frame::Heartbeat => put(out, HEARTBEAT, &[]),
        Frame::Ack(n) | Frame::Start(n) => {
            put_number(&mut payload, *n);
            put(out, if matches!(frame, Frame::Ack(_)) { ACK } else { START }, &payload);
        }
        Frame::End => put(out, END, &[]),
    }
}

/// Takes frames as the relay sends them out of a buffer that fills in pieces of any size.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: BytesMut,
}

impl Decoder {
    /// Adds what has arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether the last frame is incomplete.
    pub fn is_partial(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next complete frame; an error says which rule the relay broke.
    pub fn take(&mut self) -> Result<Option<Frame>, String> {
        self.take_raw()?.map(|(kind, payload)| frame(kind, &payload)).transpose()
    }

    /// The next frame as type and payload, whoever sent it.
    pub fn take_raw(&mut self) -> Result<Option<(u8, Bytes)>, String> {
        let Some(&kind) = self.buffer.first() else { return Ok(None) };
        let Some((length, width)) = number(&self.buffer[1..], LENGTH_BYTES_MAX)? else { return Ok(None) };
        let length = usize::try_from(length).map_err(|e| e.to_string())?;
        if self.buffer.len() < 1 + width + length {
            return Ok(None);
        }
        self.buffer.advance(1 + width);
        Ok(Some((kind, self.buffer.split_to(length).freeze())))
    }
}

/// Reads a frame that comes down.
pub fn frame(kind: u8, payload: &Bytes) -> Result<Frame, String> {
    let more = kind & MORE != 0;
    let kind = kind & !MORE;
    if more && !matches!(kind, TEXT | BINARY) {
        return Err(format!("frame type {kind:#04x} has the flag for more fragments"));
    }
    Ok(match kind {
        TEXT => {
            std::str::from_utf8(payload).map_err(|e| format!("a text frame is not UTF-8: {e}"))?;
            Frame::Unit(Unit::Part { kind: Kind::Text, data: payload.clone(), more })
        }
        BINARY => Frame::Unit(Unit::Part { kind: Kind::Binary, data: payload.clone(), more }),
        OPEN => {
            let json: serde_json::Value =
                serde_json::from_slice(payload).map_err(|e| format!("an open frame is not JSON: {e}"))?;
            let field = |name: &str| {
                json[name].as_str().map(String::from).ok_or(format!("an open frame has no {name}"))
            };
            Frame::Unit(Unit::Open { protocol: field("protocol")?, extensions: field("extensions")? })
        }
        CLOSE => Frame::Unit(Unit::Close(close(payload)?)),
        HEARTBEAT => Frame::Heartbeat,
        ACK | START => match number(payload, NUMBER_BYTES_MAX)? {
            Some((n, width)) if width == payload.len() => {
                if kind == ACK {
                    Frame::Ack(n)
                } else {
                    Frame::Start(n)
                }
            }
            _ => return Err(format!("frame type {kind:#04x} does not hold one number")),
        },
        END if payload.is_empty() => Frame::End,
        END => return Err("an end frame has a payload".into()),
        _ => return Err(format!("frame type {kind:#04x} is unknown")),
    })
}

/// A `close` that comes down: code, flags (1 = clean, 2 = a word for the failure follows), reason or word.
fn close(payload: &Bytes) -> Result<Close, String> {
    let [high, low, flags, reason @ ..] = payload.as_ref() else {
        return Err(format!("a close frame has {} bytes", payload.len()));
    };
    let reason = std::str::from_utf8(reason).map_err(|e| format!("a close reason is not UTF-8: {e}"))?;
    let code = u16::from_be_bytes([*high, *low]);
    let failed = flags & 2 == 2;
    Ok(Close {
        code,
        reason: if failed { String::new() } else { reason.into() },
        clean: flags & 1 == 1,
        error: failed.then(|| reason.into()),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn part(kind: Kind, data: &'static [u8], more: bool) -> Frame {
        Frame::Unit(Unit::Part { kind, data: Bytes::from_static(data), more })
    }

    #[test]
    fn the_bytes_on_the_wire() {
        let all = [
            (part(Kind::Text, b"hi", false), &[0x01, 2, b'h', b'i'][..]),
            (part(Kind::Binary, &[0, 255], true), &[0x82, 2, 0, 255]),
            (part(Kind::Text, b"", false), &[0x01, 0]),
            (Frame::Heartbeat, &[0x05, 0]),
            (Frame::Ack(300), &[0x06, 2, 0xac, 0x02]),
            (Frame::Start(1), &[0x08, 1, 1]),
            (Frame::End, &[0x07, 0]),
        ];
        for (frame, wire) in all {
            let mut out = Vec::new();
            encode(&frame, &mut out);
            assert_eq!(out, wire, "{frame:?}");
            let mut decoder = Decoder::default();
            decoder.push(&out);
            assert_eq!(decoder.take().unwrap(), Some(frame));
        }
    }

    #[test]
    fn a_close_looks_different_in_the_two_directions() {
        let close = Close { code: 3001, reason: "ok".into(), clean: true, error: None };
        let mut up = Vec::new();
        encode(&Frame::Unit(Unit::Close(close.clone())), &mut up);
        assert_eq!(up, [0x04, 4, 0x0b, 0xb9, b'o', b'k']);
        let mut none = Vec::new();
        encode(&Frame::Unit(Unit::Close(Close { code: 1005, ..Close::abnormal() })), &mut none);
        assert_eq!(none, [0x04, 0]);
        let mut decoder = Decoder::default();
        decoder.push(&[0x04, 5, 0x0b, 0xb9, 1, b'o', b'k']);
        assert_eq!(decoder.take().unwrap(), Some(Frame::Unit(Unit::Close(close))));
        decoder.push(&[0x04, 10, 0x03, 0xee, 2, b't', b'i', b'm', b'e', b'o', b'u', b't']);
        let failed = Close { error: Some("timeout".into()), ..Close::abnormal() };
        assert_eq!(decoder.take().unwrap(), Some(Frame::Unit(Unit::Close(failed))));
    }

    #[test]
    fn frames_arrive_in_pieces_of_one_byte() {
        let mut wire = Vec::new();
        let long = Bytes::from(vec![b'x'; 20_000]);
        let frames = [
            Frame::Start(7),
            Frame::Unit(Unit::Part { kind: Kind::Text, data: long, more: true }),
            part(Kind::Text, b"end", false),
            Frame::End,
        ];
        for frame in &frames {
            encode(frame, &mut wire);
        }
        let (mut decoder, mut seen) = (Decoder::default(), Vec::new());
        for byte in wire {
            decoder.push(&[byte]);
            while let Some(frame) = decoder.take().unwrap() {
                seen.push(frame);
            }
        }
        assert_eq!(seen, frames);
        assert!(!decoder.is_partial());
    }

    #[test]
    fn what_breaks_the_rules_is_named() {
        for (wire, word) in [
            (&[0x09, 0][..], "unknown"),
            (&[0x01, 1, 0xff], "UTF-8"),
            (&[0x85, 0], "more fragments"),
            (&[0x01, 0x80, 0x80, 0x80, 0x80], "more than 4"),
            (&[0x01, 0x80, 0x00], "superfluous"),
            (&[0x06, 2, 1, 1], "one number"),
            (&[0x07, 1, 0], "payload"),
            (&[0x04, 2, 3, 232], "close frame"),
        ] {
            let mut decoder = Decoder::default();
            decoder.push(wire);
            let error = decoder.take().unwrap_err();
            assert!(error.contains(word), "{wire:?}: {error}");
        }
    }
}
