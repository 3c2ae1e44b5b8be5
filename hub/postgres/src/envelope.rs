//! What is written to the database, and to clients for reasons of our own. Pure.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::Wire;

/// A notification's payload has at most so many bytes; PostgreSQL refuses 8,000.
pub const PAYLOAD_BYTES_MAX: usize = 7_999;

/// When a message was taken: in the claims of the current form.
const DELIVERED_AT: &str = "message_delivered_at";

/// A client's envelope with everything in it that does not change from message to message.
#[derive(Debug, Clone)]
pub struct Envelope {
    wire: Wire,
    /// The claims as JSON; in the current form without their closing brace.
    claims: String,
}

/// What a client said.
#[derive(Debug, Clone, Copy)]
pub enum Said<'a> {
    /// Text.
    Text(&'a str),
    /// Bytes that are no text.
    Bytes(&'a [u8]),
}

impl Envelope {
    /// With all claims of a token.
    pub fn new(wire: Wire, claims: &Map<String, Value>) -> Self {
        let claims = match wire {
            Wire::Seed => json(claims),
            Wire::Current => {
                let mut claims = claims.clone();
                claims.remove(DELIVERED_AT);
                let mut text = json(&claims);
                text.pop();
                if !claims.is_empty() {
                    text.push(',');
                }
                text
            }
        };
        Self { wire, claims }
    }

    /// A message for the database. `now` is the time since the epoch.
    pub fn message(&self, channel: &str, said: Said<'_>, now: Duration) -> String {
        match self.wire {
            Wire::Seed => format!("{{\"userClaims\":{},\"payload\":{}}}", self.claims, payload(said)),
            Wire::Current => self.event("WebsocketMessage", channel, &payload(said), now),
        }
    }

    /// An event for those who subscribed to the meta channel: always in the current form.
    pub fn meta(
        claims: &Map<String, Value>,
        event: &str,
        channel: &str,
        channels: &[String],
        now: Duration,
    ) -> String {
        Self::new(Wire::Current, claims).event(event, channel, &json(&channels.join(",")), now)
    }

    fn event(&self, event: &str, channel: &str, payload: &str, now: Duration) -> String {
        let channel = json(channel);
        let mut out = String::with_capacity(self.claims.len() + payload.len() + channel.len() + 96);
        let (seconds, micros) = (now.as_secs(), now.subsec_micros());
        let claims = &self.claims;
        let _ = write!(
            out,
            "{{\"claims\":{claims}\"{DELIVERED_AT}\":{seconds}.{micros:06}}},\"event\":\"{event}\",\"payload\":{payload},\"channel\":{channel}}}"
        );
        out
    }
}

/// The JSON string of a message; that of bytes is followed by a key which says how they are written.
fn payload(said: Said<'_>) -> String {
    match said {
        Said::Text(text) => json(text),
        Said::Bytes(bytes) => format!("\"{}\",\"encoding\":\"base64\"", STANDARD.encode(bytes)),
    }
}

/// `{"event":"Gap","channel":…}`: messages may have been lost.
pub fn gap(channel: &str) -> String {
    format!("{{\"event\":\"Gap\",\"channel\":{}}}", json(channel))
}

/// `{"event":"Error","channel":…,"payload":…}`: a message was not passed on.
pub fn error(channel: &str, why: &str) -> String {
    format!("{{\"event\":\"Error\",\"channel\":{},\"payload\":{}}}", json(channel), json(why))
}

/// The `channel` of an envelope: to whom it is routed. None where it is no envelope.
pub fn channel_of(payload: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Routed<'a> {
        #[serde(borrow)]
        channel: Channel<'a>,
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Channel<'a> {
        Name(#[serde(borrow)] Cow<'a, str>),
        Other(IgnoredAny),
    }
    if !payload.trim_start().starts_with('{') {
        return None;
    }
    match serde_json::from_str::<Routed<'_>>(payload).ok()?.channel {
        Channel::Name(name) => Some(name),
        Channel::Other(_) => None,
    }
}

fn json(value: &(impl serde::Serialize + ?Sized)) -> String {
    // Texts and maps with text keys always can be written.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: Duration = Duration::new(1_602_719_440, 727_465_893);

    fn claims(value: &Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    fn read(text: &str) -> Value {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn the_seeds_example() {
        let envelope = Envelope::new(Wire::Seed, &claims(&json!({"channel": "chat", "mode": "rw"})));
        let expected = r#"{"userClaims":{"mode":"rw","channel":"chat"}, "payload": "Hi!"}"#;
        assert_eq!(read(&envelope.message("chat", Said::Text("Hi!"), NOW)), read(expected));
    }

    #[test]
    fn the_current_form_has_four_keys() {
        let envelope =
            Envelope::new(Wire::Current, &claims(&json!({"mode": "rw", "message_delivered_at": 1})));
        let text = envelope.message("a \"b\"", Said::Text("{\"x\":1}\0\n"), NOW);
        let expected = json!({
            "claims": {"mode": "rw", "message_delivered_at": 1_602_719_440.727_465},
            "event": "WebsocketMessage",
            "payload": "{\"x\":1}\0\n",
            "channel": "a \"b\"",
        });
        assert_eq!(read(&text), expected);
        assert!(text.contains("\\u0000"), "{text}");
        let empty = Envelope::new(Wire::Current, &Map::new());
        assert_eq!(
            read(&empty.message("c", Said::Text(""), NOW))["claims"]["message_delivered_at"],
            1_602_719_440.727_465
        );
    }

    #[test]
    fn bytes_are_told_apart() {
        let envelope = Envelope::new(Wire::Seed, &Map::new());
        let expected = json!({"userClaims": {}, "payload": "AP8=", "encoding": "base64"});
        assert_eq!(read(&envelope.message("c", Said::Bytes(&[0, 255]), NOW)), expected);
    }

    #[test]
    fn events() {
        let meta = Envelope::meta(
            &claims(&json!({"mode": "r"})),
            "ConnectionOpen",
            "info",
            &["a".into(), "b c".into()],
            NOW,
        );
        let expected = json!({
            "claims": {"mode": "r", "message_delivered_at": 1_602_719_440.727_465},
            "event": "ConnectionOpen",
            "payload": "a,b c",
            "channel": "info",
        });
        assert_eq!(read(&meta), expected);
        assert_eq!(read(&gap("a\"b")), json!({"event": "Gap", "channel": "a\"b"}));
        assert_eq!(read(&error("c", "no")), json!({"event": "Error", "channel": "c", "payload": "no"}));
    }

    #[test]
    fn who_is_meant() {
        for (payload, expected) in [
            (r#"{"channel":"chat","payload":"x"}"#, Some("chat")),
            (r#" {"a":[1,{"channel":"no"}],"channel":"a\u00fc\"b"}"#, Some("aü\"b")),
            (r#"{"channel":5}"#, None),
            (r#"{"payload":"x"}"#, None),
            (r#"["channel"]"#, None),
            ("chat", None),
            ("", None),
            (r#"{"channel":"chat""#, None),
        ] {
            assert_eq!(channel_of(payload).as_deref(), expected, "{payload}");
        }
    }
}
