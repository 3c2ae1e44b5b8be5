//! The product's own protocol (docs/PROTOCOL.md §2 to §5), XHR polling with
//! numbers and acks.

use std::borrow::Cow;
use std::net::SocketAddr;

use serde::Deserialize;

use super::{Closing, Dialect, Inbox};
use crate::client::{Answer, request};
use crate::error::Result;

/// The longest poll the protocol grants, ms: an idle session asks seldom.
const TTL_MS: u32 = 50_000;

pub struct Polysocket {
    router: SocketAddr,
    upstream: SocketAddr,
    /// Authority and path prefix of the relay, from `polysocketd`.
    host: String,
    prefix: String,
    socket: String,
    /// The last unit down that arrived.
    ack: u64,
    /// The last unit up that was sent.
    number: u64,
}

#[derive(Deserialize)]
struct Created<'a> {
    ok: bool,
    #[serde(borrow)]
    polysocketd: Cow<'a, str>,
    #[serde(borrow)]
    socket: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Sent {
    ok: bool,
    ack: u64,
}

#[derive(Deserialize)]
struct Polled<'a> {
    ok: bool,
    seq: u64,
    #[serde(borrow)]
    messages: Vec<Message<'a>>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    data: Cow<'a, str>,
    #[serde(default)]
    more: bool,
}

impl Polysocket {
    pub fn new(router: SocketAddr, upstream: SocketAddr) -> Self {
        Self {
            router,
            upstream,
            host: String::new(),
            prefix: String::new(),
            socket: String::new(),
            ack: 0,
            number: 0,
        }
    }
}

impl Dialect for Polysocket {
    fn create(&mut self, out: &mut Vec<u8>) {
        let path = format_args!("/create?v=1&target=ws%3A%2F%2F{}%2F", self.upstream);
        request::post(out, &self.router.to_string(), path, b"");
    }

    fn created(&mut self, answer: Answer<'_>) -> Result<()> {
        let created: Created<'_> = serde_json::from_str(answer.text(200)?)
            .map_err(|error| answer.unexpected(&format!("not an answer of create ({error})")))?;
        if !created.ok || created.socket.is_empty() {
            return Err(answer.unexpected("no socket"));
        }
        let (host, prefix) =
            created.polysocketd.split_at(created.polysocketd.find('/').unwrap_or(created.polysocketd.len()));
        // The page keeps its connection, so router and relay must listen together.
        let port = host.rsplit_once(':').and_then(|(_, port)| port.parse().ok()).unwrap_or(80);
        if port != self.router.port() {
            return Err(answer.unexpected("the relay is not on the router's port"));
        }
        host.clone_into(&mut self.host);
        prefix.clone_into(&mut self.prefix);
        self.socket = created.socket.into_owned();
        Ok(())
    }

    fn poll(&mut self, out: &mut Vec<u8>) {
        let path = format_args!("{}/j/{}?v=1&ack={}&ttl={TTL_MS}", self.prefix, self.socket, self.ack);
        request::get(out, &self.host, path);
    }

    fn polled(&mut self, answer: Answer<'_>, inbox: &mut Inbox) -> Result<()> {
        let polled: Polled<'_> = serde_json::from_str(answer.text(200)?)
            .map_err(|error| answer.unexpected(&format!("not an answer of a poll ({error})")))?;
        if !polled.ok || polled.seq != self.ack + 1 {
            return Err(answer.unexpected(&format!("unit {} was due", self.ack + 1)));
        }
        for message in &polled.messages {
            match &*message.kind {
                "heartbeat" => continue,
                "text" => inbox.push(&message.data, message.more)?,
                "close" if self.number > 0 => inbox.set_closed(),
                _ => return Err(answer.unexpected("a message that is not due")),
            }
            self.ack += 1;
        }
        Ok(())
    }

    fn send(&mut self, message: &str, out: &mut Vec<u8>) {
        self.number += 1;
        let path = format_args!("{}/s/{}?n={}&t=t", self.prefix, self.socket, self.number);
        request::post(out, &self.host, path, message.as_bytes());
    }

    fn sent(&mut self, answer: Answer<'_>) -> Result<()> {
        let sent: Sent = serde_json::from_str(answer.text(201)?)
            .map_err(|error| answer.unexpected(&format!("not an answer of a send ({error})")))?;
        if sent.ok && sent.ack == self.number {
            Ok(())
        } else {
            Err(answer.unexpected(&format!("ack {} was due", self.number)))
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) -> Closing {
        self.number += 1;
        let path = format_args!("{}/s/{}?n={}&t=c&code=1000", self.prefix, self.socket, self.number);
        request::post(out, &self.host, path, b"");
        Closing::Said
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn answer(status: u16, body: &str) -> Answer<'_> {
        Answer { status, body: body.as_bytes() }
    }

    fn new() -> Polysocket {
        Polysocket::new("127.0.0.1:8080".parse().unwrap(), "127.0.0.1:9000".parse().unwrap())
    }

    fn created() -> Polysocket {
        let mut page = new();
        let body = r#"{"ok":true,"polysocketd":"l.tom.localhost:8080/r/tom","fqdn":"x","socket":"SECRET","window":8}"#;
        page.created(answer(200, body)).unwrap();
        page
    }

    fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        encode(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn create_asks_the_router_and_moves_to_the_relay() {
        let text = encoded(|out| new().create(out));
        assert!(text.starts_with(
            "POST /create?v=1&target=ws%3A%2F%2F127.0.0.1:9000%2F HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"
        ));
        let text = encoded(|out| created().poll(out));
        assert!(
            text.starts_with(
                "GET /r/tom/j/SECRET?v=1&ack=0&ttl=50000 HTTP/1.1\r\nHost: l.tom.localhost:8080\r\n"
            ),
            "{text}"
        );
    }

    #[test]
    fn sends_are_numbered_and_acked() {
        let mut page = created();
        let text = encoded(|out| page.send("hi", out));
        assert!(
            text.starts_with("POST /r/tom/s/SECRET?n=1&t=t HTTP/1.1\r\n") && text.ends_with("hi"),
            "{text}"
        );
        page.sent(answer(201, r#"{"ok":true,"ack":1}"#)).unwrap();
        page.send("ho", &mut Vec::new());
        assert!(page.sent(answer(201, r#"{"ok":true,"ack":1}"#)).is_err());
    }

    #[test]
    fn units_are_counted_fragments_joined_heartbeats_not() {
        let mut page = created();
        let mut inbox = Inbox::default();
        page.polled(
            answer(200, r#"{"ok":true,"seq":1,"ack":0,"messages":[{"type":"heartbeat"}]}"#),
            &mut inbox,
        )
        .unwrap();
        page.polled(answer(200, r#"{"ok":true,"seq":1,"ack":1,"messages":[{"type":"text","data":"a\"","more":true},{"type":"text","data":"b"}]}"#), &mut inbox).unwrap();
        assert_eq!(inbox.message(), Some("a\"b"));
        assert!(encoded(|out| page.poll(out)).contains("&ack=2&"));
    }

    #[test]
    fn a_close_is_said_and_a_poll_tells_when_it_is_done() {
        let mut page = created();
        let mut inbox = Inbox::default();
        assert!(encoded(|out| assert_eq!(page.close(out), Closing::Said)).contains("?n=1&t=c&code=1000 "));
        page.polled(answer(200, r#"{"ok":true,"seq":1,"ack":1,"messages":[{"type":"close","code":1000,"reason":"","wasClean":true}]}"#), &mut inbox).unwrap();
        assert!(inbox.closed());
    }

    #[test]
    fn what_is_not_due_is_an_error() {
        let mut inbox = Inbox::default();
        for body in [
            r#"{"ok":true,"seq":2,"ack":0,"messages":[]}"#,
            r#"{"ok":false,"error":"gone: there is no such socket"}"#,
            r#"{"ok":true,"seq":1,"ack":0,"messages":[{"type":"close","code":1006}]}"#,
            r#"{"ok":true,"seq":1,"ack":0,"messages":[{"type":"binary","data":"AA=="}]}"#,
            "",
        ] {
            assert!(created().polled(answer(200, body), &mut inbox).is_err(), "{body}");
        }
        assert!(new().created(answer(502, r#"{"ok":false}"#)).is_err());
        let elsewhere = r#"{"ok":true,"polysocketd":"a.b:1","socket":"S"}"#;
        assert!(new().created(answer(200, elsewhere)).is_err());
    }
}
