//! What the scripted server does, told by the path and query that the client asks for. Pure.
//!
//! | path | then |
//! | --- | --- |
//! | `/echo` | echoes; the text `close CODE REASON` closes, `die` resets |
//! | `/duplex?seed=S&send=N&expect=M&close=target` | sends N messages of a seed and judges M; closes itself, or waits |
//! | `/number?count=N` | sends the texts 1 to N |
//! | `/fragments` | sends one text in fragments of one byte, with pings between them |
//! | `/ping?count=N` | sends N pings |
//! | `/close?code=C&reason=R` | closes at once; without `code` with an empty body |
//! | `/deaf` | echoes, and never answers a close |
//! | `/stalled` | never reads again after its handshake |
//! | `/bad?frame=NAME` | sends an invalid frame: see [`BadFrame`] |
//! | `/die?how=rst` or `fin` | sends one message and half of another, and dies |
//! | `/refuse?status=403` | refuses the handshake; with `to` it redirects there |
//! | `/hang` | reads the handshake and never answers |
//! | `/half` | answers with half a handshake |
//!
//! With `protocol=NAME` the server chooses that subprotocol, offered or not, and with `protocol=none` none;
//! otherwise it chooses the first that is offered.

use bytes::Bytes;

use crate::client::url::parameter;
use crate::websocket::{Frame, opcode};

/// The invalid things that a server can send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadFrame {
    /// A reserved opcode.
    Opcode,
    /// Text that is not UTF-8.
    Utf8,
    /// A close reason that is not UTF-8.
    ReasonUtf8,
    /// A reserved bit without an extension.
    ReservedBit,
    /// A ping of more than 125 bytes.
    LongControl,
    /// A ping in fragments.
    FragmentedControl,
    /// A masked frame.
    Masked,
    /// A continuation of nothing.
    Continuation,
    /// A new message within a fragmented one.
    Interleaved,
    /// A close body of one byte.
    CloseOneByte,
    /// A close code that must not be on the wire.
    CloseCode(u16),
}

impl BadFrame {
    /// All of them, with the names that `frame` takes.
    pub const ALL: [(&'static str, Self); 13] = [
        ("opcode", Self::Opcode),
        ("utf8", Self::Utf8),
        ("reason-utf8", Self::ReasonUtf8),
        ("reserved-bit", Self::ReservedBit),
        ("long-control", Self::LongControl),
        ("fragmented-control", Self::FragmentedControl),
        ("masked", Self::Masked),
        ("continuation", Self::Continuation),
        ("interleaved", Self::Interleaved),
        ("close-one-byte", Self::CloseOneByte),
        ("close-1005", Self::CloseCode(1005)),
        ("close-1006", Self::CloseCode(1006)),
        ("close-999", Self::CloseCode(999)),
    ];

    /// The frames that are sent.
    pub fn frames(self) -> Vec<Frame> {
        let text = Frame::new(opcode::TEXT, "text");
        let ping = Frame::new(opcode::PING, "ping");
        vec![match self {
            Self::Opcode => Frame::new(0x3, "?"),
            Self::Utf8 => Frame::new(opcode::TEXT, Bytes::from_static(&[b'a', 0xc3, 0x28])),
            Self::ReasonUtf8 => Frame::new(opcode::CLOSE, Bytes::from_static(&[0x03, 0xe8, 0xff])),
            Self::ReservedBit => Frame { rsv: 4, ..text },
            Self::LongControl => Frame::new(opcode::PING, vec![0; 126]),
            Self::FragmentedControl => Frame { fin: false, ..ping },
            Self::Masked => text.masked(),
            Self::Continuation => Frame::new(opcode::CONTINUATION, "?"),
            Self::Interleaved => return vec![Frame { fin: false, ..text.clone() }, text],
            Self::CloseOneByte => Frame::new(opcode::CLOSE, Bytes::from_static(&[3])),
            Self::CloseCode(code) => Frame::close(Some(code), ""),
        }]
    }
}

/// What the handshake and the connection after it do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Script {
    Echo { answers_close: bool },
    Duplex { seed: u64, send: u64, expect: u64, closes: bool },
    Number { count: u64 },
    Fragments,
    Ping { count: u64 },
    Close { code: Option<u16>, reason: String },
    Stalled,
    Bad(BadFrame),
    Die { reset: bool },
    Refuse { status: u16, to: Option<String> },
    Hang,
    Half,
}

impl Script {
    /// Reads path and query; an unknown path is refused with 404, as servers do.
    pub fn parse(target: &str) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let number = |name: &str| parameter(query, name).and_then(|value| value.parse().ok()).unwrap_or(0);
        match path {
            "/" | "/echo" => Self::Echo { answers_close: true },
            "/deaf" => Self::Echo { answers_close: false },
            "/duplex" => Self::Duplex {
                seed: number("seed"),
                send: number("send"),
                expect: number("expect"),
                closes: parameter(query, "close").as_deref() == Some("target"),
            },
            "/number" => Self::Number { count: number("count") },
            "/fragments" => Self::Fragments,
            "/ping" => Self::Ping { count: number("count") },
            "/close" => Self::Close {
                code: parameter(query, "code").and_then(|code| code.parse().ok()),
                reason: parameter(query, "reason").unwrap_or_default(),
            },
            "/stalled" => Self::Stalled,
            "/die" => Self::Die { reset: parameter(query, "how").as_deref() != Some("fin") },
            "/hang" => Self::Hang,
            "/half" => Self::Half,
            "/refuse" => {
                let status = u16::try_from(number("status")).unwrap_or(0);
                Self::Refuse { status: if status == 0 { 403 } else { status }, to: parameter(query, "to") }
            }
            "/bad" => {
                let name = parameter(query, "frame").unwrap_or_default();
                let known = BadFrame::ALL.iter().find(|(known, _)| *known == name);
                known.map_or(Self::Refuse { status: 404, to: None }, |(_, frame)| Self::Bad(*frame))
            }
            _ => Self::Refuse { status: 404, to: None },
        }
    }
}

/// The subprotocol that is chosen.
pub(super) fn protocol(target: &str, offered: Option<&str>) -> Option<String> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    match parameter(query, "protocol") {
        Some(none) if none == "none" => None,
        Some(forced) => Some(forced),
        None => offered.and_then(|list| list.split(',').next()).map(|first| first.trim().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_says_what_happens() {
        assert_eq!(
            Script::parse("/close?code=3001&reason=a%20b"),
            Script::Close { code: Some(3001), reason: "a b".into() }
        );
        assert_eq!(Script::parse("/bad?frame=masked"), Script::Bad(BadFrame::Masked));
        assert_eq!(Script::parse("/nowhere"), Script::Refuse { status: 404, to: None });
        assert_eq!(Script::parse("/refuse"), Script::Refuse { status: 403, to: None });
    }

    #[test]
    fn the_subprotocol_is_the_first_offered_unless_forced() {
        assert_eq!(protocol("/echo", Some("chat, other")).as_deref(), Some("chat"));
        assert_eq!(protocol("/echo?protocol=none", Some("chat")), None);
        assert_eq!(protocol("/echo?protocol=wrong", None).as_deref(), Some("wrong"));
    }
}
