//! The binary frames of `/x`, `/w` and batches: type, length in unsigned LEB128, payload. `docs/PROTOCOL.md` §7.

use bytes::Bytes;

use crate::limits::FRAMES_MAX;
use crate::{Kind, Unit};

/// Set on the type of a fragment after which more follow.
const MORE: u8 = 0x80;
const TEXT: u8 = 0x01;
const BINARY: u8 = 0x02;
const OPEN: u8 = 0x03;
const CLOSE: u8 = 0x04;
const HEARTBEAT: u8 = 0x05;
const ACK: u8 = 0x06;
const END: u8 = 0x07;
const START: u8 = 0x08;

/// A length takes at most 4 bytes of LEB128: 28 bits, 256 MiB.
const LENGTH_BYTES_MAX: usize = 4;
/// A number takes at most 8 bytes of LEB128: 56 bits, more than the 53 a number may have.
const NUMBER_BYTES_MAX: usize = 8;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// What counts.
    Unit(Unit),
    /// Nothing to say.
    Heartbeat,
    /// All units up to this number have arrived.
    Ack(u64),
    /// The stream was not truncated.
    End,
    /// The number of the next unit.
    Start(u64),
}

/// Why bytes are no frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A type we do not know.
    #[error("unknown frame type {0:#04x}")]
    UnknownType(u8),
    /// A length of more than 4 bytes.
    #[error("frame length takes more than 4 bytes")]
    Length,
    /// A number of more than 8 bytes, or with bytes after it.
    #[error("malformed number")]
    Number,
    /// The bytes end within a frame.
    #[error("frame is cut short")]
    Truncated,
    /// More than `FRAMES_MAX` frames.
    #[error("more than {FRAMES_MAX} frames")]
    TooMany,
}

fn write_leb(out: &mut Vec<u8>, mut value: u64) {
    loop {
        #[allow(clippy::cast_possible_truncation)]
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            return out.push(low);
        }
        out.push(low | 0x80);
    }
}

/// Reads a number of at most `max` bytes; `None` when more bytes are needed.
fn read_leb(bytes: &[u8], max: usize) -> Result<Option<(u64, usize)>, ()> {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(max).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((value, index + 1)));
        }
    }
    if bytes.len() >= max { Err(()) } else { Ok(None) }
}

fn write_head(out: &mut Vec<u8>, kind: u8, len: usize) {
    out.push(kind);
    write_leb(out, len as u64);
}

fn write_number(out: &mut Vec<u8>, kind: u8, number: u64) {
    let mut payload = Vec::with_capacity(NUMBER_BYTES_MAX);
    write_leb(&mut payload, number);
    write_head(out, kind, payload.len());
    out.extend_from_slice(&payload);
}

/// Appends a unit as a frame.
pub fn write_unit(out: &mut Vec<u8>, unit: &Unit) {
    let kind = match unit.kind {
        Kind::Text => TEXT,
        Kind::Binary => BINARY,
        Kind::Open => OPEN,
        Kind::Close => CLOSE,
    };
    write_head(out, if unit.more { kind | MORE } else { kind }, unit.data.len());
    out.extend_from_slice(&unit.data);
}

impl Frame {
    /// Appends the frame.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Unit(unit) => write_unit(out, unit),
            Self::Heartbeat => write_head(out, HEARTBEAT, 0),
            Self::Ack(number) => write_number(out, ACK, *number),
            Self::End => write_head(out, END, 0),
            Self::Start(number) => write_number(out, START, *number),
        }
    }

    /// Takes one frame off the front of `bytes`; `None` when it is not complete yet.
    pub fn read(bytes: &mut Bytes) -> Result<Option<Self>, FrameError> {
        let Some((&kind, rest)) = bytes.split_first() else { return Ok(None) };
        let Some((length, taken)) = read_leb(rest, LENGTH_BYTES_MAX).map_err(|()| FrameError::Length)? else {
            return Ok(None);
        };
        let head = 1 + taken;
        let length = usize::try_from(length).map_err(|_| FrameError::Length)?;
        if !matches!(kind & !MORE, TEXT | BINARY) && kind & MORE != 0
            || !(TEXT..=START).contains(&(kind & !MORE))
        {
            return Err(FrameError::UnknownType(kind));
        }
        if bytes.len() - head < length {
            return Ok(None);
        }
        let _ = bytes.split_to(head);
        let data = bytes.split_to(length);
        let unit = |kind, more| Self::Unit(Unit { kind, more, data: data.clone() });
        let number = || match read_leb(&data, NUMBER_BYTES_MAX) {
            Ok(Some((number, taken))) if taken == data.len() => Ok(number),
            _ => Err(FrameError::Number),
        };
        Ok(Some(match kind & !MORE {
            TEXT => unit(Kind::Text, kind & MORE != 0),
            BINARY => unit(Kind::Binary, kind & MORE != 0),
            OPEN => unit(Kind::Open, false),
            CLOSE => unit(Kind::Close, false),
            HEARTBEAT => Self::Heartbeat,
            ACK => Self::Ack(number()?),
            END => Self::End,
            _ => Self::Start(number()?),
        }))
    }

    /// Reads a body that must be whole frames, at most `FRAMES_MAX`. A unit that is less than half of the body is
    /// copied: it may be kept for long, and would keep all of the body.
    pub fn read_all(mut bytes: Bytes) -> Result<Vec<Self>, FrameError> {
        let half = bytes.len() / 2;
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            if frames.len() == FRAMES_MAX {
                return Err(FrameError::TooMany);
            }
            let mut frame = Self::read(&mut bytes)?.ok_or(FrameError::Truncated)?;
            if let Self::Unit(unit) = &mut frame
                && unit.data.len() < half
            {
                unit.data = Bytes::copy_from_slice(&unit.data);
            }
            frames.push(frame);
        }
        Ok(frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<Frame> {
        let data = |len| Bytes::from(vec![b'x'; len]);
        let mut frames = vec![Frame::Heartbeat, Frame::End];
        for number in [0, 1, 127, 128, 16_383, 16_384, (1 << 53) - 1] {
            frames.extend([Frame::Ack(number), Frame::Start(number)]);
        }
        for len in [0, 1, 127, 128, 16_384, 2_097_152] {
            for kind in [Kind::Text, Kind::Binary] {
                frames.extend([false, true].map(|more| Frame::Unit(Unit { kind, more, data: data(len) })));
            }
        }
        frames.extend([Kind::Open, Kind::Close].map(|kind| Frame::Unit(Unit::whole(kind, data(3)))));
        frames
    }

    #[test]
    fn written_and_read_back_at_every_cut() {
        for frame in all() {
            let mut out = Vec::new();
            frame.write(&mut out);
            let whole = Bytes::from(out);
            for cut in (0..whole.len().min(9)).chain([whole.len() - 1]) {
                let mut part = whole.slice(..cut);
                assert_eq!(Frame::read(&mut part), Ok(None), "{frame:?} cut at {cut}");
                assert_eq!(part.len(), cut, "nothing is taken from an incomplete frame");
            }
            assert_eq!(Frame::read_all(whole), Ok(vec![frame]));
        }
    }

    #[test]
    fn a_small_unit_does_not_keep_the_body_it_came_in() {
        let mut out = Vec::new();
        for len in [1, 1000] {
            Frame::Unit(Unit::whole(Kind::Binary, vec![b'x'; len].into())).write(&mut out);
        }
        let body = Bytes::from(out);
        let place = body.as_ptr() as usize..body.as_ptr() as usize + body.len();
        let frames = Frame::read_all(body).expect("whole");
        let is_part = |frame: &Frame| match frame {
            Frame::Unit(unit) => place.contains(&(unit.data.as_ptr() as usize)),
            other => panic!("{other:?}"),
        };
        assert!(!is_part(&frames[0]) && is_part(&frames[1]));
    }

    #[test]
    fn frames_of_a_body_are_bounded() {
        let body = |count| Bytes::from([5, 0].repeat(count));
        assert_eq!(Frame::read_all(body(FRAMES_MAX)).map(|frames| frames.len()), Ok(FRAMES_MAX));
        assert_eq!(Frame::read_all(body(FRAMES_MAX + 1)), Err(FrameError::TooMany));
    }

    #[test]
    fn bytes_are_as_documented() {
        let mut out = Vec::new();
        Frame::Start(300).write(&mut out);
        Frame::Unit(Unit { kind: Kind::Text, more: true, data: Bytes::from_static(b"hi") }).write(&mut out);
        assert_eq!(out, [0x08, 2, 0xac, 0x02, 0x81, 2, b'h', b'i']);
    }

    #[test]
    fn refuses_what_is_none() {
        for (bytes, error) in [
            (&[0x00, 0][..], FrameError::UnknownType(0)),
            (&[0x09, 0], FrameError::UnknownType(9)),
            (&[0x85, 0], FrameError::UnknownType(0x85)),
            (&[0x01, 0xff, 0xff, 0xff, 0xff, 0x01], FrameError::Length),
            (&[0x06, 0], FrameError::Number),
            (&[0x06, 2, 1, 1], FrameError::Number),
            (&[0x01, 3, b'a'], FrameError::Truncated),
        ] {
            assert_eq!(Frame::read_all(Bytes::copy_from_slice(bytes)), Err(error));
        }
    }
}
