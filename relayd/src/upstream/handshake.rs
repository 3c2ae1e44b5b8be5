//! The opening handshake as a client (RFC 6455, section 4.1), over hyper: its buffers go when it is over, while a
//! WebSocket library's would stay with every idle upstream.

use aws_lc_rs::rand;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use polysocket_outbound::UpstreamStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::Dial;

/// The answer's head may be as large as this; hyper's smallest.
const HEAD_BYTES_MAX: usize = 8 * 1024;
const USER_AGENT: &str = concat!("polysocket/", env!("CARGO_PKG_VERSION"));

/// The connection after the handshake.
pub(super) struct Shaken {
    pub(super) stream: UpstreamStream,
    /// What the upstream said right behind its handshake.
    pub(super) ahead: Bytes,
    pub(super) protocol: String,
}

/// How a target refuses.
#[derive(Debug)]
pub(super) enum Refused {
    Http(hyper::Error),
    Status(StatusCode),
    Header(&'static str),
    NoProtocol,
    OtherProtocol,
    Request,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Http(error) => write!(f, "the handshake failed: {error}"),
            Self::Status(status) => write!(f, "the target answered {status} instead of 101"),
            Self::Header(name) => write!(f, "the target's `{name}` header is missing or wrong"),
            Self::NoProtocol => f.write_str("the target chose none of the offered subprotocols"),
            Self::OtherProtocol => f.write_str("the target chose a subprotocol that was not offered"),
            Self::Request => f.write_str("the request cannot be written"),
        }
    }
}

pub(super) async fn shake_hands(stream: UpstreamStream, dial: &Dial) -> Result<Shaken, Refused> {
    let key = nonce();
    let request = request(dial, &key).ok_or(Refused::Request)?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(Refused::Http)?;
    let connection = connection.with_upgrades();
    tokio::pin!(connection);
    let answer = sender.send_request(request);
    tokio::pin!(answer);
    // Both are polled until there is an answer; the connection alone cannot bring one once it has ended.
    let mut ended = false;
    let response = loop {
        tokio::select! {
            response = &mut answer => break response.map_err(Refused::Http)?,
            end = &mut connection, if !ended => {
                end.map_err(Refused::Http)?;
                ended = true;
            }
        }
    };
    check(&response, &key)?;
    let protocol = chosen_protocol(response.headers(), &dial.protocols)?;
    let upgrade = hyper::upgrade::on(response);
    let upgraded = if ended {
        upgrade.await
    } else {
        let (upgraded, end) = tokio::join!(upgrade, connection);
        end.map_err(Refused::Http)?;
        upgraded
    };
    let parts = upgraded.map_err(Refused::Http)?.downcast::<TokioIo<UpstreamStream>>();
    let parts = parts.map_err(|_| Refused::Header("upgrade"))?;
    Ok(Shaken { stream: parts.io.into_inner(), ahead: parts.read_buf, protocol })
}

fn nonce() -> String {
    let mut bytes = [0u8; 16];
    // Without randomness the key is constant, which only weakens the check against caches.
    let _ = rand::fill(&mut bytes);
    let mut text = Vec::with_capacity(24);
    polysocket_protocol::binary::write(&mut text, &bytes);
    String::from_utf8(text).unwrap_or_default()
}

fn request(dial: &Dial, key: &str) -> Option<Request<Empty<Bytes>>> {
    let mut builder = Request::get(dial.target.request_target())
        .header(header::HOST, dial.target.host())
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, key)
        .header(header::USER_AGENT, USER_AGENT);
    if !dial.protocols.is_empty() {
        builder = builder.header(header::SEC_WEBSOCKET_PROTOCOL, dial.protocols.join(", "));
    }
    if let Some(origin) = &dial.origin {
        builder = builder.header(header::ORIGIN, origin);
    }
    builder.body(Empty::new()).ok()
}

/// RFC 6455, section 4.1, the client's checks 1 to 5. No redirects, as browsers follow none.
fn check<B>(response: &Response<B>, key: &str) -> Result<(), Refused> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(Refused::Status(response.status()));
    }
    let headers = response.headers();
    if !has_token(headers.get(header::UPGRADE), "websocket") {
        return Err(Refused::Header("upgrade"));
    }
    if !headers.get_all(header::CONNECTION).iter().any(|value| has_token(Some(value), "upgrade")) {
        return Err(Refused::Header("connection"));
    }
    if headers.get(header::SEC_WEBSOCKET_ACCEPT).map(HeaderValue::as_bytes)
        != Some(derive_accept_key(key.as_bytes()).as_bytes())
    {
        return Err(Refused::Header("sec-websocket-accept"));
    }
    if headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
        // We offered none.
        return Err(Refused::Header("sec-websocket-extensions"));
    }
    Ok(())
}

fn has_token(value: Option<&HeaderValue>, token: &str) -> bool {
    value
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
}

/// The chosen subprotocol. Like browsers, offering some and getting none fails, as does getting another.
fn chosen_protocol(headers: &HeaderMap, offered: &[String]) -> Result<String, Refused> {
    let mut chosen = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    match (chosen.next(), chosen.next()) {
        (None, _) if offered.is_empty() => Ok(String::new()),
        (None, _) => Err(Refused::NoProtocol),
        (Some(one), None) => match one.to_str() {
            Ok(one) if offered.iter().any(|offer| offer == one.trim()) => Ok(one.trim().to_owned()),
            _ => Err(Refused::OtherProtocol),
        },
        (Some(_), Some(_)) => Err(Refused::OtherProtocol),
    }
}
