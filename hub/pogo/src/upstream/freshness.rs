//! What an answer says of itself (RFC 9110, RFC 9111): how to ask whether it has changed, when, and who may see it.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// An answer's `Date` is so much later than its `Last-Modified` where that is a validator: of a date that is younger
/// there may be another state of the same second (RFC 9110, section 8.8.2.2).
const STRONG_AFTER: Duration = Duration::from_secs(2);

/// Validators, lifetime and audience of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Freshness {
    pub(crate) etag: Option<HeaderValue>,
    /// Only where it tells states apart.
    pub(crate) last_modified: Option<HeaderValue>,
    /// From now, by `Cache-Control`.
    pub(crate) lifetime: Option<Duration>,
    /// Whoever asks is answered this.
    pub(crate) public: bool,
    /// It says that it is not for everybody, in whatever words.
    pub(crate) closed: bool,
}

impl Freshness {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let (mut public, mut closed) = (false, false);
        let (mut max_age, mut shared_max_age, mut never) = (None, None, false);
        for directive in words(headers, &header::CACHE_CONTROL) {
            let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
            let seconds = value.trim().trim_matches('"').parse().ok().map(Duration::from_secs);
            match name.trim().to_ascii_lowercase().as_str() {
                "public" => public = true,
                "private" | "no-store" => closed = true,
                "no-cache" => never = true,
                "max-age" => max_age = seconds,
                "s-maxage" => shared_max_age = seconds,
                _ => {}
            }
        }
        // An answer that depends on who asks is nobody else's, whatever else it says.
        closed |= words(headers, &header::VARY).any(|name| {
            ["*", "authorization", "cookie", "x-forwarded-for"]
                .iter()
                .any(|own| name.eq_ignore_ascii_case(own))
        });
        closed |= headers.contains_key(header::SET_COOKIE);
        let age = headers.get(header::AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok());
        let age = Duration::from_secs(age.unwrap_or(0));
        let lifetime = shared_max_age.or(max_age).map(|lifetime: Duration| lifetime.saturating_sub(age));
        Self {
            etag: headers.get(header::ETAG).cloned(),
            last_modified: headers.get(header::LAST_MODIFIED).filter(|_| is_strong(headers)).cloned(),
            lifetime: lifetime.filter(|_| !never),
            public: public && !closed,
            closed,
        }
    }
}

/// Whether `Last-Modified` is a strong validator; never without `Date`.
fn is_strong(headers: &HeaderMap) -> bool {
    let date = |name| httpdate::parse_http_date(headers.get(name)?.to_str().ok()?.trim()).ok();
    let (date, modified) = (date(header::DATE), date(header::LAST_MODIFIED));
    let after = date.zip(modified).and_then(|(date, modified)| date.duration_since(modified).ok());
    after.is_some_and(|after| after >= STRONG_AFTER)
}

fn words<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|text| text.split(',')).map(str::trim).filter(|word| !word.is_empty())
}

/// `Retry-After`, in seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(std::time::SystemTime::now()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(list: &[(&'static str, &'static str)]) -> Freshness {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(*name, HeaderValue::from_static(value));
        }
        Freshness::of(&headers)
    }

    #[test]
    fn public_is_only_what_says_so_and_nothing_against_it() {
        assert!(of(&[("cache-control", "max-age=5, Public")]).public);
        for headers in [
            vec![],
            vec![("cache-control", "max-age=5")],
            vec![("cache-control", "public, private")],
            vec![("cache-control", "public"), ("cache-control", "no-store")],
            vec![("cache-control", "public"), ("vary", "accept, Authorization")],
            vec![("cache-control", "public"), ("vary", "*")],
            vec![("cache-control", "public"), ("vary", "Cookie")],
            vec![("cache-control", "public"), ("set-cookie", "a=b")],
            vec![("cache-control", "publicity")],
        ] {
            assert!(!of(&headers).public, "{headers:?}");
        }
    }

    #[test]
    fn dates_that_tell_states_apart() {
        let modified = ("last-modified", "Sat, 21 Nov 2026 21:00:10 GMT");
        let is_kept = |date: Option<&'static str>| {
            let date = date.map(|date| ("date", date));
            of(&[modified].into_iter().chain(date).collect::<Vec<_>>()).last_modified.is_some()
        };
        assert!(is_kept(Some("Sat, 21 Nov 2026 21:00:12 GMT")));
        assert!(!is_kept(Some("Sat, 21 Nov 2026 21:00:11 GMT")));
        assert!(!is_kept(Some("Sat, 21 Nov 2026 20:59:00 GMT")));
        assert!(!is_kept(Some("today")));
        assert!(!is_kept(None));
    }

    #[test]
    fn lifetimes() {
        let seconds = |list: &[_]| of(list).lifetime.map(|lifetime| lifetime.as_secs());
        assert_eq!(seconds(&[("cache-control", "max-age=60")]), Some(60));
        assert_eq!(seconds(&[("cache-control", "max-age=60, s-maxage=7")]), Some(7));
        assert_eq!(seconds(&[("cache-control", "max-age=\"60\""), ("age", "20")]), Some(40));
        assert_eq!(seconds(&[("cache-control", "max-age=10"), ("age", "20")]), Some(0));
        assert_eq!(seconds(&[("cache-control", "no-cache, max-age=10")]), None);
        assert_eq!(seconds(&[("cache-control", "max-age=x")]), None);
        assert_eq!(seconds(&[]), None);
    }
}
