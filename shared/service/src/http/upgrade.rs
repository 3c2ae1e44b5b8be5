//! The server's side of a WebSocket's opening handshake (RFC 6455, section 4.2).

use ::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use thiserror::Error;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// Why a request does not become a WebSocket. The text is for its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotAWebSocket {
    /// It does not ask for one, or not for version 13.
    #[error("this is the address of a WebSocket")]
    NotAsked,
    /// It came by a protocol whose connections cannot change (HTTP/2).
    #[error("this connection cannot become a WebSocket")]
    NoUpgrade,
}

/// A handshake that is well: the answer, and what the connection becomes once that is written. A subprotocol is the
/// caller's to add.
pub struct Handshake {
    /// `101`, complete: it has no body.
    pub response: Response<()>,
    /// The connection, later.
    pub upgrade: OnUpgrade,
}

impl Handshake {
    /// Checks what is asked.
    pub fn of<B>(request: &mut Request<B>) -> Result<Self, NotAWebSocket> {
        let accept = accept(request.headers()).ok_or(NotAWebSocket::NotAsked)?;
        let upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or(NotAWebSocket::NoUpgrade)?;
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        Ok(Self { response, upgrade })
    }
}

fn accept(headers: &HeaderMap) -> Option<HeaderValue> {
    let has = |name: HeaderName, word: &str| {
        let values = headers.get_all(name);
        let mut texts = values.iter().filter_map(|value| value.to_str().ok());
        texts.any(|text| text.split(',').any(|part| part.trim().eq_ignore_ascii_case(word)))
    };
    let asked = has(header::UPGRADE, "websocket")
        && has(header::CONNECTION, "upgrade")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| asked)?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&'static str, &'static str)]) -> Request<()> {
        let mut request = Request::new(());
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        request
    }

    #[test]
    fn what_asks_for_one_has_all_four_headers() {
        let good = [
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "WebSocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        // The example of RFC 6455, section 1.3.
        let value = accept(request(&good).headers()).expect("accepted");
        assert_eq!(value, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        for missing in 0..good.len() {
            let mut less = good.to_vec();
            less.remove(missing);
            let refused = Handshake::of(&mut request(&less)).err();
            assert_eq!(refused, Some(NotAWebSocket::NotAsked), "without {}", good[missing].0);
        }
        assert_eq!(Handshake::of(&mut request(&good)).err(), Some(NotAWebSocket::NoUpgrade));
    }
}
