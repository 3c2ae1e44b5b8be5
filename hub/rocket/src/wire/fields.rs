//! The fields of an action, and their types.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::id::Id;
use super::reason::{Dialect, Reason};
use super::text::Text;

/// The fields any action has; others are not looked at.
const NAMES: [&str; 11] =
    ["user", "secret", "token", "channel", "event", "client", "data", "id", "since", "presence", "epoch"];

/// An action's object: its fields as they came, and the whole of it.
#[derive(Debug, Default)]
pub(crate) struct Fields<'a> {
    values: [Option<&'a RawValue>; NAMES.len()],
    whole: &'a str,
}

/// `authenticate`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) secret: String,
    /// It wants to know its token.
    pub(crate) wants_token: bool,
}

/// From where a subscription goes on: `"since":{"epoch":E,"offset":N}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Resume {
    pub(crate) epoch: String,
    pub(crate) offset: u64,
}

/// Which messages of a channel, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Since {
    /// Those to come, as the original.
    Plain,
    /// Those to come, with their offsets.
    Now,
    /// With their offsets, first what was missed.
    Then(Resume),
}

/// What a member tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appearance<'a> {
    /// JSON.
    pub(crate) data: Option<&'a str>,
}

/// `subscribe`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Subscribe<'a> {
    pub(crate) channel: String,
    pub(crate) since: Since,
    /// It is seen by others and sees them.
    pub(crate) presence: Option<Appearance<'a>>,
}

/// `broadcast`. Subscribers get `whole`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broadcast<'a> {
    pub(crate) channel: String,
    pub(crate) whole: &'a str,
}

/// `direct`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Direct<'a> {
    pub(crate) event: String,
    pub(crate) client: String,
    /// JSON.
    pub(crate) data: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// The fields of an object.
    pub(super) fn read(object: &'a RawValue) -> Option<Self> {
        let Values(values) = serde_json::from_str(object.get()).ok()?;
        Some(Self { values, whole: object.get() })
    }

    fn get(&self, name: &str) -> Option<&'a RawValue> {
        NAMES.iter().position(|known| *known == name).and_then(|index| self.values[index])
    }

    fn text(&self, name: &str) -> Option<String> {
        let raw = self.get(name)?;
        serde_json::from_str::<Text<'_>>(raw.get()).ok().map(|Text(text)| text.into_owned())
    }

    fn flag(&self, name: &str) -> Result<bool, Reason> {
        match self.get(name).map(RawValue::get) {
            None | Some("false" | "null") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Reason::Payload),
        }
    }

    pub(crate) fn id(&self) -> Option<Id> {
        self.get("id").and_then(Id::read)
    }

    pub(crate) fn login(&self, dialect: Dialect) -> Result<Login, Reason> {
        let user = self.text("user").ok_or(Reason::UserField)?;
        let secret = match (self.text("secret"), dialect) {
            (Some(secret), _) => secret,
            (None, Dialect::Dev) => String::new(),
            (None, Dialect::Readme) => return Err(Reason::SecretField),
        };
        if user.is_empty() && dialect == Dialect::Dev {
            return Err(Reason::UserField);
        }
        Ok(Login { user, secret, wants_token: self.flag("token")? })
    }

    /// The channel of `subscribe` and `unsubscribe`.
    pub(crate) fn channel(&self) -> Result<String, Reason> {
        self.text("channel").filter(|channel| !channel.is_empty()).ok_or(Reason::ChannelField)
    }

    pub(crate) fn subscribe(&self) -> Result<Subscribe<'a>, Reason> {
        let channel = self.channel()?;
        let since = match self.get("since").map(RawValue::get) {
            None => Since::Plain,
            Some("null") => Since::Now,
            Some(json) => Since::Then(serde_json::from_str(json).map_err(|_| Reason::Payload)?),
        };
        let presence = self.flag("presence")?;
        let presence = presence.then(|| Appearance { data: self.get("data").map(RawValue::get) });
        Ok(Subscribe { channel, since, presence })
    }

    pub(crate) fn broadcast(&self, dialect: Dialect) -> Result<Broadcast<'a>, Reason> {
        let event = self.text("event").ok_or(Reason::EventField)?;
        if event.is_empty() && dialect == Dialect::Dev {
            return Err(Reason::EventField);
        }
        let channel = self.text("channel").ok_or(Reason::ChannelField)?;
        if channel.is_empty() {
            return Err(Reason::EmptyChannel);
        }
        Ok(Broadcast { channel, whole: self.whole })
    }

    pub(crate) fn direct(&self, dialect: Dialect) -> Result<Direct<'a>, Reason> {
        let event = self.text("event").ok_or(Reason::EventField)?;
        if event.is_empty() && dialect == Dialect::Dev {
            return Err(Reason::EventField);
        }
        let client = self.text("client").ok_or(Reason::ClientField)?;
        Ok(Direct { event, client, data: self.get("data").map(RawValue::get) })
    }
}

/// Of a field that is there twice the later value holds.
struct Values<'a>([Option<&'a RawValue>; NAMES.len()]);

impl<'de> Deserialize<'de> for Values<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Known;
        impl<'de> Visitor<'de> for Known {
            type Value = Values<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut values = [None; NAMES.len()];
                while let Some(Text(name)) = map.next_key()? {
                    match NAMES.iter().position(|known| *known == name) {
                        Some(index) => values[index] = Some(map.next_value()?),
                        None => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(Values(values))
            }
        }
        deserializer.deserialize_map(Known)
    }
}

#[cfg(test)]
#[allow(clippy::redundant_closure_for_method_calls, reason = "the methods themselves are of one lifetime")]
mod tests {
    use super::*;
    use crate::wire::Request;

    fn fields<T>(text: &str, read: impl FnOnce(&Fields<'_>) -> T) -> T {
        read(&Request::read(text).expect("a request").fields)
    }

    #[test]
    fn login() {
        let read = |object: &str, dialect| {
            fields(&format!(r#"{{"authenticate":{object}}}"#), |fields| fields.login(dialect))
        };
        let login = |user: &str, secret: &str, wants_token| {
            Ok(Login { user: user.into(), secret: secret.into(), wants_token })
        };
        let readme = |object: &str| read(object, Dialect::Readme);
        assert_eq!(readme(r#"{"user":"u","secret":"s"}"#), login("u", "s", false));
        assert_eq!(
            readme(r#"{"secret":"s\u0022","user":"ü","token":true,"x":[{}]}"#),
            login("ü", "s\"", true)
        );
        assert_eq!(readme(r#"{"user":"","secret":""}"#), login("", "", false));
        assert_eq!(readme(r#"{"user":"u","user":"v","secret":""}"#), login("v", "", false));
        for object in
            ["{}", r#"{"user":1,"secret":"s"}"#, r#"{"user":null,"secret":"s"}"#, r#"{"secret":"s"}"#]
        {
            assert_eq!(readme(object), Err(Reason::UserField), "{object}");
        }
        for object in [r#"{"user":"u"}"#, r#"{"user":"u","secret":1}"#, r#"{"user":"u","secret":null}"#] {
            assert_eq!(readme(object), Err(Reason::SecretField), "{object}");
            assert_eq!(read(object, Dialect::Dev), login("u", "", false), "{object}");
        }
        assert_eq!(read(r#"{"user":""}"#, Dialect::Dev), Err(Reason::UserField));
        assert_eq!(readme(r#"{"user":"u","secret":"s","token":"yes"}"#), Err(Reason::Payload));
    }

    #[test]
    fn channels() {
        for (object, expected) in [
            (r#"{"channel":"c"}"#, Ok("c")),
            (r#"{"channel":" "}"#, Ok(" ")),
            (r#"{"channel":"\ud83d\ude80"}"#, Ok("🚀")),
            (r#"{"channel":""}"#, Err(Reason::ChannelField)),
            (r#"{"channel":1}"#, Err(Reason::ChannelField)),
            (r#"{"channel":null}"#, Err(Reason::ChannelField)),
            (r#"{"channel":["c"]}"#, Err(Reason::ChannelField)),
            // Half of a surrogate pair is no text.
            (r#"{"channel":"\ud83d"}"#, Err(Reason::ChannelField)),
            ("{}", Err(Reason::ChannelField)),
        ] {
            let found = fields(&format!(r#"{{"unsubscribe":{object}}}"#), |fields| fields.channel());
            assert_eq!(found, expected.map(str::to_owned), "{object}");
        }
    }

    #[test]
    fn subscriptions() {
        let read = |more: &str| {
            let text = format!(r#"{{"subscribe":{{"channel":"c"{more}}}}}"#);
            fields(&text, |fields| {
                let read = fields.subscribe();
                read.map(|sub| (sub.since, sub.presence.map(|shown| shown.data.map(str::to_owned))))
            })
        };
        assert_eq!(read(""), Ok((Since::Plain, None)));
        assert_eq!(read(r#","since":null"#), Ok((Since::Now, None)));
        let resume = Resume { epoch: "e".into(), offset: 7 };
        assert_eq!(read(r#","since":{"epoch":"e","offset":7}"#), Ok((Since::Then(resume), None)));
        for since in [
            "1",
            "true",
            "{}",
            r#"{"epoch":"e"}"#,
            r#"{"epoch":1,"offset":1}"#,
            r#"{"epoch":"e","offset":-1}"#,
        ] {
            assert_eq!(read(&format!(r#","since":{since}"#)), Err(Reason::Payload), "{since}");
        }
        assert_eq!(read(r#","presence":true"#), Ok((Since::Plain, Some(None))));
        assert_eq!(
            read(r#","presence":true,"data":{"a":1}"#),
            Ok((Since::Plain, Some(Some(r#"{"a":1}"#.into()))))
        );
        assert_eq!(read(r#","presence":false,"data":1"#), Ok((Since::Plain, None)));
        assert_eq!(read(r#","presence":1"#), Err(Reason::Payload));
    }

    #[test]
    fn broadcasts() {
        let read = |object: &str, dialect| {
            fields(&format!(r#"{{"broadcast":{object}}}"#), |fields| {
                fields
                    .broadcast(dialect)
                    .map(|broadcast| (broadcast.channel.clone(), broadcast.whole.to_owned()))
            })
        };
        for object in [
            r#"{"event":"e","channel":"c","data":{"n":1.0}}"#,
            r#"{ "event" : "" , "channel":"c", "extra":[1e400]}"#,
            r#"{"channel":"c","event":"e"}"#,
        ] {
            assert_eq!(read(object, Dialect::Readme), Ok(("c".into(), object.into())), "{object}");
        }
        for (object, readme, dev) in [
            (r#"{"channel":"c"}"#, Some(Reason::EventField), Some(Reason::EventField)),
            (r#"{"event":1,"channel":""}"#, Some(Reason::EventField), Some(Reason::EventField)),
            (r#"{"event":"","channel":"c"}"#, None, Some(Reason::EventField)),
            (r#"{"event":"e"}"#, Some(Reason::ChannelField), Some(Reason::ChannelField)),
            (r#"{"event":"e","channel":{}}"#, Some(Reason::ChannelField), Some(Reason::ChannelField)),
            (r#"{"event":"e","channel":""}"#, Some(Reason::EmptyChannel), Some(Reason::EmptyChannel)),
        ] {
            assert_eq!(read(object, Dialect::Readme).err(), readme, "{object}");
            assert_eq!(read(object, Dialect::Dev).err(), dev, "{object}");
        }
    }

    #[test]
    fn ids() {
        for (id, taken) in [
            ("7", true),
            ("-1.5e3", true),
            (r#""a\"b""#, true),
            ("null", false),
            ("{}", false),
            ("[1]", false),
            ("true", false),
            (&format!("\"{}\"", "x".repeat(63)), false),
        ] {
            let text = format!(r#"{{"direct":{{"id":{id}}}}}"#);
            let found = fields(&text, |fields| fields.id());
            assert_eq!(found.as_ref().map(Id::as_json), taken.then_some(id), "{id}");
        }
    }
}
