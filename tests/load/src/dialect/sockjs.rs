//! SockJS 0.3, xhr-polling and `xhr_send`.
//!
//! A frame is `o` (open), `h` (heartbeat), `a[...]` (messages) or `c[...]`
//! (close) and a newline; a send is a JSON array of messages.

use super::{Closing, Dialect, Inbox};
use crate::client::{Answer, request};
use crate::error::Result;

pub struct SockJs {
    host: String,
    session: String,
    payload: Vec<u8>,
}

impl SockJs {
    /// The page chooses the id of its session; `serial` makes it unique in a run.
    pub fn new(host: String, serial: u64) -> Self {
        Self { host, session: format!("s{serial:011}"), payload: Vec::new() }
    }
}

impl Dialect for SockJs {
    fn create(&mut self, out: &mut Vec<u8>) {
        self.poll(out);
    }

    fn created(&mut self, answer: Answer<'_>) -> Result<()> {
        if answer.text(200)? == "o\n" { Ok(()) } else { Err(answer.unexpected("no open frame")) }
    }

    fn poll(&mut self, out: &mut Vec<u8>) {
        request::post(out, &self.host, format_args!("/echo/000/{}/xhr", self.session), b"");
    }

    fn polled(&mut self, answer: Answer<'_>, inbox: &mut Inbox) -> Result<()> {
        let frame = answer.text(200)?.strip_suffix('\n').unwrap_or_default();
        match frame.split_at_checked(1) {
            Some(("h", "")) => Ok(()),
            Some(("a", json)) => {
                let messages: Vec<std::borrow::Cow<'_, str>> =
                    serde_json::from_str(json).map_err(|_| answer.unexpected("bad messages"))?;
                messages.iter().try_for_each(|message| inbox.push(message, false))
            }
            _ => Err(answer.unexpected("a frame that is not due")),
        }
    }

    fn send(&mut self, message: &str, out: &mut Vec<u8>) {
        self.payload.clear();
        serde_json::to_writer(&mut self.payload, &[message]).expect("a Vec takes every write");
        request::post(out, &self.host, format_args!("/echo/000/{}/xhr_send", self.session), &self.payload);
    }

    fn sent(&mut self, answer: Answer<'_>) -> Result<()> {
        answer.text(204).map(drop)
    }

    /// A page closes by aborting its poll; the server ends the session at once.
    fn close(&mut self, _: &mut Vec<u8>) -> Closing {
        Closing::HangUp
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn ok(body: &str) -> Answer<'_> {
        Answer { status: 200, body: body.as_bytes() }
    }

    #[test]
    fn a_send_is_a_json_array() {
        let mut out = Vec::new();
        SockJs::new("h:1".into(), 7).send("say \"hi\"", &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("POST /echo/000/s00000000007/xhr_send HTTP/1.1\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n[\"say \\\"hi\\\"\"]"), "{text}");
    }

    #[test]
    fn frames() {
        let mut page = SockJs::new("h:1".into(), 1);
        let mut inbox = Inbox::default();
        page.created(ok("o\n")).unwrap();
        page.polled(ok("h\n"), &mut inbox).unwrap();
        assert_eq!(inbox.message(), None);
        page.polled(ok("a[\"one\"]\n"), &mut inbox).unwrap();
        assert_eq!(inbox.message(), Some("one"));
    }

    #[test]
    fn what_is_not_due_is_an_error() {
        let mut page = SockJs::new("h:1".into(), 1);
        let mut inbox = Inbox::default();
        for body in ["", "o\n", "a[1]\n", "a[\"cut", "c[3000,\"Go away!\"]\n", "a[\"one\",\"two\"]\n"] {
            assert!(page.polled(ok(body), &mut inbox).is_err(), "{body:?}");
        }
        assert!(page.sent(ok("")).is_err());
        assert!(page.created(ok("c[2010,\"\"]\n")).is_err());
    }
}
