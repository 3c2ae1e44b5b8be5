//! Messages in JSON (PROTOCOL section 5), as polls and event streams carry them.

use serde_json::Value;

use super::base64;
use super::unit::{Close, Kind, Unit};

/// What can stand in `messages` or in the data of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Down {
    /// A numbered unit.
    Unit(Unit),
    /// Not numbered.
    Heartbeat,
    /// What has arrived going up; event streams only.
    Ack(u64),
    /// The end of an event stream.
    End,
}

/// Reads one message; the error says which rule it breaks.
pub fn message(json: &Value) -> Result<Down, String> {
    let text = |name: &str| {
        json[name].as_str().map(String::from).ok_or_else(|| format!("a message has no {name}: {json}"))
    };
    let more = match &json["more"] {
        Value::Null => false,
        Value::Bool(more) => *more,
        other => return Err(format!("more is {other}")),
    };
    let part = |kind, data: Vec<u8>| Down::Unit(Unit::Part { kind, data: data.into(), more });
    Ok(match json["type"].as_str().unwrap_or_default() {
        "text" => part(Kind::Text, text("data")?.into_bytes()),
        "binary" => {
            let data = text("data")?;
            part(Kind::Binary, base64::decode(&data).ok_or_else(|| format!("not base64: {data}"))?)
        }
        "heartbeat" => Down::Heartbeat,
        "end" => Down::End,
        "ack" => Down::Ack(json["ack"].as_u64().ok_or_else(|| format!("an ack has no number: {json}"))?),
        "open" => Down::Unit(Unit::Open { protocol: text("protocol")?, extensions: text("extensions")? }),
        "close" => {
            let code = json["code"].as_u64().and_then(|code| u16::try_from(code).ok());
            Down::Unit(Unit::Close(Close {
                code: code.ok_or_else(|| format!("a close has no code: {json}"))?,
                reason: text("reason")?,
                clean: json["wasClean"]
                    .as_bool()
                    .ok_or_else(|| format!("a close has no wasClean: {json}"))?,
                error: json["error"].as_str().map(String::from),
            }))
        }
        other => return Err(format!("a message has the unknown type {other:?}")),
    })
}

/// The answer of a poll.
#[derive(Clone, Debug, PartialEq)]
pub struct Polled {
    /// Number of the first unit, or of the next to come.
    pub seq: u64,
    /// What has arrived going up.
    pub ack: u64,
    /// Units, or one heartbeat, or nothing.
    pub messages: Vec<Down>,
}

/// Reads the answer of a poll that was told `v=1`.
pub fn polled(json: &Value) -> Result<Polled, String> {
    let number =
        |name: &str| json[name].as_u64().ok_or_else(|| format!("a poll's answer has no {name}: {json}"));
    let messages =
        json["messages"].as_array().ok_or_else(|| format!("a poll's answer has no messages: {json}"))?;
    Ok(Polled {
        seq: number("seq")?,
        ack: number("ack")?,
        messages: messages.iter().map(message).collect::<Result<_, _>>()?,
    })
}

/// The refusal in an answer: its word, if `ok` is false.
pub fn refusal(json: &Value) -> Option<&str> {
    (json["ok"] != true).then(|| json["code"].as_str().unwrap_or("no code"))
}

/// The status that belongs to a word of PROTOCOL section 4, where a status can be read.
pub fn status_of(code: &str) -> Option<u16> {
    Some(match code {
        "bad" | "invalid-text" => 400,
        "gone" => 403,
        "closed" | "window" | "gap" | "conflict" => 409,
        "too-big" => 413,
        "busy" => 503,
        _ => return None,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_messages_of_section_5() {
        let answer = json!({ "ok": true, "seq": 2, "ack": 1, "messages": [
            { "type": "open", "protocol": "chat", "extensions": "" },
            { "type": "binary", "data": "YWJj", "more": true },
            { "type": "heartbeat" },
            { "type": "close", "code": 1000, "reason": "bye", "wasClean": true },
        ] });
        let polled = polled(&answer).unwrap();
        assert_eq!((polled.seq, polled.ack, polled.messages.len()), (2, 1, 4));
        let part = Unit::Part { kind: Kind::Binary, data: "abc".into(), more: true };
        assert_eq!(polled.messages[1], Down::Unit(part));
        assert_eq!(refusal(&answer), None);
    }

    #[test]
    fn messages_that_break_a_rule_are_refused() {
        for bad in [
            json!({ "type": "text" }),
            json!({ "type": "binary", "data": "!" }),
            json!({ "type": "close", "code": 1000, "reason": "" }),
            json!({ "type": "text", "data": "", "more": 1 }),
            json!({ "type": "news" }),
        ] {
            assert!(message(&bad).is_err(), "{bad}");
        }
    }
}
