//! Encoding of the two kinds of request a page makes.

use std::io::Write as _;

/// Appends a GET.
pub fn get(out: &mut Vec<u8>, host: &str, path: std::fmt::Arguments<'_>) {
    put(out, format_args!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\r\n"));
}

/// Appends a POST, of a type that is CORS-simple as every page's is.
pub fn post(out: &mut Vec<u8>, host: &str, path: std::fmt::Arguments<'_>, body: &[u8]) {
    put(
        out,
        format_args!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n\
             Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ),
    );
    out.extend_from_slice(body);
}

fn put(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("a Vec takes every write");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_says_its_length() {
        let mut out = Vec::new();
        post(&mut out, "h:1", format_args!("/s/{}", 7), b"abc");
        assert_eq!(
            String::from_utf8_lossy(&out),
            "POST /s/7 HTTP/1.1\r\nHost: h:1\r\nAccept: */*\r\n\
             Content-Type: text/plain;charset=UTF-8\r\nContent-Length: 3\r\n\r\nabc"
        );
    }

    #[test]
    fn a_get_has_no_body() {
        let mut out = Vec::new();
        get(&mut out, "h:1", format_args!("/j/x"));
        assert_eq!(String::from_utf8_lossy(&out), "GET /j/x HTTP/1.1\r\nHost: h:1\r\nAccept: */*\r\n\r\n");
    }
}
