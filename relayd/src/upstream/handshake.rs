//! The opening handshake as a client (RFC 6455, section 4.1). Its buffers go when it is over, while a WebSocket
//! library's would stay with every idle upstream, and it costs a tenth of what an HTTP client costs.

use aws_lc_rs::rand;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use polysocket_outbound::UpstreamStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::Dial;

/// The answer's head may be as large as this, bytes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Most are smaller than this, bytes.
const HEAD_BYTES: usize = 512;
/// And have fewer headers than this; others are refused.
const HEADERS_MAX: usize = 64;
const USER_AGENT: &str = concat!("polysocket/", env!("CARGO_PKG_VERSION"));

/// The connection after the handshake.
pub(super) struct Shaken {
    pub(super) stream: UpstreamStream,
    /// What the upstream said right behind its handshake.
    pub(super) ahead: Vec<u8>,
    pub(super) protocol: String,
}

/// How a target refuses.
#[derive(Debug)]
pub(super) enum Refused {
    Broken(std::io::Error),
    NoHead(&'static str),
    Status(StatusCode),
    Header(&'static str),
    NoProtocol,
    OtherProtocol,
    Request,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken(error) => write!(f, "the connection broke in the handshake: {error}"),
            Self::NoHead(why) => write!(f, "the target did not answer the handshake: {why}"),
            Self::Status(status) => write!(f, "the target answered {status} instead of 101"),
            Self::Header(name) => write!(f, "the target's `{name}` header is missing or wrong"),
            Self::NoProtocol => f.write_str("the target chose none of the offered subprotocols"),
            Self::OtherProtocol => f.write_str("the target chose a subprotocol that was not offered"),
            Self::Request => f.write_str("the request cannot be written"),
        }
    }
}

pub(super) async fn shake_hands(mut stream: UpstreamStream, dial: &Dial) -> Result<Shaken, Refused> {
    let key = nonce();
    let request = request(dial, &key).ok_or(Refused::Request)?;
    stream.write_all(&request).await.map_err(Refused::Broken)?;
    stream.flush().await.map_err(Refused::Broken)?;
    let mut received = Vec::with_capacity(HEAD_BYTES);
    let (response, length) = loop {
        if let Some(head) = parse(&received)? {
            break head;
        }
        if received.len() >= HEAD_BYTES_MAX {
            return Err(Refused::NoHead("its head is longer than 8 KiB"));
        }
        if stream.read_buf(&mut received).await.map_err(Refused::Broken)? == 0 {
            return Err(Refused::NoHead("it hung up"));
        }
    };
    check(&response, &key)?;
    let protocol = chosen_protocol(response.headers(), &dial.protocols)?;
    Ok(Shaken { stream, ahead: received.split_off(length), protocol })
}

/// The answer's head and its length, when it is whole.
fn parse(received: &[u8]) -> Result<Option<(Response<()>, usize)>, Refused> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let length = match head.parse(received) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Refused::NoHead("it does not speak HTTP")),
    };
    let malformed = Refused::NoHead("a header is malformed");
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(head.code.unwrap_or_default())
        .map_err(|_| Refused::NoHead("its status is none"))?;
    for header in head.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes());
        let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(header.value)) else {
            return Err(malformed);
        };
        response.headers_mut().append(name, value);
    }
    Ok(Some((response, length)))
}

fn nonce() -> String {
    let mut bytes = [0u8; 16];
    // Without randomness the key is constant, which only weakens the check against caches.
    let _ = rand::fill(&mut bytes);
    let mut text = Vec::with_capacity(24);
    polysocket_protocol::binary::write(&mut text, &bytes);
    String::from_utf8(text).unwrap_or_default()
}

/// The request, unless something in it is no header value: nothing from outside may add a line to it.
fn request(dial: &Dial, key: &str) -> Option<Vec<u8>> {
    let mut out = format!("GET {} HTTP/1.1\r\n", dial.target.request_target()).into_bytes();
    let mut add = |name: HeaderName, value: &str| -> Option<()> {
        let value = HeaderValue::from_str(value).ok()?;
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
        Some(())
    };
    add(header::HOST, dial.target.host())?;
    add(header::CONNECTION, "Upgrade")?;
    add(header::UPGRADE, "websocket")?;
    add(header::SEC_WEBSOCKET_VERSION, "13")?;
    add(header::SEC_WEBSOCKET_KEY, key)?;
    add(header::USER_AGENT, USER_AGENT)?;
    if !dial.protocols.is_empty() {
        add(header::SEC_WEBSOCKET_PROTOCOL, &dial.protocols.join(", "))?;
    }
    if let Some(origin) = &dial.origin {
        add(header::ORIGIN, origin)?;
    }
    out.extend_from_slice(b"\r\n");
    Some(out)
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
