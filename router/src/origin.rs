//! From which page a request comes, and whether that page may read the answer.

use http::HeaderValue;
use polysocket_tokens::{Origin, OriginPattern};

/// The longest origin that is believed. A name has at most 253 bytes; scheme and port are short.
const ORIGIN_BYTES_MAX: usize = 512;

/// The page's origin as its browser says it: `Origin`, else the origin of `Referer`, as a script request has no
/// `Origin`. Never a parameter, since a page could put anything there.
pub(crate) fn of_request(origin: Option<&[u8]>, referer: Option<&[u8]>) -> Option<String> {
    let origin: Origin = match origin {
        Some(origin) => std::str::from_utf8(origin).ok()?.parse().ok()?,
        None => Origin::of_url(std::str::from_utf8(referer?).ok()?)?,
    };
    Some(origin.to_string()).filter(|text| text.len() <= ORIGIN_BYTES_MAX)
}

/// CORS: the `Origin` exactly as it came, if a page of it may read.
pub(crate) fn reader(origin: Option<&[u8]>, allowed: &[OriginPattern]) -> Option<HeaderValue> {
    let value = HeaderValue::from_bytes(origin?).ok()?;
    let origin: Origin = value.to_str().ok()?.parse().ok()?;
    allowed.iter().any(|pattern| pattern.matches(&origin)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origin_before_referer() {
        let of = |origin: Option<&str>, referer: Option<&str>| {
            of_request(origin.map(str::as_bytes), referer.map(str::as_bytes))
        };
        let is = |origin: Option<&str>, referer: Option<&str>, page: &str| {
            assert_eq!(of(origin, referer).as_deref(), Some(page));
        };
        assert_eq!(of(None, None), None);
        is(Some("https://A.example:443"), None, "https://a.example");
        is(None, Some("http://b.example:81/x?y"), "http://b.example:81");
        is(Some("https://a.example"), Some("https://b.example/"), "https://a.example");
        // A page without an origin of its own is not one with the origin of its referrer.
        is(Some("null"), Some("https://b.example/"), "null");
        assert_eq!(of(Some("https://a.example/path"), Some("https://b.example/")), None);
        assert_eq!(of_request(Some(b"https://\xff.example"), Some(b"https://b.example/")), None);
        assert_eq!(of(None, Some("about:blank")), None);
        assert_eq!(of(Some(&format!("https://{}.example", "a.".repeat(300))), None), None);
    }
}
