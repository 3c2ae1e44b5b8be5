//! Polls and streams of the model.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::time::{Instant, timeout_at};

use super::Mistake;
use super::session::Session;
use crate::client::frames::{self, Frame};
use crate::client::{Kind, Unit, base64};
use crate::http1::{Head, encode_chunk};

/// After so many bytes a stream ends, so that tests meet many ends.
const BUDGET_BYTES: usize = 64 * 1024;
/// What is written at once.
pub(super) const LUMP_BYTES: usize = 16 * 1024;
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Waits until there are units from a number on, the time is over, or a newer receiver came: then `None`.
pub(super) async fn wait(
    session: &Session,
    receiver: u64,
    (from, bytes_max): (u64, usize),
    up_ack: Option<u64>,
    until: Instant,
) -> Option<Vec<(u64, Unit)>> {
    let mut changed = session.changed.subscribe();
    loop {
        if session.state().receiver != receiver {
            return None;
        }
        let units = session.units_from(from, bytes_max);
        if !units.is_empty() || up_ack.is_some_and(|known| known != session.up_ack()) {
            return Some(units);
        }
        if timeout_at(until, changed.changed()).await.is_err() {
            return Some(Vec::new());
        }
    }
}

fn first(session: &Session, receiver: u64, ack: u64) -> u64 {
    ack + if session.mistake == Mistake::SkipsAtHandover && receiver > 1 { 2 } else { 1 }
}

pub(super) async fn poll(session: &Session, ack: u64, ttl: Duration, bytes_max: usize) -> Value {
    let receiver = session.receiver();
    let from = first(session, receiver, ack);
    let units = wait(session, receiver, (from, bytes_max), None, Instant::now() + ttl).await;
    let messages: Vec<Value> = match &units {
        None => Vec::new(),
        Some(units) if units.is_empty() => vec![json!({ "type": "heartbeat" })],
        Some(units) => units.iter().map(|(_, unit)| message(unit)).collect(),
    };
    let seq = units.as_ref().and_then(|units| units.first()).map_or(ack + 1, |(number, _)| *number);
    json!({ "ok": true, "seq": seq, "ack": session.up_ack(), "messages": messages })
}

fn message(unit: &Unit) -> Value {
    let mut message = match unit {
        Unit::Part { kind: Kind::Text, data, .. } => {
            json!({ "type": "text", "data": String::from_utf8_lossy(data) })
        }
        Unit::Part { data, .. } => json!({ "type": "binary", "data": base64::encode(data) }),
        Unit::Open { protocol, extensions } => {
            json!({ "type": "open", "protocol": protocol, "extensions": extensions })
        }
        Unit::Close(close) => {
            json!({ "type": "close", "code": close.code, "reason": close.reason, "wasClean": close.clean })
        }
    };
    if let Unit::Part { more: true, .. } = unit {
        message["more"] = true.into();
    }
    message
}

/// A unit as it comes down in frames.
pub(super) fn frame(unit: &Unit, out: &mut Vec<u8>) {
    if let Unit::Close(close) = unit {
        let mut payload = close.code.to_be_bytes().to_vec();
        payload.push(close.clean.into());
        payload.extend_from_slice(close.reason.as_bytes());
        frames::put(out, frames::CLOSE, &payload);
    } else {
        frames::encode(&Frame::Unit(unit.clone()), out);
    }
}

/// `/x` and `/e`.
pub(super) async fn stream(
    session: &Session,
    ack: u64,
    events: bool,
    writer: &mut OwnedWriteHalf,
) -> io::Result<()> {
    let receiver = session.receiver();
    let kind = if events { "text/event-stream" } else { "application/octet-stream" };
    let headers = [("Content-Type", kind), ("Transfer-Encoding", "chunked")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    writer.write_all(&Head { start: "HTTP/1.1 200 OK".into(), headers }.encode()).await?;
    let mut next = first(session, receiver, ack);
    let (mut out, mut written, mut up_ack) = (Vec::new(), 0, 0);
    if !events {
        frames::encode(&Frame::Start(next), &mut out);
    }
    loop {
        let units =
            wait(session, receiver, (next, LUMP_BYTES), Some(up_ack), Instant::now() + HEARTBEAT).await;
        let over = units.is_none() || written > BUDGET_BYTES || session.state().close_acked;
        let event = |id: Option<u64>, json: &Value, out: &mut Vec<u8>| {
            let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
            out.extend_from_slice(format!("{id}data: {json}\n\n").as_bytes());
        };
        if up_ack != session.up_ack() {
            up_ack = session.up_ack();
            if events {
                event(None, &json!({ "type": "ack", "ack": up_ack }), &mut out);
            } else {
                frames::encode(&Frame::Ack(up_ack), &mut out);
            }
        }
        for (number, unit) in units.into_iter().flatten() {
            if events {
                event(Some(number), &message(&unit), &mut out);
            } else {
                // Acks that came by another way leave a gap, which frames cannot show by themselves.
                if number != next {
                    frames::encode(&Frame::Start(number), &mut out);
                }
                frame(&unit, &mut out);
            }
            next = number + 1;
        }
        if over && events {
            event(None, &json!({ "type": "end" }), &mut out);
        } else if over {
            frames::encode(&Frame::End, &mut out);
        } else if out.is_empty() && events {
            event(None, &json!({ "type": "heartbeat" }), &mut out);
        } else if out.is_empty() {
            frames::encode(&Frame::Heartbeat, &mut out);
        }
        written += out.len();
        writer.write_all(&encode_chunk(&out)).await?;
        out.clear();
        if over {
            return writer.write_all(&encode_chunk(&[])).await;
        }
    }
}
