//! Plain requests: those that need nothing of HTTP/1.1 but a head and a body that are both there.
//!
//! Polls and sends are nearly all of a relay's requests, and nearly all of them arrive in one piece. They are parsed
//! (by httparse, which hyper uses as well) in a buffer that the thread's connections share, and answered without
//! anything being kept for the connection. Whatever is the least bit special is left to hyper, untouched.

use std::cell::RefCell;

/// A request that was read whole is at most this large; others go to hyper.
pub(crate) const PLAIN_BYTES_MAX: usize = 16 * 1024;
/// Requests with more headers go to hyper.
const HEADERS_MAX: usize = 64;

thread_local! {
    /// What is read into. Nothing in it outlives the poll in which it was read.
    pub(crate) static SCRATCH: RefCell<Box<[u8; PLAIN_BYTES_MAX]>> = RefCell::new(Box::new([0; PLAIN_BYTES_MAX]));
}

/// A whole request. The connection stays open after it.
#[derive(Debug, PartialEq, Eq)]
pub struct PlainRequest<'a> {
    /// `GET` or `POST`.
    pub method: &'a str,
    /// Path and query, beginning with `/`.
    pub target: &'a str,
    /// The `Origin` header.
    pub origin: Option<&'a [u8]>,
    /// The `Referer` header.
    pub referer: Option<&'a [u8]>,
    /// All of the body.
    pub body: &'a [u8],
}

/// Reads a plain request off the front of `bytes`, and how long it is. None: it is not whole, or not plain.
///
/// What is left to hyper, so that there is one judge of everything that could be understood in two ways: other
/// versions and methods, `Transfer-Encoding`, more than one `Origin`, `Referer` or `Content-Length`, or a length that is
/// not just digits, a body on a GET, `Expect`, `Upgrade`, a `Connection` that says more than `keep-alive`, targets in absolute form
/// or with what has no place in one (RFC 3986), heads longer than `head_bytes_max`.
pub(crate) fn read(bytes: &[u8], head_bytes_max: usize) -> Option<(PlainRequest<'_>, usize)> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(head) = request.parse(bytes).ok()? else { return None };
    let method = request.method.filter(|method| matches!(*method, "GET" | "POST"))?;
    let target = request.path.filter(|target| target.starts_with('/'))?;
    let is_wrong = |byte: u8| byte >= 0x80 || matches!(byte, b'"' | b'#' | b'<' | b'>');
    if request.version != Some(1) || head > head_bytes_max || target.bytes().any(is_wrong) {
        return None;
    }
    let (mut origin, mut referer) = (None, None);
    let mut length = None;
    for header in request.headers.iter() {
        let name = header.name;
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        // By length first: most headers are none of these.
        match name.len() {
            6 if is("origin") && origin.replace(header.value).is_some() => return None,
            6 if is("expect") => return None,
            7 if is("upgrade") => return None,
            7 if is("referer") && referer.replace(header.value).is_some() => return None,
            10 if is("connection") && !header.value.eq_ignore_ascii_case(b"keep-alive") => return None,
            14 if is("content-length") => {
                if length.is_some() {
                    return None;
                }
                length = Some(number(header.value)?);
            }
            17 if is("transfer-encoding") => return None,
            _ => {}
        }
    }
    let length = length.unwrap_or(0);
    if method == "GET" && length > 0 {
        return None;
    }
    let end = head.checked_add(length)?;
    let body = bytes.get(head..end)?;
    Some((PlainRequest { method, target, origin, referer, body }, end))
}

fn number(digits: &[u8]) -> Option<usize> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_requests_are_read_and_the_next_is_left() {
        let bytes =
            b"POST /s/x?n=1 HTTP/1.1\r\nHost: a\r\nOrigin: https://p\r\nContent-Length: 3\r\n\r\nabcGET /";
        let (request, length) = read(bytes, 1024).expect("plain");
        let expected = PlainRequest {
            method: "POST",
            target: "/s/x?n=1",
            origin: Some(b"https://p"),
            referer: None,
            body: b"abc",
        };
        assert_eq!((request, &bytes[length..]), (expected, &b"GET /"[..]));
        let idle = b"GET /j/x HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n";
        assert!(read(idle, idle.len()).is_some());
        assert_eq!(read(idle, idle.len() - 1), None, "a longer head than is allowed");
    }

    #[test]
    fn everything_special_is_left_to_hyper() {
        for head in [
            "GET /j/x HTTP/1.0\r\nHost: a",
            "PUT /s/x HTTP/1.1\r\nHost: a",
            "GET http://a/j/x HTTP/1.1\r\nHost: a",
            "GET /j/x HTTP/1.1\r\nHost: a\r\nConnection: close",
            "GET /w/x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket",
            "GET /j/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1",
            "POST /s/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked",
            "POST /s/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1",
            "POST /s/x HTTP/1.1\r\nHost: a\r\nContent-Length: +1",
            "POST /s/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1",
            "POST /s/x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999",
            "POST /s/x HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551615",
            "POST /s/x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1",
            "POST /s/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5",
            "GET /j/x HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\nOrigin: https://b",
            "GET /j/x HTTP/1.1\r\nHost: a\r\nReferer: https://a\r\nReferer: https://a",
            "GET /j/x?d=a#b HTTP/1.1\r\nHost: a",
            "GET /j/x?d=\"a\" HTTP/1.1\r\nHost: a",
            "GET /j/x?d=<a> HTTP/1.1\r\nHost: a",
            "GET /j/x?d=\u{e4} HTTP/1.1\r\nHost: a",
            "garbage",
        ] {
            assert_eq!(read(format!("{head}\r\n\r\nabc").as_bytes(), 1024), None, "{head}");
        }
        let whole = b"POST /s/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
        for cut in 0..whole.len() {
            assert_eq!(read(&whole[..cut], 1024), None, "cut at {cut}");
        }
    }
}
