//! Answers of a socket's requests: built once, written through hyper or straight to a parked connection.

use std::io::Write;

use ::http::{HeaderValue, Response, StatusCode, header};
use polysocket_protocol::jsonp::{self, Callback};
use polysocket_protocol::{Word, json};
use polysocket_service::http::{Body, RawAnswer, write_date};
use polysocket_session::Batch;

/// How the client wants its answer.
#[derive(Debug, Default)]
pub(crate) struct Manner {
    /// A script that calls this; otherwise JSON.
    pub(crate) callback: Option<Callback>,
    /// The client knows numbers and codes.
    pub(crate) told: bool,
    /// The origin that may read it (CORS).
    pub(crate) origin: Option<HeaderValue>,
}

/// One answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    script: bool,
    origin: Option<HeaderValue>,
    body: Vec<u8>,
}

/// Headers of every answer. A script's answer is attached and not sniffed so that nothing takes it for a page.
const COMMON: [(&str, &str); 3] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
];
const SCRIPT: [(&str, &str); 2] =
    [("content-disposition", "attachment; filename=f.txt"), ("cross-origin-resource-policy", "cross-origin")];

impl Manner {
    fn answer(self, status: u16, write: impl FnOnce(&mut Vec<u8>)) -> Answer {
        let mut body = Vec::with_capacity(128);
        jsonp::write_answer(&mut body, self.callback.as_ref(), write);
        Answer { status, script: self.callback.is_some(), origin: self.origin, body }
    }

    /// The answer to a poll.
    pub(crate) fn batch(self, batch: &Batch, heartbeat: bool) -> Answer {
        let numbers = self.told.then_some((batch.seq, batch.ack));
        self.answer(200, |out| json::write_answer(out, numbers, batch.units.iter(), heartbeat))
    }

    /// The answer to a send that was accepted. A documented POST gets no body.
    pub(crate) fn accepted(self, ack: u64) -> Answer {
        if self.callback.is_none() && !self.told {
            return Answer { status: 201, script: false, origin: self.origin, body: Vec::new() };
        }
        let ack = self.told.then_some(ack);
        self.answer(201, |out| json::write_accepted(out, ack))
    }

    /// A refusal. A script of a client that knows codes gets 200, for it could not read anything else.
    pub(crate) fn refusal(self, word: Word, detail: Option<&str>) -> Answer {
        let told = self.told;
        let status = match (&self.callback, told) {
            (Some(_), true) => 200,
            // The document knows no 409: to its clients a socket that takes no more is not valid.
            (_, false) if word == Word::Closed => Word::Gone.status(),
            _ => word.status(),
        };
        self.answer(status, |out| json::write_refusal(out, word, detail, told))
    }
}

impl Answer {
    fn content_type(&self) -> &'static str {
        if self.script { jsonp::CONTENT_TYPE } else { "application/json" }
    }

    fn headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        COMMON.into_iter().chain(SCRIPT.into_iter().take(if self.script { SCRIPT.len() } else { 0 }))
    }

    /// For hyper.
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        for (name, value) in self.headers() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        if !self.body.is_empty() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.content_type()));
        }
        allow_origin(headers, self.origin);
        *response.body_mut() = Body::full(self.body);
        response
    }

    /// For a connection that is not hyper's.
    pub(crate) fn into_raw(self, keep_alive: bool) -> RawAnswer {
        let mut out = Vec::with_capacity(HEAD_BYTES + self.body.len());
        match self.status {
            200 => out.extend_from_slice(b"HTTP/1.1 200 OK\r\n"),
            201 => out.extend_from_slice(b"HTTP/1.1 201 Created\r\n"),
            status => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let reason = status.canonical_reason().unwrap_or("Unknown");
                let _ = write!(out, "HTTP/1.1 {} {reason}\r\n", status.as_u16());
            }
        }
        for (name, value) in self.headers() {
            write_header(&mut out, name, value.as_bytes());
        }
        if !self.body.is_empty() {
            write_header(&mut out, "content-type", self.content_type().as_bytes());
        }
        if let Some(origin) = &self.origin {
            write_header(&mut out, "access-control-allow-origin", origin.as_bytes());
        }
        write_header(&mut out, "vary", b"origin");
        if !keep_alive {
            write_header(&mut out, "connection", b"close");
        }
        let _ = write!(out, "content-length: {}\r\ndate: ", self.body.len());
        write_date(&mut out);
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(&self.body);
        out
    }
}

/// More than the head of a raw answer has.
const HEAD_BYTES: usize = 400;

fn write_header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// CORS: the exact origin, or nothing.
pub(crate) fn allow_origin(headers: &mut ::http::HeaderMap, origin: Option<HeaderValue>) {
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_say_the_same() {
        let batch = Batch { seq: 3, units: vec![], ack: 1 };
        let manner = |callback: Option<&str>| Manner {
            callback: callback.and_then(Callback::parse),
            told: true,
            origin: Some(HeaderValue::from_static("https://a.example")),
        };
        for callback in [None, Some("go")] {
            let raw = String::from_utf8(manner(callback).batch(&batch, true).into_raw(false)).expect("text");
            let response = manner(callback).batch(&batch, true).into_response();
            let (head, body) = raw.split_once("\r\n\r\n").expect("a head");
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("\r\nconnection: close\r\n"));
            for (name, value) in response.headers() {
                let line = format!("\r\n{name}: {}", value.to_str().expect("text"));
                assert!(head.contains(&line), "{line} in {head}");
            }
            assert!(head.contains(&format!("content-length: {}", body.len())));
            assert!(body.contains(r#"{"ok":true,"seq":3,"ack":1,"messages":[{"type":"heartbeat"}]}"#));
        }
    }
}
