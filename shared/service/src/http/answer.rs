//! Short answers, JSON or a script that calls back: built once, written through hyper or straight to a connection.

use std::io::Write;

use ::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use polysocket_protocol::jsonp::{self, Callback};

use super::{Body, RawAnswer, write_date};

/// Headers of every answer.
const COMMON: [(&str, &str); 3] = [
    ("cache-control", "no-store"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
];
/// Those of a script: attached, so that nothing takes it for a page.
const SCRIPT: [(&str, &str); 2] =
    [("content-disposition", "attachment; filename=f.txt"), ("cross-origin-resource-policy", "cross-origin")];
/// More than the head of a raw answer has.
const HEAD_BYTES: usize = 400;
/// How long a browser may remember that a preflight was answered. Our clients need none.
const PREFLIGHT_SECONDS: &str = "86400";

/// One answer, whose body is there.
#[derive(Debug)]
pub struct Answer {
    status: u16,
    script: bool,
    /// The origin that may read it (CORS).
    reader: Option<HeaderValue>,
    more: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
}

impl Answer {
    /// What `write` appends: a script that passes it to `callback`, or JSON.
    pub fn new(
        status: u16,
        callback: Option<&Callback>,
        reader: Option<HeaderValue>,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> Self {
        let mut body = Vec::with_capacity(256);
        jsonp::write_answer(&mut body, callback, write);
        Self { status, script: callback.is_some(), reader, more: Vec::new(), body }
    }

    /// One without a body.
    pub fn empty(status: u16, reader: Option<HeaderValue>) -> Self {
        Self { status, script: false, reader, more: Vec::new(), body: Vec::new() }
    }

    /// With one more header.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    fn content_type(&self) -> Option<&'static str> {
        match (self.body.is_empty(), self.script) {
            (true, _) => None,
            (false, true) => Some(jsonp::CONTENT_TYPE),
            (false, false) => Some("application/json"),
        }
    }

    fn headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let script = SCRIPT.into_iter().take(if self.script { SCRIPT.len() } else { 0 });
        let content_type = self.content_type().map(|value| ("content-type", value));
        COMMON.into_iter().chain(script).chain(content_type)
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// For hyper.
    pub fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        for (name, value) in self.headers() {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.extend(self.more);
        allow_origin(headers, self.reader);
        *response.body_mut() = Body::full(self.body);
        response
    }

    /// For a connection that is not hyper's.
    pub fn into_raw(self, keep_alive: bool) -> RawAnswer {
        let mut out = Vec::with_capacity(HEAD_BYTES + self.body.len());
        match self.status {
            200 => out.extend_from_slice(b"HTTP/1.1 200 OK\r\n"),
            201 => out.extend_from_slice(b"HTTP/1.1 201 Created\r\n"),
            _ => {
                let status = self.status();
                let reason = status.canonical_reason().unwrap_or("Unknown");
                let _ = write!(out, "HTTP/1.1 {} {reason}\r\n", status.as_u16());
            }
        }
        for (name, value) in self.headers() {
            write_header(&mut out, name, value.as_bytes());
        }
        for (name, value) in &self.more {
            write_header(&mut out, name.as_str(), value.as_bytes());
        }
        if let Some(reader) = &self.reader {
            write_header(&mut out, "access-control-allow-origin", reader.as_bytes());
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

fn write_header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// CORS: the exact origin, or nothing.
pub fn allow_origin(headers: &mut HeaderMap, reader: Option<HeaderValue>) {
    if let Some(reader) = reader {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, reader);
    }
    headers.insert(header::VARY, HeaderValue::from_static("origin"));
}

/// The answer to a preflight.
pub fn preflight(
    methods: &'static str,
    headers: &'static str,
    reader: Option<HeaderValue>,
) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let map = response.headers_mut();
    map.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    map.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(headers));
    map.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_SECONDS));
    allow_origin(map, reader);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_say_the_same() {
        for callback in [None, Some("go")] {
            let answer = || {
                let reader = Some(HeaderValue::from_static("https://a.example"));
                Answer::new(429, callback.and_then(Callback::parse).as_ref(), reader, |out| {
                    out.extend_from_slice(b"{}");
                })
                .with(header::RETRY_AFTER, 3)
            };
            let raw = String::from_utf8(answer().into_raw(false)).expect("text");
            let response = answer().into_response();
            let (head, body) = raw.split_once("\r\n\r\n").expect("a head");
            assert!(head.starts_with("HTTP/1.1 429 Too Many Requests\r\n"), "{head}");
            assert!(head.contains("\r\nconnection: close\r\n") && head.contains("\r\nretry-after: 3\r\n"));
            assert_eq!(response.headers().len(), head.lines().count() - 4, "{head}");
            for (name, value) in response.headers() {
                let line = format!("\r\n{name}: {}", value.to_str().expect("text"));
                assert!(head.contains(&line), "{line} in {head}");
            }
            assert!(head.contains(&format!("content-length: {}", body.len())));
            assert_eq!(body, if callback.is_some() { "/**/go({});" } else { "{}" });
        }
    }
}
