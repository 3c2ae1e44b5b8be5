//! Pure parser of one HTTP/1.1 answer (RFC 9112 §6 and §7.1).

use std::ops::Range;

use crate::error::{Error, Result};

/// No answer of any subject is near this; over it a subject runs away.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// No subject sends more than a dozen.
const HEADERS_MAX: usize = 32;

/// Status and body of an answer, as slices of the connection's buffer.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub struct Answer<'a> {
    pub status: u16,
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// The body as text, if the status is the one that is due.
    pub fn text(&self, status: u16) -> Result<&str> {
        if self.status != status {
            return Err(self.unexpected(&format!("status {status} was due")));
        }
        std::str::from_utf8(self.body).map_err(|_| self.unexpected("the body is not UTF-8"))
    }

    /// An error that quotes the start of this answer.
    pub fn unexpected(&self, why: &str) -> Error {
        let quoted: String = String::from_utf8_lossy(self.body).chars().take(200).collect();
        Error::Answer(format!("{why}: status {}, body {quoted:?}", self.status))
    }
}

/// Where a complete answer lies in the buffer it was parsed from.
#[derive(Debug, PartialEq, Eq)]
pub struct Parsed {
    pub status: u16,
    pub body: Body,
    /// Bytes of the buffer the answer takes.
    pub length: usize,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Body {
    Plain(Range<usize>),
    Joined(Vec<u8>),
}

/// The answer at the start of `buffer`, or `None` while some of it is missing.
///
/// Starts again at the first byte on each call: answers come in one or two
/// reads, and a head of a few lines costs less than the state to resume it.
pub fn parse(buffer: &[u8]) -> Result<Option<Parsed>> {
    if buffer.len() > ANSWER_BYTES_MAX {
        return Err(malformed("it is over 8 MiB"));
    }
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let start = match head.parse(buffer) {
        Ok(httparse::Status::Complete(start)) => start,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(malformed(&error.to_string())),
    };
    let status = head.code.unwrap_or(0);
    let framing = if status == 204 || status == 304 { Framing::Length(0) } else { framing(head.headers)? };
    Ok(match framing {
        Framing::Length(bytes) => {
            let end = start + bytes;
            (buffer.len() >= end).then_some(Parsed { status, body: Body::Plain(start..end), length: end })
        }
        Framing::Chunked => join_chunks(buffer, start)?.map(|(body, length)| Parsed {
            status,
            body: Body::Joined(body),
            length,
        }),
    })
}

enum Framing {
    Length(usize),
    Chunked,
}

fn framing(headers: &[httparse::Header<'_>]) -> Result<Framing> {
    for header in headers {
        if header.name.eq_ignore_ascii_case("content-length") {
            let bytes = std::str::from_utf8(header.value).ok().and_then(|text| text.trim().parse().ok());
            return bytes
                .filter(|bytes| *bytes <= ANSWER_BYTES_MAX)
                .map(Framing::Length)
                .ok_or_else(|| malformed("bad Content-Length"));
        }
        if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Ok(Framing::Chunked);
        }
    }
    Err(malformed("it has neither Content-Length nor Transfer-Encoding, so the connection cannot be kept"))
}

fn join_chunks(buffer: &[u8], start: usize) -> Result<Option<(Vec<u8>, usize)>> {
    let mut chunks: Vec<Range<usize>> = Vec::new();
    let mut at = start;
    loop {
        let (head, size) = match httparse::parse_chunk_size(&buffer[at..]) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(malformed("bad chunk size")),
        };
        let size = usize::try_from(size)
            .ok()
            .filter(|size| *size <= ANSWER_BYTES_MAX)
            .ok_or_else(|| malformed("a chunk is over 8 MiB"))?;
        let data = at + head;
        let end = data + size;
        // Each chunk ends in CRLF; the last is empty, and no subject sends trailers.
        match buffer.get(end..end + 2) {
            None => return Ok(None),
            Some(b"\r\n") => at = end + 2,
            Some(_) => return Err(malformed("a chunk does not end in CRLF")),
        }
        if size == 0 {
            let body = chunks.iter().flat_map(|range| &buffer[range.clone()]).copied().collect();
            return Ok(Some((body, at)));
        }
        chunks.push(data..end);
    }
}

fn malformed(why: &str) -> Error {
    Error::Answer(format!("malformed HTTP: {why}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn body_of(buffer: &[u8]) -> Vec<u8> {
        match parse(buffer).unwrap().unwrap().body {
            Body::Plain(range) => buffer[range].to_vec(),
            Body::Joined(bytes) => bytes,
        }
    }

    #[test]
    fn content_length() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhelloREST";
        let parsed = parse(answer).unwrap().unwrap();
        assert_eq!((parsed.status, parsed.length), (200, answer.len() - 4));
        assert_eq!(body_of(answer), b"hello");
    }

    #[test]
    fn no_content() {
        let answer = b"HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n";
        let parsed = parse(answer).unwrap().unwrap();
        assert_eq!((parsed.status, parsed.length), (204, answer.len()));
        assert_eq!(body_of(answer), b"");
    }

    #[test]
    fn chunked() {
        let answer =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(body_of(answer), b"abc0123456789");
        assert_eq!(parse(answer).unwrap().unwrap().length, answer.len());
    }

    #[test]
    fn every_prefix_is_partial() {
        for answer in [
            &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"[..],
            &b"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabc"[..],
        ] {
            for end in 0..answer.len() {
                assert_eq!(parse(&answer[..end]).unwrap(), None, "{end} bytes");
            }
            assert_eq!(body_of(answer), b"abc");
        }
    }

    #[test]
    fn refuses_what_cannot_be_framed() {
        for answer in [
            &b"HTTP/1.1 200 OK\r\n\r\n"[..],
            &b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n"[..],
            &b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"[..],
            &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc"[..],
            &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"[..],
            &b"nonsense\r\n\r\n"[..],
        ] {
            assert!(parse(answer).is_err(), "{}", String::from_utf8_lossy(answer));
        }
    }

    #[test]
    fn a_wrong_status_is_quoted() {
        let answer = Answer { status: 403, body: b"gone" };
        let error = answer.text(200).unwrap_err().to_string();
        assert!(error.contains("403") && error.contains("gone"), "{error}");
    }
}
