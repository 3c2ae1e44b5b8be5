//! `/w`: a WebSocket to the relay. Units go both ways on it, so that while it is wanted nothing is sent by requests.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::super::frames::{self, Decoder};
use super::super::http::Request;
use super::super::outbox::{Carrier, Cut, UnitSize};
use super::super::shared::Shared;
use super::super::unit::Unit;
use super::{Ended, LATE_MAX, query, refused};
use crate::websocket::{self, Frame, FrameReader, opcode};

/// Tells the WebSockets of this process apart.
static LINKS: AtomicU64 = AtomicU64::new(0);
/// Units are acked at the latest after this time, or after so many bytes.
const ACK_DELAY: Duration = Duration::from_millis(50);
const ACK_BYTES: usize = 16 * 1024;
/// A write that takes longer counts as broken.
const WRITE_MAX: Duration = Duration::from_secs(30);

/// What was written to this WebSocket. When it ends, however it does, what has no ack is free to go another way.
struct Written<'a> {
    shared: &'a Shared,
    carrier: Carrier,
    /// The last number that was written, after which the next follows without being said.
    last: Option<u64>,
}

impl Written<'_> {
    fn release(&self) {
        self.shared.core().outbox.release(self.carrier, 0, u64::MAX);
        self.shared.changed();
    }
}

impl Drop for Written<'_> {
    fn drop(&mut self) {
        self.release();
    }
}

pub(super) async fn once(shared: &Shared, retire: &CancellationToken) -> Ended {
    let ack = shared.core().inbox.last();
    let (headers, key) = websocket::client_headers("");
    let mut request = Request::get(&format!("{}?{}", shared.url("w"), query(shared, ack)));
    request.headers = headers;
    let Ok(mut streaming) = shared.http.open(&request, LATE_MAX).await else { return Ended::Broken };
    if !websocket::is_accepted(&streaming.head, &key) {
        let (status, mut body) = (streaming.head.status(), Vec::new());
        while let Ok(Ok(Some(piece))) = timeout(LATE_MAX, streaming.piece()).await {
            body.extend_from_slice(&piece);
        }
        return refused(shared, "w", status, &body);
    }
    shared.ack_arrived(ack);
    shared.succeeded();
    let (read, rest, writer) = streaming.upgrade();
    Link::new(shared, writer).run(FrameReader::new(read, &rest), retire).await.unwrap_or(Ended::Broken)
}

struct Link<'a> {
    shared: &'a Shared,
    writer: OwnedWriteHalf,
    written: Written<'a>,
    decoder: Decoder,
    /// Number of the next unit down, once the relay has said it.
    next: Option<u64>,
    units: u64,
}

impl<'a> Link<'a> {
    fn new(shared: &'a Shared, writer: OwnedWriteHalf) -> Self {
        let written =
            Written { shared, carrier: Carrier::Socket(LINKS.fetch_add(1, Ordering::Relaxed)), last: None };
        Self { shared, writer, written, decoder: Decoder::default(), next: None, units: 0 }
    }

    async fn run(
        mut self,
        mut reader: FrameReader<OwnedReadHalf>,
        retire: &CancellationToken,
    ) -> io::Result<Ended> {
        let mut changes = self.shared.changes.subscribe();
        let mut sending = true;
        loop {
            if sending {
                self.write_units().await?;
            }
            let ack_at = self.write_ack_if_due().await?;
            let silence = self.shared.settings.ttl + LATE_MAX;
            tokio::select! {
                frame = timeout(silence, reader.next()) => match frame {
                    Err(_) | Ok(Ok(None)) => return Ok(Ended::Broken),
                    Ok(Err(error)) => return Err(error),
                    Ok(Ok(Some(frame))) => if let Some(ended) = self.take(frame).await? {
                        return Ok(ended);
                    },
                },
                // The sender of counts lives as long as the session.
                _ = changes.changed() => {}
                () = sleep_until(ack_at.unwrap_or_else(far)), if ack_at.is_some() => {}
                () = retire.cancelled(), if sending => {
                    sending = false;
                    self.written.release();
                }
            }
        }
    }

    async fn write(&mut self, opcode: u8, payload: Vec<u8>) -> io::Result<()> {
        let frame = Frame::new(opcode, payload).masked();
        timeout(WRITE_MAX, websocket::send(&mut self.writer, &frame))
            .await
            .map_err(|_| io::ErrorKind::TimedOut)?
    }

    async fn write_units(&mut self) -> io::Result<()> {
        let settings = &self.shared.settings;
        let cut = Cut {
            unit: UnitSize::Bytes(settings.unit_bytes),
            units: settings.batch_units,
            bytes: settings.batch_bytes,
            // The relay holds no more while its queue to the target is full, and its acks open the way again.
            outstanding: self.shared.created.window,
        };
        loop {
            let Some(batch) = self.shared.core().outbox.take(cut, self.written.carrier) else {
                return Ok(());
            };
            let mut payload = Vec::new();
            match self.written.last.replace(batch.last()) {
                None => frames::encode(&frames::Frame::Start(batch.first), &mut payload),
                Some(last) if last + 1 == batch.first => {}
                // A request took units in the moment of the change: only a new WebSocket can say another number.
                Some(_) => return Err(io::ErrorKind::Interrupted.into()),
            }
            for unit in batch.units {
                frames::encode(&frames::Frame::Unit(unit), &mut payload);
            }
            self.write(opcode::BINARY, payload).await?;
        }
    }

    /// Writes an ack that is due; otherwise says when it will be.
    async fn write_ack_if_due(&mut self) -> io::Result<Option<Instant>> {
        let (ack, at) = {
            let core = self.shared.core();
            let Some(since) = core.first_since_ack else { return Ok(None) };
            let at = if core.bytes_since_ack >= ACK_BYTES { since } else { since + ACK_DELAY };
            (core.inbox.last(), at)
        };
        if Instant::now() < at {
            return Ok(Some(at));
        }
        let mut payload = Vec::new();
        frames::encode(&frames::Frame::Ack(ack), &mut payload);
        self.write(opcode::BINARY, payload).await?;
        self.shared.ack_arrived(ack);
        Ok(None)
    }

    async fn take(&mut self, frame: Frame) -> io::Result<Option<Ended>> {
        if frame.masked || frame.rsv != 0 || !frame.fin {
            return Ok(Some(self.violation("a masked, reserved or fragmented frame")));
        }
        match frame.opcode {
            opcode::BINARY => self.decoder.push(&frame.payload),
            opcode::PING => self.write(opcode::PONG, frame.payload.to_vec()).await?,
            opcode::PONG => {}
            opcode::CLOSE => {
                let (code, reason) = frame.close_code();
                self.write(opcode::CLOSE, frame.payload.to_vec()).await?;
                return Ok(match code {
                    Some(1002) => Some(self.violation(&format!("the relay closes with 1002 {reason:?}"))),
                    _ if self.units == 0 => Some(Ended::Empty),
                    _ => Some(Ended::Full),
                });
            }
            other => return Ok(Some(self.violation(&format!("opcode {other}")))),
        }
        loop {
            match self.decoder.take() {
                Ok(Some(frame)) => {
                    if let Some(ended) = self.apply(frame) {
                        return Ok(Some(ended));
                    }
                }
                Ok(None) if self.decoder.is_partial() => {
                    return Ok(Some(self.violation("half a frame in a message")));
                }
                Ok(None) => return Ok(None),
                Err(violation) => return Ok(Some(self.violation(&violation))),
            }
        }
    }

    fn apply(&mut self, frame: frames::Frame) -> Option<Ended> {
        match (frame, self.next) {
            (frames::Frame::Start(number), _) => self.next = Some(number),
            (frames::Frame::Unit(unit), Some(number)) => self.deliver(number, &unit),
            (frames::Frame::Ack(number), _) => self.shared.acked(number),
            (frames::Frame::Heartbeat, _) => {}
            (frames::Frame::End, _) => return Some(if self.units == 0 { Ended::Empty } else { Ended::Full }),
            (frame @ frames::Frame::Unit(_), None) => {
                return Some(self.violation(&format!("{frame:?} before start")));
            }
        }
        None
    }

    fn deliver(&mut self, number: u64, unit: &Unit) {
        self.shared.deliver(number, unit);
        self.next = Some(number + 1);
        self.units += 1;
    }

    fn violation(&self, what: &str) -> Ended {
        self.shared.violate(format!("/w: {what}"));
        Ended::Broken
    }
}

/// A time that does not come, for a branch that is switched off.
fn far() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}
