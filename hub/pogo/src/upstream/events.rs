//! Server-sent events of the API (WHATWG HTML, "Server-sent events"), as far as they tell of changes.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// Events out of bytes, pure. Only what an event is made of here: its data.
#[derive(Debug)]
pub(crate) struct EventReader {
    line: Vec<u8>,
    data: Vec<u8>,
    has_data: bool,
    after_return: bool,
    bytes_max: usize,
}

/// A line or event is longer than may be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl EventReader {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { line: Vec::new(), data: Vec::new(), has_data: false, after_return: false, bytes_max }
    }

    /// Takes what came; the data of each event that is complete now.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Bytes>, TooLong> {
        let mut events = Vec::new();
        for byte in bytes {
            match byte {
                b'\n' if self.after_return => self.after_return = false,
                b'\n' | b'\r' => {
                    self.after_return = *byte == b'\r';
                    events.extend(self.end_line());
                }
                _ => {
                    self.after_return = false;
                    self.line.push(*byte);
                }
            }
            if self.line.len() + self.data.len() > self.bytes_max {
                return Err(TooLong);
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Option<Bytes> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return std::mem::take(&mut self.has_data).then(|| data.into());
        }
        let value = line.strip_prefix(b"data").filter(|rest| rest.is_empty() || rest[0] == b':')?;
        let value = value.strip_prefix(b":").unwrap_or(value);
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
        None
    }
}

/// An open stream of them.
pub(crate) struct EventSource {
    body: Incoming,
    reader: EventReader,
}

impl EventSource {
    pub(crate) fn new(body: Incoming, bytes_max: usize) -> Self {
        Self { body, reader: EventReader::new(bytes_max) }
    }

    /// The next events; none when the stream has ended. Waits as long as the API is silent.
    pub(crate) async fn next(&mut self) -> Option<Vec<Bytes>> {
        loop {
            let frame = self.body.frame().await?.ok()?;
            let Ok(bytes) = frame.into_data() else { continue };
            let events = self.reader.feed(&bytes).ok()?;
            if !events.is_empty() {
                return Some(events);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_in_any_pieces() {
        let text = ": hello\n\ndata: {\"a\":1}\nid: 7\n\nevent: x\rdata:one\r\ndata\r\ndata:  two\r\n\r\ndatum: no\n\ndata: cut";
        let expected = ["{\"a\":1}", "one\n\n two"];
        for size in 1..text.len() {
            let mut reader = EventReader::new(1000);
            let pieces = text.as_bytes().chunks(size);
            let events: Vec<Bytes> = pieces.flat_map(|piece| reader.feed(piece).expect("short")).collect();
            assert_eq!(events, expected, "in pieces of {size}");
        }
        assert_eq!(EventReader::new(5).feed(b"data: x"), Err(TooLong));
    }
}
