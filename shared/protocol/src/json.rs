//! Messages and answers in JSON, as polls and event streams have them. All text goes through [`jsonp`](crate::jsonp).

use std::io::Write;

use crate::jsonp::write_string;
use crate::{CloseDown, Kind, Unit, Word, binary};

/// Appends one unit as a message: `{"type":…}`.
pub fn write_message(out: &mut Vec<u8>, unit: &Unit) {
    match unit.kind {
        Kind::Text => {
            out.extend_from_slice(br#"{"type":"text","data":"#);
            // Text from upstream was checked when it came in and is cut between characters.
            write_string(out, std::str::from_utf8(&unit.data).unwrap_or_default());
        }
        Kind::Binary => {
            out.extend_from_slice(br#"{"type":"binary","data":""#);
            binary::write(out, &unit.data);
            out.push(b'"');
        }
        Kind::Open => {
            // The payload is the object itself, `{"protocol":…}`.
            out.extend_from_slice(br#"{"type":"open","#);
            out.extend_from_slice(unit.data.get(1..).unwrap_or(b"}"));
            return;
        }
        Kind::Close => {
            return write_close(out, &CloseDown::decode(&unit.data).unwrap_or_else(CloseDown::abnormal));
        }
    }
    out.extend_from_slice(if unit.more { br#","more":true}"# } else { b"}" });
}

fn write_close(out: &mut Vec<u8>, close: &CloseDown) {
    let _ = write!(out, r#"{{"type":"close","code":{},"reason":"#, close.code);
    write_string(out, &close.reason);
    let _ = write!(out, r#","wasClean":{}"#, close.clean);
    if let Some(word) = close.failure {
        let _ = write!(out, r#","error":"{}""#, word.as_str());
    }
    out.push(b'}');
}

/// The payload of `open`.
pub fn open_payload(protocol: &str, extensions: &str) -> Vec<u8> {
    let mut out = br#"{"protocol":"#.to_vec();
    write_string(&mut out, protocol);
    out.extend_from_slice(br#","extensions":"#);
    write_string(&mut out, extensions);
    out.push(b'}');
    out
}

/// The message of a poll whose time is over.
pub const HEARTBEAT: &[u8] = br#"{"type":"heartbeat"}"#;

/// Appends the answer to a poll. `numbers` is `(seq, ack)` for a client that asked for them.
pub fn write_answer<'a>(
    out: &mut Vec<u8>,
    numbers: Option<(u64, u64)>,
    units: impl Iterator<Item = &'a Unit>,
    heartbeat: bool,
) {
    out.extend_from_slice(br#"{"ok":true,"#);
    if let Some((seq, ack)) = numbers {
        let _ = write!(out, r#""seq":{seq},"ack":{ack},"#);
    }
    out.extend_from_slice(br#""messages":["#);
    if heartbeat {
        out.extend_from_slice(HEARTBEAT);
    }
    for (index, unit) in units.enumerate() {
        if index > 0 || heartbeat {
            out.push(b',');
        }
        write_message(out, unit);
    }
    out.extend_from_slice(b"]}");
}

/// Appends the answer to a send.
pub fn write_accepted(out: &mut Vec<u8>, ack: Option<u64>) {
    match ack {
        Some(ack) => {
            let _ = write!(out, r#"{{"ok":true,"ack":{ack}}}"#);
        }
        None => out.extend_from_slice(br#"{"ok":true}"#),
    }
}

/// Appends a refusal; `detail` replaces the word's own sentence, `code` is for clients of `v=1`.
pub fn write_refusal(out: &mut Vec<u8>, word: Word, detail: Option<&str>, code: bool) {
    out.extend_from_slice(br#"{"ok":false,"error":"#);
    write_string(out, &format!("{}: {}", word.as_str(), detail.unwrap_or(word.sentence())));
    if code {
        let _ = write!(out, r#","code":"{}""#, word.as_str());
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn answer(units: &[Unit], numbers: Option<(u64, u64)>) -> String {
        let mut out = Vec::new();
        write_answer(&mut out, numbers, units.iter(), units.is_empty());
        String::from_utf8(out).expect("UTF-8")
    }

    #[test]
    fn messages() {
        let open = Unit::whole(Kind::Open, open_payload("chat", "").into());
        let text = Unit { kind: Kind::Text, more: true, data: Bytes::from_static(b"</a>") };
        let binary = Unit::whole(Kind::Binary, Bytes::from_static(b"\0\x01"));
        assert_eq!(
            answer(&[open, text, binary], Some((1, 0))),
            r#"{"ok":true,"seq":1,"ack":0,"messages":[{"type":"open","protocol":"chat","extensions":""},{"type":"text","data":"\u003c/a\u003e","more":true},{"type":"binary","data":"AAE="}]}"#
        );
        assert_eq!(answer(&[], None), r#"{"ok":true,"messages":[{"type":"heartbeat"}]}"#);
    }

    #[test]
    fn closes() {
        let failed = Unit::whole(Kind::Close, CloseDown::failed(Word::Timeout).encode());
        assert_eq!(
            answer(&[failed], None),
            r#"{"ok":true,"messages":[{"type":"close","code":1006,"reason":"","wasClean":false,"error":"timeout"}]}"#
        );
    }

    #[test]
    fn refusals() {
        let mut out = Vec::new();
        write_refusal(&mut out, Word::Bad, Some("`t` is missing"), true);
        assert_eq!(out, br#"{"ok":false,"error":"bad: `t` is missing","code":"bad"}"#);
    }
}
