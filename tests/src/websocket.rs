//! RFC 6455 frames and handshakes for both ends, with nothing checked on the way out:
//! a test must be able to say what the standard forbids.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use rand::RngCore;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};

use crate::http1::Head;

/// Opcodes of RFC 6455 section 5.2.
pub mod opcode {
    /// A fragment after the first.
    pub const CONTINUATION: u8 = 0x0;
    /// Text.
    pub const TEXT: u8 = 0x1;
    /// Binary.
    pub const BINARY: u8 = 0x2;
    /// Close.
    pub const CLOSE: u8 = 0x8;
    /// Ping.
    pub const PING: u8 = 0x9;
    /// Pong.
    pub const PONG: u8 = 0xa;
}

/// A frame longer than this is an error of the peer, or of this harness.
const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One frame, as it is on the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The last fragment of its message.
    pub fin: bool,
    /// The three reserved bits, 0 without extensions.
    pub rsv: u8,
    /// One of [`opcode`].
    pub opcode: u8,
    /// The payload, unmasked.
    pub payload: Bytes,
    /// Whether it was masked, as a client must and a server must not.
    pub masked: bool,
}

impl Frame {
    /// A complete, unmasked frame.
    pub fn new(opcode: u8, payload: impl Into<Bytes>) -> Self {
        Self { fin: true, rsv: 0, opcode, payload: payload.into(), masked: false }
    }

    /// A close frame; without a code its body is empty.
    pub fn close(code: Option<u16>, reason: &str) -> Self {
        let mut payload = Vec::new();
        if let Some(code) = code {
            payload.extend_from_slice(&code.to_be_bytes());
            payload.extend_from_slice(reason.as_bytes());
        }
        Self::new(opcode::CLOSE, payload)
    }

    /// The same frame with a mask.
    #[must_use]
    pub fn masked(mut self) -> Self {
        self.masked = true;
        self
    }

    /// Code and reason of a close frame; no code is `None`.
    pub fn close_code(&self) -> (Option<u16>, String) {
        match self.payload.as_ref() {
            [high, low, reason @ ..] => {
                (Some(u16::from_be_bytes([*high, *low])), String::from_utf8_lossy(reason).into_owned())
            }
            _ => (None, String::new()),
        }
    }

    /// The bytes on the wire, with a fresh mask if there is to be one.
    pub fn encode(&self) -> Vec<u8> {
        let length = self.payload.len();
        let mask_bit = if self.masked { 0x80 } else { 0 };
        let mut out = vec![u8::from(self.fin) << 7 | (self.rsv & 7) << 4 | self.opcode & 0xf];
        if length < 126 {
            out.push(mask_bit | u8::try_from(length).unwrap_or_default());
        } else if let Ok(short) = u16::try_from(length) {
            out.push(mask_bit | 0x7e);
            out.extend_from_slice(&short.to_be_bytes());
        } else {
            out.push(mask_bit | 0x7f);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
        if self.masked {
            let mut mask = [0; 4];
            rand::rng().fill_bytes(&mut mask);
            out.extend_from_slice(&mask);
            out.extend(self.payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        } else {
            out.extend_from_slice(&self.payload);
        }
        out
    }

    /// Takes a frame out of a buffer; `None` when more bytes are needed.
    pub fn decode(buffer: &mut BytesMut) -> io::Result<Option<Self>> {
        let [first, second, rest @ ..] = buffer.as_ref() else { return Ok(None) };
        let (first, masked) = (*first, second & 0x80 != 0);
        let (length, mut header) = match (second & 0x7f, rest) {
            (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 4),
            (127, rest) if rest.len() >= 8 => {
                (rest[..8].iter().fold(0, |length, byte| length << 8 | u64::from(*byte)), 10)
            }
            (126 | 127, _) => return Ok(None),
            (short, _) => (u64::from(short), 2),
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > FRAME_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
        }
        header += if masked { 4 } else { 0 };
        if buffer.len() < header + length {
            buffer.reserve(header + length - buffer.len());
            return Ok(None);
        }
        let mask = masked.then(|| [header - 4, header - 3, header - 2, header - 1].map(|i| buffer[i]));
        buffer.advance(header);
        let mut payload = buffer.split_to(length);
        if let Some(mask) = mask {
            payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        }
        Ok(Some(Self {
            fin: first & 0x80 != 0,
            rsv: first >> 4 & 7,
            opcode: first & 0xf,
            payload: payload.freeze(),
            masked,
        }))
    }
}

/// Reads frames; cancelling a read loses nothing.
#[derive(Debug)]
pub struct FrameReader<R> {
    io: R,
    buffer: BytesMut,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// Goes on after a handshake, with the bytes that came together with it.
    pub fn new(io: R, rest: &[u8]) -> Self {
        Self { io, buffer: BytesMut::from(rest) }
    }

    /// The next frame; `None` when the connection ends between two frames.
    pub async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = Frame::decode(&mut self.buffer)? {
                return Ok(Some(frame));
            }
            self.buffer.reserve(8 * 1024);
            if self.io.read_buf(&mut self.buffer).await? == 0 {
                return if self.buffer.is_empty() {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        }
    }

    /// The connection itself, for what a test does to it.
    pub fn get_ref(&self) -> &R {
        &self.io
    }
}

/// Writes one frame.
pub async fn send<W: AsyncWrite + Unpin>(io: &mut W, frame: &Frame) -> io::Result<()> {
    io.write_all(&frame.encode()).await
}

/// The headers of a client's handshake (RFC 6455 section 4.1), and the key in them.
pub fn client_headers(protocols: &str) -> (Vec<(String, String)>, String) {
    let key = generate_key();
    let mut headers = vec![
        ("Connection".to_owned(), "Upgrade".to_owned()),
        ("Upgrade".into(), "websocket".into()),
        ("Sec-WebSocket-Version".into(), "13".into()),
        ("Sec-WebSocket-Key".into(), key.clone()),
    ];
    if !protocols.is_empty() {
        headers.push(("Sec-WebSocket-Protocol".into(), protocols.into()));
    }
    (headers, key)
}

/// Whether a server's handshake answers this key.
pub fn is_accepted(head: &Head, key: &str) -> bool {
    head.status() == 101
        && head.header("sec-websocket-accept") == Some(derive_accept_key(key.as_bytes()).as_str())
}

/// A server's handshake in answer to a client's, choosing a protocol if one is given.
pub fn accept(request: &Head, protocol: Option<&str>) -> Head {
    let key = request.header("sec-websocket-key").unwrap_or_default();
    let mut headers = vec![
        ("Connection".to_owned(), "Upgrade".to_owned()),
        ("Upgrade".into(), "websocket".into()),
        ("Sec-WebSocket-Accept".into(), derive_accept_key(key.as_bytes())),
    ];
    if let Some(protocol) = protocol {
        headers.push(("Sec-WebSocket-Protocol".into(), protocol.into()));
    }
    Head { start: "HTTP/1.1 101 Switching Protocols".into(), headers }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_rfc_6455_section_5_7() {
        assert_eq!(Frame::new(opcode::TEXT, "Hello").encode(), b"\x81\x05Hello");
        let mut wire = BytesMut::from(&b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"[..]);
        assert_eq!(Frame::decode(&mut wire).unwrap(), Some(Frame::new(opcode::TEXT, "Hello").masked()));
        assert_eq!(Frame::new(opcode::BINARY, vec![0; 256]).encode()[..4], [0x82, 0x7e, 1, 0]);
        assert_eq!(Frame::new(opcode::BINARY, vec![0; 65536]).encode()[..6], [0x82, 0x7f, 0, 0, 0, 0]);
    }

    #[tokio::test]
    async fn masked_frames_of_all_lengths_come_back() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let frame = Frame { rsv: 5, fin: false, ..Frame::new(opcode::BINARY, vec![7; length]) }.masked();
            let wire = frame.encode();
            let (head, tail) = wire.split_at(wire.len().min(3));
            let mut reader = FrameReader::new(tail, head);
            assert_eq!(reader.next().await.unwrap(), Some(frame));
            assert_eq!(reader.next().await.unwrap(), None);
        }
    }

    #[test]
    fn a_handshake_is_answered_with_its_key() {
        let (headers, key) = client_headers("chat");
        let request = Head { start: "GET / HTTP/1.1".into(), headers };
        let answer = accept(&request, Some("chat"));
        assert!(is_accepted(&answer, &key));
        assert!(!is_accepted(&answer, "another key"));
    }
}
