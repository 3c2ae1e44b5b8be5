//! Encodings of an envelope: JSON or MessagePack, with long or short names. The subprotocol says which.

use std::io::Write;

use bytes::Bytes;
use polysocket_socket::{binary_frame, text_frame};
use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::names::Name;

/// How envelopes of a connection are written, both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Codec {
    /// MessagePack in binary messages; else JSON in text messages.
    pub(crate) binary: bool,
    /// Single characters for names.
    pub(crate) short: bool,
}

/// Subprotocols, by their names in `Sec-WebSocket-Protocol`.
const SUBPROTOCOLS: [(&str, Codec); 4] = [
    ("pogo.json", Codec { binary: false, short: false }),
    ("pogo.json.short", Codec { binary: false, short: true }),
    ("pogo.msgpack", Codec { binary: true, short: false }),
    ("pogo.msgpack.short", Codec { binary: true, short: true }),
];

impl Codec {
    /// The first of the offered subprotocols that is known.
    pub(crate) fn choose<'a>(offered: impl Iterator<Item = &'a str>) -> Option<(&'static str, Self)> {
        let known = |offer: &str| SUBPROTOCOLS.into_iter().find(|(name, _)| *name == offer);
        offered.flat_map(|list| list.split(',')).find_map(|offer| known(offer.trim()))
    }
}

/// The value of a member.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Field<'a> {
    Text(&'a str),
    Number(u64),
    /// JSON that has been checked, as it is.
    Json(&'a [u8]),
}

/// Members in order.
pub(crate) type Fields<'a> = [(Name, Field<'a>)];

/// An envelope as a WebSocket frame.
pub(crate) fn encode(fields: &Fields<'_>, codec: Codec) -> Bytes {
    if codec.binary {
        // Only of what was parsed as JSON, so nothing here can fail to be written.
        let packed = rmp_serde::to_vec(&Packed(fields, codec.short)).unwrap_or_default();
        binary_frame(&packed)
    } else {
        text_frame(&json(fields, codec.short))
    }
}

/// An envelope as JSON text.
pub(crate) fn json(fields: &Fields<'_>, short: bool) -> Vec<u8> {
    let length: usize = fields.iter().map(|(_, field)| field.length_about()).sum();
    let mut out = Vec::with_capacity(length + 16 * fields.len());
    for (index, (name, field)) in fields.iter().enumerate() {
        out.push(if index == 0 { b'{' } else { b',' });
        write_text(&mut out, name.text(short));
        out.push(b':');
        match field {
            Field::Text(text) => write_text(&mut out, text),
            Field::Number(number) => {
                let _ = write!(out, "{number}");
            }
            Field::Json(json) => out.extend_from_slice(json),
        }
    }
    out.push(b'}');
    out
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    // A Vec takes everything.
    let _ = serde_json::to_writer(out, text);
}

impl Field<'_> {
    fn length_about(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + 2,
            Self::Number(_) => 20,
            Self::Json(json) => json.len(),
        }
    }
}

struct Packed<'a>(&'a Fields<'a>, bool);

impl Serialize for Packed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, field) in self.0 {
            let name = name.text(self.1);
            match field {
                Field::Text(text) => map.serialize_entry(name, text)?,
                Field::Number(number) => map.serialize_entry(name, number)?,
                Field::Json(json) => {
                    let value: Value = serde_json::from_slice(json).map_err(S::Error::custom)?;
                    map.serialize_entry(name, &value)?;
                }
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_encodings_of_one_envelope() {
        let fields = [
            (Name::Event, Field::Text("a\"b")),
            (Name::Seq, Field::Number(7)),
            (Name::Data, Field::Json(b"{\"n\":12345678901234567890123}")),
        ];
        let long = br#"{"event":"a\"b","seq":7,"data":{"n":12345678901234567890123}}"#;
        assert_eq!(json(&fields, false), long, "numbers stay what they were");
        assert_eq!(json(&fields, true), br#"{"e":"a\"b","q":7,"d":{"n":12345678901234567890123}}"#);
        let fields = [(Name::Status, Field::Text("ok")), (Name::Data, Field::Json(b"[1,null]"))];
        let frame = encode(&fields, Codec { binary: true, short: true });
        assert_eq!(&frame[..], b"\x82\x0b\x82\xa1t\xa2ok\xa1d\x92\x01\xc0");
        assert_eq!(&encode(&fields, Codec::default())[..2], b"\x81\x1f");
    }

    #[test]
    fn the_first_known_subprotocol_is_taken() {
        let choose = |offer: &'static str| Codec::choose(std::iter::once(offer));
        assert_eq!(choose("chat"), None);
        let msgpack = Codec { binary: true, short: false };
        assert_eq!(choose("chat, pogo.msgpack ,pogo.json"), Some(("pogo.msgpack", msgpack)));
    }
}
