//! What crosses a bridge, as each protocol has it. Pure.

use bytes::Bytes;
use polysocket_broker::Kind;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::End;

/// An outcome: one of the ends has no such messages.
pub(super) const UNFIT: &str = "unfit";
/// An outcome: a broadcast that this bridge is not for.
pub(super) const OTHER_EVENT: &str = "other-event";

/// A message on a bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    kind: Kind,
    payload: Bytes,
}

/// What Rocket broadcasts.
#[derive(Deserialize)]
struct Broadcast<'a> {
    event: String,
    #[serde(borrow, default)]
    data: Option<&'a RawValue>,
}

impl Message {
    /// Of what was published at `from`, or the outcome if this bridge does not take it.
    pub(super) fn read(from: &End, event: &str, kind: Kind, payload: Bytes) -> Result<Self, &'static str> {
        match from {
            End::Rocket { .. } => {
                let broadcast: Broadcast<'_> = serde_json::from_slice(&payload).map_err(|_| UNFIT)?;
                if !event.is_empty() && broadcast.event != event {
                    return Err(OTHER_EVENT);
                }
                let data = broadcast.data.map_or("null", RawValue::get);
                Ok(Self { kind: Kind::Text, payload: Bytes::copy_from_slice(data.as_bytes()) })
            }
            End::Gockets(_) | End::Postgres(_) => Ok(Self { kind, payload }),
        }
    }

    /// As it is published at `to`; none if that cannot take it.
    pub(super) fn write(self, to: &End, event: &str) -> Option<(Kind, Bytes)> {
        match to {
            End::Rocket { channel, .. } => {
                let event = if event.is_empty() { "message" } else { event };
                let text = self.text()?;
                // What is no JSON is a text, which is JSON with quotes.
                let quoted;
                let data = if serde_json::from_str::<&RawValue>(text).is_ok() {
                    text
                } else {
                    quoted = serde_json::Value::from(text).to_string();
                    &quoted
                };
                Some((Kind::Text, polysocket_rocket::broadcast_payload(event, channel, Some(data)).into()))
            }
            End::Gockets(_) => Some((self.kind, self.payload)),
            // Notifications are text.
            End::Postgres(_) => self.text().is_some().then_some((self.kind, self.payload)),
        }
    }

    fn text(&self) -> Option<&str> {
        if self.kind == Kind::Text { std::str::from_utf8(&self.payload).ok() } else { None }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KEY: &str = "gockets:0123456789abcdef0123456789abcdef";

    type Crossed = Result<(Kind, String), &'static str>;

    fn cross(from: &str, to: &str, event: &str, kind: Kind, payload: &'static str) -> Crossed {
        let message =
            Message::read(&from.parse().unwrap(), event, kind, Bytes::from_static(payload.as_bytes()))?;
        let (kind, payload) = message.write(&to.parse().unwrap(), event).ok_or(UNFIT)?;
        Ok((kind, String::from_utf8(payload.to_vec()).unwrap()))
    }

    #[test]
    fn data_crosses_and_gets_an_event() {
        let text = |text: &str| Ok((Kind::Text, text.to_owned()));
        let said = r#"{"event":"said","channel":"a","data":{"n": 1}}"#;
        assert_eq!(cross("rocket:/x:a", KEY, "", Kind::Text, said), text(r#"{"n": 1}"#));
        assert_eq!(cross("rocket:/x:a", KEY, "said", Kind::Text, said), text(r#"{"n": 1}"#));
        assert_eq!(cross("rocket:/x:a", KEY, "heard", Kind::Text, said), Err(OTHER_EVENT));
        assert_eq!(cross("rocket:/x:a", KEY, "", Kind::Text, r#"{"event":"e","channel":"a"}"#), text("null"));
        assert_eq!(
            cross(KEY, "rocket:/x:b:c", "", Kind::Text, "[1,2]"),
            text(r#"{"event":"message","channel":"b:c","data":[1,2]}"#)
        );
        assert_eq!(
            cross(KEY, "rocket:/x:b", "hook", Kind::Text, "say \"hi\""),
            text(r#"{"event":"hook","channel":"b","data":"say \"hi\""}"#)
        );
    }

    #[test]
    fn bytes_have_no_place_in_rocket_and_postgres() {
        assert_eq!(cross(KEY, "rocket:/x:b", "", Kind::Binary, "x"), Err(UNFIT));
        assert_eq!(cross(KEY, "postgres:b", "", Kind::Binary, "x"), Err(UNFIT));
        assert_eq!(cross(KEY, "postgres:b", "", Kind::Text, "x"), Ok((Kind::Text, "x".into())));
        let other = "gockets:ffffffffffffffffffffffffffffffff";
        assert_eq!(cross(KEY, other, "", Kind::Binary, "x"), Ok((Kind::Binary, "x".into())));
    }
}
