//! `/w` of the model.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::Instant;

use super::receive::{LUMP_BYTES, frame, wait};
use super::session::Session;
use crate::client::frames::{self, Decoder, Frame};
use crate::client::{Close, Unit};
use crate::http1::{Head, Reader};
use crate::websocket::{self, FrameReader, opcode};

const HEARTBEAT: std::time::Duration = std::time::Duration::from_secs(2);

pub(super) async fn run(
    session: &Session,
    request: &Head,
    ack: u64,
    reader: Reader<OwnedReadHalf>,
    writer: &mut OwnedWriteHalf,
) -> io::Result<()> {
    writer.write_all(&websocket::accept(request, None).encode()).await?;
    let (read, rest) = reader.into_parts();
    let mut incoming = FrameReader::new(read, &rest);
    let receiver = session.receiver();
    let (mut next, mut up_ack, mut number, mut decoder) = (ack + 1, 0, None, Decoder::default());
    let mut out = Vec::new();
    frames::encode(&Frame::Start(next), &mut out);
    loop {
        tokio::select! {
            came = incoming.next() => {
                let Some(came) = came? else { return Ok(()) };
                if came.opcode == opcode::CLOSE {
                    return Ok(());
                }
                decoder.push(&came.payload);
                while let Some((kind, payload)) = decoder.take_raw().map_err(io::Error::other)? {
                    let unit = match up(kind, &payload).map_err(io::Error::other)? {
                        Frame::Start(n) => {
                            number = Some(n);
                            continue;
                        }
                        Frame::Ack(n) => {
                            session.ack_down(n);
                            continue;
                        }
                        Frame::Unit(unit) => unit,
                        Frame::Heartbeat | Frame::End => continue,
                    };
                    let n = number.ok_or_else(|| io::Error::other("a unit before start"))?;
                    if session.take_up(n, unit).is_err() {
                        return websocket::send(writer, &websocket::Frame::close(Some(1002), "refused")).await;
                    }
                    number = Some(n + 1);
                }
            }
            units = wait(session, receiver, (next, LUMP_BYTES), Some(up_ack), Instant::now() + HEARTBEAT) => {
                let over = units.is_none();
                for (n, unit) in units.into_iter().flatten() {
                    if n != next {
                        frames::encode(&Frame::Start(n), &mut out);
                    }
                    frame(&unit, &mut out);
                    next = n + 1;
                }
                if over {
                    frames::encode(&Frame::End, &mut out);
                    websocket::send(writer, &websocket::Frame::new(opcode::BINARY, out)).await?;
                    return websocket::send(writer, &websocket::Frame::close(Some(1000), "")).await;
                }
            }
        }
        if up_ack != session.up_ack() {
            up_ack = session.up_ack();
            frames::encode(&Frame::Ack(up_ack), &mut out);
        }
        if !out.is_empty() {
            websocket::send(writer, &websocket::Frame::new(opcode::BINARY, std::mem::take(&mut out))).await?;
        }
    }
}

/// A frame that goes up, whose close has no flags.
pub(super) fn up(kind: u8, payload: &bytes::Bytes) -> Result<Frame, String> {
    if kind != frames::CLOSE {
        return frames::frame(kind, payload);
    }
    let (code, reason) = match payload.as_ref() {
        [high, low, reason @ ..] => {
            (u16::from_be_bytes([*high, *low]), String::from_utf8_lossy(reason).into_owned())
        }
        _ => (1005, String::new()),
    };
    Ok(Frame::Unit(Unit::Close(Close { code, reason, clean: true, error: None })))
}
