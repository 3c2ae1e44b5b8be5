//! Origins of pages, and patterns for them.
//!
//! Both are parsed into their parts before they are compared. Comparing text by prefix or suffix is how
//! `https://evilexample.com` and `https://example.com.evil.net` get in where `example.com` was meant.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// The origin of a page, as browsers send it in `Origin` (RFC 6454 §6.2): `https://app.example.com`,
/// `http://[::1]:8080`, or `null` for pages that have none (sandboxed frames, files).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// `null`.
    Opaque,
    /// Scheme, host and port.
    Page {
        /// In lower case.
        scheme: String,
        /// A name in ASCII and lower case, or an address; an IPv6 address with its brackets.
        host: String,
        /// `None` where it is the default of the scheme.
        port: Option<u16>,
    },
}

/// Which pages may use a token: one origin with its exact port (`https://app.example.com`), any name below a
/// domain (`https://*.example.com`, not the domain itself), `null`, or any page (`*`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginPattern {
    /// `*`: any page, also one whose origin is not known.
    Any,
    /// Just this origin.
    Exact(Origin),
    /// Any name that ends in a dot and the host of this origin.
    Below(Origin),
}

const EXPECTED: &str =
    "must be `https://app.example.com`, `https://*.example.com`, `null` or `*`, without a path";

impl Origin {
    /// The origin of a URL, as for the `Referer` of a request that carries no `Origin` (a script request
    /// never does). `None` when it has no scheme, host and port to speak of.
    pub fn of_url(url: &str) -> Option<Self> {
        let origin = Url::parse(url).ok()?.origin();
        if origin.is_tuple() { origin.ascii_serialization().parse().ok() } else { None }
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "null" {
            return Ok(Self::Opaque);
        }
        split(text)
            .filter(|(_, host, _)| host.is_ascii())
            .and_then(|(scheme, host, port)| page(scheme, host, port))
            .ok_or_else(|| "must be an origin like `https://app.example.com`, without a path".to_owned())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opaque => f.write_str("null"),
            Self::Page { scheme, host, port: None } => write!(f, "{scheme}://{host}"),
            Self::Page { scheme, host, port: Some(port) } => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

impl FromStr for OriginPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "*" => return Ok(Self::Any),
            "null" => return Ok(Self::Exact(Origin::Opaque)),
            _ => {}
        }
        let (scheme, host, port) = split(text).ok_or(EXPECTED)?;
        match host.strip_prefix("*.") {
            None => page(scheme, host, port).map(Self::Exact),
            Some(domain) => page(scheme, domain, port).filter(has_name).map(Self::Below),
        }
        .ok_or_else(|| EXPECTED.to_owned())
    }
}

impl OriginPattern {
    /// Whether a page of this origin is meant.
    pub fn matches(&self, origin: &Origin) -> bool {
        match (self, origin) {
            (Self::Any, _) => true,
            (Self::Exact(meant), _) => meant == origin,
            (
                Self::Below(Origin::Page { scheme: meant_scheme, host: domain, port: meant_port }),
                Origin::Page { scheme, host, port },
            ) => {
                let below = host.strip_suffix(domain.as_str()).and_then(|rest| rest.strip_suffix('.'));
                scheme == meant_scheme && port == meant_port && below.is_some_and(|label| !label.is_empty())
            }
            (Self::Below(_), _) => false,
        }
    }
}

/// Scheme, host and port as written; the host not yet looked at.
fn split(text: &str) -> Option<(&str, &str, Option<u16>)> {
    let (scheme, rest) = text.split_once("://")?;
    let after_host =
        if rest.starts_with('[') { rest.find(']')? + 1 } else { rest.find(':').unwrap_or(rest.len()) };
    let (host, port) = rest.split_at(after_host);
    let port = match port {
        "" => None,
        // `parse` alone would also take `+443`.
        port => {
            let digits =
                port.strip_prefix(':').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
            Some(digits.parse().ok()?)
        }
    };
    Some((scheme, host, port))
}

/// Parts that were checked and brought into their one form.
fn page(scheme: &str, host: &str, port: Option<u16>) -> Option<Origin> {
    let scheme = scheme.to_ascii_lowercase();
    let letter_first = scheme.starts_with(|c: char| c.is_ascii_lowercase());
    if !letter_first || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
        return None;
    }
    // `Host` would decode `%2e`. A browser has done so before it sends an origin, so one that has a `%` is
    // none.
    if host.contains(['%', '*']) {
        return None;
    }
    let host = Host::parse(host).ok()?.to_string();
    let default = match scheme.as_str() {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    };
    Some(Origin::Page { scheme, host, port: port.filter(|port| Some(*port) != default) })
}

/// There is nothing below an address.
fn has_name(origin: &Origin) -> bool {
    matches!(origin, Origin::Page { host, .. } if matches!(Host::parse(host), Ok(Host::Domain(_))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let parsed: OriginPattern = pattern.parse().unwrap();
        for origin in yes {
            assert!(parsed.matches(&origin.parse().unwrap()), "{pattern} should match {origin}");
        }
        for origin in no {
            let matched = origin.parse().is_ok_and(|origin| parsed.matches(&origin));
            assert!(!matched, "{pattern} should not match {origin}");
        }
    }

    #[test]
    fn one_origin_with_its_port() {
        check(
            "https://app.example.com",
            &["https://app.example.com", "https://APP.example.com", "HTTPS://app.example.com:443"],
            &[
                "http://app.example.com",
                "https://app.example.com:8443",
                "https://example.com",
                "https://x.app.example.com",
                "https://app.example.com.evil.net",
                "https://app.example.com.",
                "https://app.example.com/",
                "https://app.example.com@evil.net",
                "https://user@app.example.com",
                "null",
                "",
            ],
        );
        check(
            "http://localhost:5173",
            &["http://localhost:5173"],
            &["http://localhost", "https://localhost:5173"],
        );
        check(
            "http://[::1]:80",
            &["http://[::1]", "http://[0:0:0:0:0:0:0:1]"],
            &["http://[::2]", "http://[::1]:81"],
        );
        check("https://bücher.example", &["https://xn--bcher-kva.example"], &["https://bucher.example"]);
        check("capacitor://localhost", &["capacitor://localhost"], &["http://localhost"]);
    }

    #[test]
    fn names_below_a_domain() {
        check(
            "https://*.example.com",
            &["https://a.example.com", "https://b.a.example.com", "https://A.Example.Com"],
            &[
                "https://example.com",
                "https://evilexample.com",
                "https://.example.com",
                "https://a.example.com.evil.net",
                "https://example.com.evil.net",
                "http://a.example.com",
                "https://a.example.com:444",
                "null",
            ],
        );
        check("https://*.example.com:8443", &["https://a.example.com:8443"], &["https://a.example.com"]);
    }

    #[test]
    fn any_and_null() {
        check("*", &["https://a.example.com", "null"], &[]);
        check("null", &["null"], &["https://null", "https://a.example.com"]);
    }

    #[test]
    fn refuses_what_could_mean_more_than_was_meant() {
        for text in [
            "",
            "example.com",
            "https://",
            "https://*",
            "*://a.example.com",
            "https://*example.com",
            "https://a.*.com",
            "https://*.*.com",
            "https://*.",
            "https://*.10.0.0.1",
            "https://*.[::1]",
            "https://a.example.com/",
            "https://a.example.com/x",
            "https://a.example.com?x",
            "https://a b.example",
            "https://u@a.example.com",
            "https://a.example.com:",
            "https://a.example.com:+443",
            "https://a.example.com:99999",
            "https://a.example.com:443:443",
            "https://%61.example.com",
            "1http://a.example.com",
            "Null",
            "https://a.example.com\n",
        ] {
            assert!(text.parse::<OriginPattern>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_origin_of_a_referer() {
        assert_eq!(
            Origin::of_url("https://A.example.com:443/x?y#z").unwrap().to_string(),
            "https://a.example.com"
        );
        assert_eq!(
            Origin::of_url("http://u:p@a.example.com:81/").unwrap().to_string(),
            "http://a.example.com:81"
        );
        for url in ["", "a.example.com", "data:text/html,x", "file:///etc/passwd", "about:blank"] {
            assert_eq!(Origin::of_url(url), None, "{url}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_reads_back_what_it_writes(text in "\\PC{0,40}", host in "[a-zA-Z0-9.-]{1,20}", port: u16) {
            for candidate in [text, format!("https://{host}:{port}"), format!("https://{host}")] {
                let _ = candidate.parse::<OriginPattern>();
                if let Ok(origin) = candidate.parse::<Origin>() {
                    prop_assert_eq!(origin.to_string().parse::<Origin>().unwrap(), origin);
                }
            }
        }
    }
}
