//! A URL that may be dialled, parsed once.

use std::fmt;
use std::net::IpAddr;

use polysocket_protocol::Word;
use url::{Host, Position, Url};

use crate::name;

/// Bytes of a target, as given and as sent: what every browser and proxy takes as a URL.
pub const TARGET_BYTES_MAX: usize = 2048;

/// A URL that may be dialled: `ws` or `wss` (or `http`, `https`), with a host, without user and fragment.
///
/// It is parsed by the URL standard, as browsers do, so `ws://0x7f.1` *is* `ws://127.0.0.1`; whoever looks
/// at it later sees the one meaning. `Debug` and `Display` show no path and no query: they may hold secrets.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Target {
    url: Url,
}

/// Why a text is no target. The client's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Longer than [`TARGET_BYTES_MAX`].
    #[error("the target is longer than {TARGET_BYTES_MAX} bytes")]
    TooLong,
    /// Not an absolute URL by the URL standard.
    #[error("the target is not a URL: {0}")]
    NotUrl(#[from] url::ParseError),
    /// Another scheme than those asked for.
    #[error("the target's scheme is not {0}")]
    Scheme(&'static str),
    /// A user, a password, or just the `@`.
    #[error("the target has a user name or password; give them in another way")]
    User,
    /// A `#`, even with nothing after it (RFC 6455 section 3).
    #[error("the target has a fragment; leave out `#` and what follows")]
    Fragment,
    /// A name that no name server could know.
    #[error("the target's host is not a host name")]
    Host,
    /// Port 0.
    #[error("the target's port is 0")]
    PortZero,
}

impl TargetError {
    /// What the client is told.
    pub fn word(&self) -> Word {
        Word::BadTarget
    }
}

impl Target {
    /// Parses a WebSocket URL: `ws` or `wss`.
    pub fn parse(text: &str) -> Result<Self, TargetError> {
        Self::with_scheme(text, ["ws", "wss"], "ws: or wss:")
    }

    /// Parses the URL of a hook or a REST upstream: `http` or `https`.
    pub fn parse_http(text: &str) -> Result<Self, TargetError> {
        Self::with_scheme(text, ["http", "https"], "http: or https:")
    }

    fn with_scheme(text: &str, schemes: [&str; 2], shown: &'static str) -> Result<Self, TargetError> {
        if text.len() > TARGET_BYTES_MAX {
            return Err(TargetError::TooLong);
        }
        let url = Url::parse(text)?;
        if !schemes.contains(&url.scheme()) {
            return Err(TargetError::Scheme(shown));
        }
        if has_user(text) || !url.username().is_empty() || url.password().is_some() {
            return Err(TargetError::User);
        }
        if url.fragment().is_some() {
            return Err(TargetError::Fragment);
        }
        if let Some(Host::Domain(domain)) = url.host()
            && !name::is_valid(name::without_trailing_dot(domain))
        {
            return Err(TargetError::Host);
        }
        if url.port_or_known_default().is_none_or(|port| port == 0) {
            return Err(TargetError::PortZero);
        }
        // Escaping can make it three times as long.
        if url.as_str().len() > TARGET_BYTES_MAX {
            return Err(TargetError::TooLong);
        }
        Ok(Self { url })
    }

    /// Whether it is dialled with TLS.
    pub fn secure(&self) -> bool {
        matches!(self.url.scheme(), "wss" | "https")
    }

    /// `ws`, `wss`, `http` or `https`.
    pub fn scheme(&self) -> &str {
        self.url.scheme()
    }

    /// For the `Host` header: the port only when it is not the scheme's, IPv6 in brackets, and a trailing
    /// dot as it was given, as browsers send it.
    pub fn host(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    /// The name to look up, to send as SNI and to verify: lower case, punycode, no trailing dot. For an
    /// address its text without brackets.
    pub fn host_name(&self) -> &str {
        let host = self.url.host_str().unwrap_or_default();
        match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(address) => address,
            None => name::without_trailing_dot(host),
        }
    }

    /// The address, where the host is one and not a name. IPv4-mapped IPv6 as IPv4.
    pub fn address(&self) -> Option<IpAddr> {
        match self.url.host()? {
            Host::Domain(_) => None,
            Host::Ipv4(v4) => Some(IpAddr::V4(v4)),
            Host::Ipv6(v6) => Some(IpAddr::V6(v6).to_canonical()),
        }
    }

    /// 1 to 65535; the scheme's when none was given.
    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or_default()
    }

    /// The path, at least `/`, without the query.
    pub fn path(&self) -> &str {
        self.url.path()
    }

    /// Path and query for the request line: visible ASCII, starting with `/`.
    pub fn request_target(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }

    /// Scheme, host and port: what may be logged.
    pub fn origin(&self) -> &str {
        &self.url[..Position::BeforePath]
    }

    /// All of it, in the one spelling of the URL standard. May hold secrets.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.origin())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.origin())
    }
}

/// Whether there is an `@` before the host. The parser drops an empty user (`ws://@host`) without a trace,
/// and such a URL has no honest use.
fn has_user(text: &str) -> bool {
    let Some((_, rest)) = text.split_once(':') else { return false };
    // Any number of slashes of either kind, and of characters that the parser skips, is before the host.
    let authority = rest.trim_start_matches(['/', '\\', '\t', '\n', '\r']);
    authority.split(['/', '\\', '?', '#']).next().is_some_and(|authority| authority.contains('@'))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    struct Parts {
        text: &'static str,
        host: &'static str,
        host_name: &'static str,
        port: u16,
        request_target: &'static str,
    }

    const fn parts(
        text: &'static str,
        host: &'static str,
        host_name: &'static str,
        port: u16,
        request_target: &'static str,
    ) -> Parts {
        Parts { text, host, host_name, port, request_target }
    }

    #[test]
    fn parts_as_they_are_sent() {
        let table = [
            // The original's tests, and what it left open.
            parts("ws://example.com/chat?x=1", "example.com", "example.com", 80, "/chat?x=1"),
            parts("wss://example.com/chat", "example.com", "example.com", 443, "/chat"),
            parts("wss://example.com:9001/", "example.com:9001", "example.com", 9001, "/"),
            parts("ws://example.com", "example.com", "example.com", 80, "/"),
            parts("ws://example.com?", "example.com", "example.com", 80, "/?"),
            parts("ws://example.com?q", "example.com", "example.com", 80, "/?q"),
            parts("WSS://EXAMPLE.com:443/A", "example.com", "example.com", 443, "/A"),
            parts("ws://example.com:443/", "example.com:443", "example.com", 443, "/"),
            parts("ws://example.com.:8080/", "example.com.:8080", "example.com", 8080, "/"),
            parts("ws://[2001:DB8:0:0::1]:81/x", "[2001:db8::1]:81", "2001:db8::1", 81, "/x"),
            parts("ws://[::1]/", "[::1]", "::1", 80, "/"),
            parts("ws://例え.jp/é?ü", "xn--r8jz45g.jp", "xn--r8jz45g.jp", 80, "/%C3%A9?%C3%BC"),
            parts("ws://example.com:65535/", "example.com:65535", "example.com", 65535, "/"),
            parts("ws://example.com/a/../b/%2e%2e/c", "example.com", "example.com", 80, "/c"),
            parts("  ws://exa\tmple.com/\n", "example.com", "example.com", 80, "/"),
            parts("ws://example.com/a b\"<>", "example.com", "example.com", 80, "/a%20b%22%3C%3E"),
            parts(
                "ws://example.com/user@home?mail=a@b",
                "example.com",
                "example.com",
                80,
                "/user@home?mail=a@b",
            ),
            // The spellings of 127.0.0.1 are all one.
            parts("ws://127.1/", "127.0.0.1", "127.0.0.1", 80, "/"),
            parts("ws://2130706433:81/", "127.0.0.1:81", "127.0.0.1", 81, "/"),
            parts("ws://0x7F000001/", "127.0.0.1", "127.0.0.1", 80, "/"),
            parts("ws://0177.0.0.1/", "127.0.0.1", "127.0.0.1", 80, "/"),
            parts("ws://127.0.0.1./", "127.0.0.1", "127.0.0.1", 80, "/"),
            parts("ws://１２７.0.0.1/", "127.0.0.1", "127.0.0.1", 80, "/"),
            parts("ws://127。0。0。1/", "127.0.0.1", "127.0.0.1", 80, "/"),
        ];
        for Parts { text, host, host_name, port, request_target } in table {
            let target = Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(target.host(), host, "{text}");
            assert_eq!(target.host_name(), host_name, "{text}");
            assert_eq!(target.port(), port, "{text}");
            assert_eq!(target.request_target(), request_target, "{text}");
            assert_eq!(target.secure(), text.trim().to_lowercase().starts_with("wss"), "{text}");
        }
    }

    #[test]
    fn what_is_no_target() {
        let long = format!("ws://example.com/{}", "a".repeat(TARGET_BYTES_MAX));
        let long_when_escaped = format!("ws://example.com/{}", "é".repeat(400));
        let long_label = format!("ws://{}.com/", "a".repeat(64));
        let table: [(&str, TargetError); 24] = [
            ("http://example.com/", TargetError::Scheme("ws: or wss:")),
            ("https://example.com/", TargetError::Scheme("ws: or wss:")),
            ("javascript:alert(1)", TargetError::Scheme("ws: or wss:")),
            ("file:///etc/passwd", TargetError::Scheme("ws: or wss:")),
            ("ws://user@example.com/", TargetError::User),
            ("ws://user:secret@example.com/", TargetError::User),
            ("ws://:secret@example.com/", TargetError::User),
            ("ws://@example.com/", TargetError::User),
            ("ws:\\\\@example.com/", TargetError::User),
            ("ws://example.com@127.0.0.1/", TargetError::User),
            ("ws://example.com/#x", TargetError::Fragment),
            ("ws://example.com/#", TargetError::Fragment),
            ("ws://example.com:0/", TargetError::PortZero),
            ("ws://example.com:65536/", TargetError::NotUrl(url::ParseError::InvalidPort)),
            ("ws://", TargetError::NotUrl(url::ParseError::EmptyHost)),
            ("ws:///?x", TargetError::NotUrl(url::ParseError::EmptyHost)),
            ("/chat", TargetError::NotUrl(url::ParseError::RelativeUrlWithoutBase)),
            ("", TargetError::NotUrl(url::ParseError::RelativeUrlWithoutBase)),
            ("ws://foo.1/", TargetError::NotUrl(url::ParseError::InvalidIpv4Address)),
            ("ws://[fe80::1%25eth0]/", TargetError::NotUrl(url::ParseError::InvalidIpv6Address)),
            ("ws://a..b/", TargetError::Host),
            (&long, TargetError::TooLong),
            (&long_when_escaped, TargetError::TooLong),
            (&long_label, TargetError::Host),
        ];
        for (text, error) in table {
            assert_eq!(Target::parse(text), Err(error), "{text}");
            assert_eq!(error.word(), Word::BadTarget);
        }
    }

    #[test]
    fn hooks_are_http() {
        let target = Target::parse_http("https://example.com/hook").unwrap();
        assert!(target.secure());
        assert_eq!((target.host(), target.port()), ("example.com", 443));
        assert_eq!(Target::parse_http("http://example.com").unwrap().port(), 80);
        assert_eq!(Target::parse_http("wss://example.com"), Err(TargetError::Scheme("http: or https:")));
    }

    #[test]
    fn logs_show_neither_path_nor_query() {
        let target = Target::parse("wss://example.com:81/secret?token=secret").unwrap();
        assert_eq!(format!("{target} {target:?}"), "wss://example.com:81 Target(wss://example.com:81)");
    }

    proptest! {
        #[test]
        fn any_text_is_a_sound_target_or_none(text in "(ws|wss|WS|http)?:?[/\\\\]{0,3}[ -~\\PC]{0,40}") {
            if let Ok(target) = Target::parse(&text) {
                prop_assert!(target.request_target().starts_with('/'));
                prop_assert!(target.request_target().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert!(target.host().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert!(!target.host().contains(['@', '/', '?', '#']));
                prop_assert!(target.port() > 0);
                // What the router sends on, the relay reads in the same way.
                prop_assert_eq!(Target::parse(target.as_str()), Ok(target));
            }
        }
    }
}
