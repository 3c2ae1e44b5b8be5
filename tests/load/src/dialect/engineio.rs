//! engine.io protocol 4, polling transport.
//!
//! A payload is packets joined by 0x1E; a packet is a type digit and its data:
//! 0 open, 1 close, 2 ping, 3 pong, 4 message, 6 noop.

use serde::Deserialize;

use super::{Closing, Dialect, Inbox};
use crate::client::{Answer, request};
use crate::error::Result;

const SEPARATOR: char = '\u{1e}';
/// Status of a request for a session that is no more.
const SESSION_UNKNOWN: u16 = 400;

pub struct EngineIo {
    host: String,
    sid: String,
    payload: String,
    closing: bool,
}

#[derive(Deserialize)]
struct Open {
    sid: String,
}

impl EngineIo {
    pub fn new(host: String) -> Self {
        Self { host, sid: String::new(), payload: String::new(), closing: false }
    }
}

impl Dialect for EngineIo {
    fn create(&mut self, out: &mut Vec<u8>) {
        request::get(out, &self.host, format_args!("/engine.io/?EIO=4&transport=polling"));
    }

    fn created(&mut self, answer: Answer<'_>) -> Result<()> {
        let open =
            answer.text(200)?.strip_prefix('0').and_then(|json| serde_json::from_str::<Open>(json).ok());
        self.sid = open.ok_or_else(|| answer.unexpected("no open packet"))?.sid;
        Ok(())
    }

    fn poll(&mut self, out: &mut Vec<u8>) {
        request::get(out, &self.host, format_args!("/engine.io/?EIO=4&transport=polling&sid={}", self.sid));
    }

    fn polled(&mut self, answer: Answer<'_>, inbox: &mut Inbox) -> Result<()> {
        if self.closing && answer.status == SESSION_UNKNOWN {
            // The close was read before this poll, as they come on two connections.
            inbox.set_closed();
            return Ok(());
        }
        for packet in answer.text(200)?.split(SEPARATOR) {
            match (packet.as_bytes().first(), self.closing) {
                (Some(b'4'), false) => inbox.push(&packet[1..], false)?,
                (Some(b'1' | b'6'), true) => inbox.set_closed(),
                (Some(b'6'), false) => {}
                // A ping would be due here only after the relay's interval,
                // which is longer than any run.
                _ => return Err(answer.unexpected("a packet that is not due")),
            }
        }
        Ok(())
    }

    fn send(&mut self, message: &str, out: &mut Vec<u8>) {
        self.payload.clear();
        self.payload.push('4');
        self.payload.push_str(message);
        self.post(out);
    }

    fn sent(&mut self, answer: Answer<'_>) -> Result<()> {
        if answer.text(200)? == "ok" { Ok(()) } else { Err(answer.unexpected("not ok")) }
    }

    fn close(&mut self, out: &mut Vec<u8>) -> Closing {
        self.closing = true;
        self.payload.clear();
        self.payload.push('1');
        self.post(out);
        Closing::Said
    }
}

impl EngineIo {
    fn post(&self, out: &mut Vec<u8>) {
        let path = format_args!("/engine.io/?EIO=4&transport=polling&sid={}", self.sid);
        request::post(out, &self.host, path, self.payload.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ok(body: &str) -> Answer<'_> {
        Answer { status: 200, body: body.as_bytes() }
    }

    fn opened() -> EngineIo {
        let mut page = EngineIo::new("h:1".into());
        page.created(ok(r#"0{"sid":"abc","upgrades":[],"pingInterval":300000}"#)).unwrap();
        page
    }

    #[test]
    fn the_sid_goes_into_every_request() {
        let mut page = opened();
        let mut out = Vec::new();
        page.poll(&mut out);
        page.send("hi", &mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("sid=abc ").count(), 2);
        assert!(text.ends_with("\r\n\r\n4hi"), "{text}");
    }

    #[test]
    fn messages_and_noops() {
        let mut page = opened();
        let mut inbox = Inbox::default();
        page.polled(ok("6\u{1e}4hello"), &mut inbox).unwrap();
        assert_eq!(inbox.message(), Some("hello"));
    }

    #[test]
    fn a_close_ends_with_the_poll() {
        let mut page = opened();
        let mut inbox = Inbox::default();
        assert_eq!(page.close(&mut Vec::new()), Closing::Said);
        page.polled(ok("6"), &mut inbox).unwrap();
        assert!(inbox.closed());
    }

    #[test]
    fn a_close_may_overtake_the_poll() {
        let unknown = Answer { status: 400, body: br#"{"code":1,"message":"Session ID unknown"}"# };
        let mut page = opened();
        let mut inbox = Inbox::default();
        assert!(page.polled(unknown, &mut inbox).is_err());
        page.close(&mut Vec::new());
        page.polled(unknown, &mut inbox).unwrap();
        assert!(inbox.closed());
    }

    #[test]
    fn what_is_not_due_is_an_error() {
        let mut inbox = Inbox::default();
        for body in ["2", "1", "", "bAAEC"] {
            assert!(opened().polled(ok(body), &mut inbox).is_err(), "{body:?}");
        }
        assert!(opened().polled(Answer { status: 400, body: b"{}" }, &mut inbox).is_err());
        assert!(EngineIo::new("h".into()).created(ok("4{}")).is_err());
    }
}
