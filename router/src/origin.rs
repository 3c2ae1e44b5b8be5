//! From which page a request comes, and whether that page may read the answer.

use http::{HeaderMap, HeaderValue, header};
use polysocket_tokens::{Origin, OriginPattern};

/// The longest origin that is believed. A name has at most 253 bytes; scheme and port are short.
const ORIGIN_BYTES_MAX: usize = 512;

/// The page's origin as its browser says it: `Origin`, else the origin of `Referer`, as a script request has no
/// `Origin`. Never a parameter, since a page could put anything there.
pub(crate) fn of_request(headers: &HeaderMap) -> Option<String> {
    let origin: Origin = match headers.get(header::ORIGIN) {
        Some(origin) => origin.to_str().ok()?.parse().ok()?,
        None => Origin::of_url(headers.get(header::REFERER)?.to_str().ok()?)?,
    };
    Some(origin.to_string()).filter(|text| text.len() <= ORIGIN_BYTES_MAX)
}

/// CORS: the `Origin` exactly as it came, if a page of it may read.
pub(crate) fn reader(headers: &HeaderMap, allowed: &[OriginPattern]) -> Option<HeaderValue> {
    let value = headers.get(header::ORIGIN)?;
    let origin: Origin = value.to_str().ok()?.parse().ok()?;
    allowed.iter().any(|pattern| pattern.matches(&origin)).then(|| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[(header::HeaderName, &str)]) -> Option<String> {
        let pairs = headers.iter().map(|(name, value)| {
            (name.clone(), HeaderValue::from_bytes(value.as_bytes()).expect("a header value"))
        });
        of_request(&pairs.collect())
    }

    #[test]
    fn origin_before_referer() {
        let (origin, referer) = (header::ORIGIN, header::REFERER);
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[(origin.clone(), "https://A.example:443")]).as_deref(), Some("https://a.example"));
        assert_eq!(
            of(&[(referer.clone(), "http://b.example:81/x?y")]).as_deref(),
            Some("http://b.example:81")
        );
        let both = [(origin.clone(), "https://a.example"), (referer.clone(), "https://b.example/")];
        assert_eq!(of(&both).as_deref(), Some("https://a.example"));
        // A page without an origin of its own is not one with the origin of its referrer.
        let opaque = [(origin.clone(), "null"), (referer.clone(), "https://b.example/")];
        assert_eq!(of(&opaque).as_deref(), Some("null"));
        let unreadable =
            [(origin.clone(), "https://a.example/path"), (referer.clone(), "https://b.example/")];
        assert_eq!(of(&unreadable), None);
        assert_eq!(of(&[(referer, "about:blank")]), None);
        assert_eq!(of(&[(origin, &format!("https://{}.example", "a.".repeat(300)))]), None);
    }
}
