//! `/e`: an event stream, read as the HTML standard says (section 9.2.6).

use serde_json::Value;

use super::super::answer::{self, Down};
use super::super::shared::Shared;
use super::{Ended, open, piece};

pub(super) async fn once(shared: &Shared) -> Ended {
    let ack = shared.core().inbox.last();
    let mut streaming = match open(shared, "e", "text/event-stream", ack).await {
        Ok(streaming) => streaming,
        Err(ended) => return ended,
    };
    shared.ack_arrived(ack);
    let mut parser = Parser::default();
    let (mut units, mut ended) = (0, false);
    loop {
        match piece(shared, &mut streaming).await {
            Ok(Some(piece)) => parser.push(&piece),
            Ok(None) if !ended => return Ended::Broken,
            Ok(None) => return if units == 0 { Ended::Empty } else { Ended::Full },
            Err(broken) => return broken,
        }
        shared.succeeded();
        while let Some(event) = parser.next() {
            match take(shared, &event) {
                Ok(Down::Unit(_)) => units += 1,
                Ok(Down::End) => ended = true,
                Ok(Down::Heartbeat | Down::Ack(_)) => {}
                Err(violation) => {
                    shared.violate(format!("/e: {violation}"));
                    return Ended::Broken;
                }
            }
        }
    }
}

fn take(shared: &Shared, event: &Event) -> Result<Down, String> {
    let json: Value = serde_json::from_str(&event.data).map_err(|e| format!("data is not JSON: {e}"))?;
    let down = answer::message(&json)?;
    match &down {
        Down::Unit(unit) => {
            let id = event.id.as_deref().and_then(|id| id.parse().ok());
            shared.deliver(id.ok_or_else(|| format!("a unit has the id {:?}", event.id))?, unit);
        }
        Down::Ack(number) => shared.acked(*number),
        Down::Heartbeat | Down::End => {}
    }
    Ok(down)
}

#[derive(Debug, Default, PartialEq)]
struct Event {
    id: Option<String>,
    data: String,
}

/// Splits a stream into events; an event that is not complete is never given out.
#[derive(Debug, Default)]
struct Parser {
    bytes: Vec<u8>,
    current: Event,
    has_data: bool,
}

impl Parser {
    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn next(&mut self) -> Option<Event> {
        while let Some(line) = self.line() {
            if line.is_empty() {
                let event = std::mem::take(&mut self.current);
                if std::mem::take(&mut self.has_data) {
                    return Some(event);
                }
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "data" => {
                    if self.has_data {
                        self.current.data.push('\n');
                    }
                    self.has_data = true;
                    self.current.data.push_str(value);
                }
                "id" => self.current.id = Some(value.to_owned()),
                // Comments, `event` and `retry` say nothing here.
                _ => {}
            }
        }
        None
    }

    /// A line without its end: CR LF, LF, or CR. A CR at the end of what has arrived may be half of a CR LF.
    fn line(&mut self) -> Option<String> {
        let end = self.bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'))?;
        let width = match (self.bytes[end], self.bytes.get(end + 1)) {
            (b'\r', None) => return None,
            (b'\r', Some(b'\n')) => 2,
            _ => 1,
        };
        let line = String::from_utf8_lossy(&self.bytes[..end]).into_owned();
        self.bytes.drain(..end + width);
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_whole_whatever_the_pieces() {
        let wire = ":comment\r\nid: 7\ndata: {\"a\":1}\n\ndata:x\rdata: y\r\n\r\nretry: 5\n\ndata: half";
        let mut parser = Parser::default();
        let mut events = Vec::new();
        for byte in wire.bytes() {
            parser.push(&[byte]);
            events.extend(parser.next());
        }
        let first = Event { id: Some("7".into()), data: "{\"a\":1}".into() };
        let second = Event { id: None, data: "x\ny".into() };
        assert_eq!(events, [first, second]);
    }
}
