//! Where a request has its token and its channel. Pure.

use http::{HeaderMap, Uri, header};
use percent_encoding::percent_decode_str;

use crate::claims::Asked;

/// The subprotocol that says that the one after it is a token.
pub const BEARER: &str = "bearer";

/// What a request for a WebSocket asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    pub channel: Option<Asked>,
    pub token: TokenIn,
    /// The client knows events, so an error is told and does not end its connection.
    pub events: bool,
    /// From where the outbox is to be replayed.
    pub since: Option<String>,
}

/// Where the token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenIn {
    /// Here: in the path or in `Authorization`.
    Request(String),
    /// Among the subprotocols; the answer has to choose [`BEARER`].
    Protocol(String),
    /// It will be the first message.
    Message,
}

impl Asking {
    /// Reads `/{token}`, `/{channel}/{token}`; and where the token is elsewhere, `/` and `/{channel}`.
    pub fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let query = uri.query().unwrap_or_default();
        let has = |pair: &str| query.split('&').any(|part| part == pair);
        let mut segments = uri.path().strip_prefix('/').unwrap_or(uri.path()).split('/');
        let first = segments.next().unwrap_or_default();
        let token = match bearer_protocol(headers).map(TokenIn::Protocol) {
            None => bearer_header(headers).map(TokenIn::Request),
            some => some,
        };
        let token = token.or_else(|| has("token=message").then_some(TokenIn::Message));
        let (channel, token) = match (token, segments.next()) {
            (Some(token), _) => (Some(first).filter(|first| !first.is_empty()), token),
            (None, Some(second)) => (Some(first), TokenIn::Request(second.to_owned())),
            (None, None) => (None, TokenIn::Request(first.to_owned())),
        };
        let channel = channel.map(|raw| Asked {
            raw: raw.to_owned(),
            decoded: percent_decode_str(raw).decode_utf8().ok().map(String::from),
        });
        let since = query.split('&').find_map(|part| part.strip_prefix("since=")).map(str::to_owned);
        Self { channel, token, events: has("events=1"), since }
    }
}

fn bearer_header(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(BEARER).then(|| token.trim().to_owned())
}

fn bearer_protocol(headers: &HeaderMap) -> Option<String> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let texts: Vec<&str> = values.iter().filter_map(|value| value.to_str().ok()).collect();
    let mut offered = texts.iter().flat_map(|text| text.split(',')).map(str::trim);
    offered.find(|offer| *offer == BEARER)?;
    offered.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn asking(uri: &str, headers: &[(&'static str, &'static str)]) -> Asking {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        Asking::of(&uri.parse().expect("a URI"), &map)
    }

    #[track_caller]
    fn check(uri: &str, headers: &[(&'static str, &'static str)], channel: Option<&str>, token: TokenIn) {
        let found = asking(uri, headers);
        assert_eq!(
            (found.channel.map(|channel| channel.raw).as_deref(), found.token),
            (channel, token),
            "{uri}"
        );
    }

    #[test]
    fn places_of_a_token() {
        let here = |token: &str| TokenIn::Request(token.to_owned());
        check("/a.b.c", &[], None, here("a.b.c"));
        check("/a.b.c?events=1", &[], None, here("a.b.c"));
        check("/chat/a.b.c", &[], Some("chat"), here("a.b.c"));
        check("/chat/a.b.c/and/more", &[], Some("chat"), here("a.b.c"));
        check("/a%20b/a.b.c", &[], Some("a%20b"), here("a.b.c"));
        check("/", &[], None, here(""));
        check("//a.b.c", &[], Some(""), here("a.b.c"));
        check("/", &[("authorization", "Bearer a.b.c")], None, here("a.b.c"));
        check("/chat", &[("authorization", "bearer  a.b.c ")], Some("chat"), here("a.b.c"));
        check("/a.b.c", &[("authorization", "Basic eDp5")], None, here("a.b.c"));
        let protocol = TokenIn::Protocol("a.b.c".to_owned());
        check("/chat", &[("sec-websocket-protocol", "bearer, a.b.c")], Some("chat"), protocol.clone());
        check(
            "/",
            &[("sec-websocket-protocol", "bearer"), ("sec-websocket-protocol", "a.b.c")],
            None,
            protocol,
        );
        check("/a.b.c", &[("sec-websocket-protocol", "chat")], None, here("a.b.c"));
        check("/a.b.c", &[("sec-websocket-protocol", "bearer")], None, here("a.b.c"));
        check("/chat?token=message", &[], Some("chat"), TokenIn::Message);
        check("/?events=1&token=message", &[], None, TokenIn::Message);
    }

    #[test]
    fn wishes() {
        let found = asking("/a%20b/t?events=1&since=5-7", &[]);
        assert!(found.events);
        assert_eq!(found.since.as_deref(), Some("5-7"));
        assert_eq!(found.channel.and_then(|channel| channel.decoded).as_deref(), Some("a b"));
        let found = asking("/%ff/t?events=10", &[]);
        assert!(!found.events && found.since.is_none());
        assert_eq!(found.channel.and_then(|channel| channel.decoded), None);
    }
}
