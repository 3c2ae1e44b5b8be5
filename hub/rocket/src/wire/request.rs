//! One message of a client: which action, and with which fields.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::fields::Fields;
use super::reason::Reason;
use super::text::Text;

/// What a client may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Authenticate,
    Subscribe,
    Unsubscribe,
    Broadcast,
    Direct,
    Logout,
    Disconnect,
}

/// The names of the actions, as in the documentation and for the metric.
pub(crate) const VERBS: [(&str, Verb); 7] = [
    ("authenticate", Verb::Authenticate),
    ("subscribe", Verb::Subscribe),
    ("unsubscribe", Verb::Unsubscribe),
    ("broadcast", Verb::Broadcast),
    ("direct", Verb::Direct),
    ("logout", Verb::Logout),
    ("disconnect", Verb::Disconnect),
];

impl Verb {
    pub(crate) fn name(self) -> &'static str {
        VERBS[self as usize].0
    }

    /// It says nothing without fields.
    fn needs_fields(self) -> bool {
        !matches!(self, Self::Logout | Self::Disconnect)
    }
}

/// A message that is well formed so far; its fields are not looked at yet.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) verb: Verb,
    pub(crate) fields: Fields<'a>,
}

impl<'a> Request<'a> {
    /// Reads steps 1 and 2 of the order that this module's parent tells.
    pub(crate) fn read(text: &'a str) -> Result<Self, Reason> {
        let Single { name, value } = serde_json::from_str::<Single<'_>>(text).map_err(|_| Reason::Payload)?;
        let is_object = value.get().starts_with('{');
        if !is_object && !matches!(value.get(), "true" | "false") {
            return Err(Reason::Payload);
        }
        let Some((_, verb)) = VERBS.iter().find(|(known, _)| *known == name) else {
            return Err(Reason::UnknownAction(name.into_owned()));
        };
        if verb.needs_fields() && !is_object {
            return Err(Reason::Payload);
        }
        let fields = if is_object { Fields::read(value).ok_or(Reason::Payload)? } else { Fields::default() };
        Ok(Self { verb: *verb, fields })
    }
}

/// An object with one key. The same key twice is one key, and the later value holds, as with the original's maps.
struct Single<'a> {
    name: Cow<'a, str>,
    value: &'a RawValue,
}

impl<'de> Deserialize<'de> for Single<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl<'de> Visitor<'de> for One {
            type Value = Single<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object with one key")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut single: Option<Single<'de>> = None;
                let mut several = false;
                while let Some(Text(name)) = map.next_key()? {
                    match &mut single {
                        Some(first) if first.name != name => {
                            several = true;
                            map.next_value::<IgnoredAny>()?;
                        }
                        _ => single = Some(Single { name, value: map.next_value()? }),
                    }
                }
                single.filter(|_| !several).ok_or_else(|| serde::de::Error::custom("not one key"))
            }
        }
        deserializer.deserialize_map(One)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<Verb, &Reason>) {
        let found = Request::read(text).map(|request| request.verb);
        assert_eq!(found.as_ref().copied(), expected, "{text}");
    }

    #[test]
    fn names_are_in_the_order_of_the_verbs() {
        for (name, verb) in VERBS {
            assert_eq!(verb.name(), name);
        }
    }

    #[test]
    fn what_is_no_message() {
        for text in [
            "",
            " ",
            "{",
            "{}",
            "[]",
            "null",
            "true",
            "1",
            "\"subscribe\"",
            "[{}]",
            "{\"subscribe\"}",
            r#"{"subscribe":{}} x"#,
            r#"{"subscribe":{}}{"logout":true}"#,
            r#"{"logout":true,"disconnect":true}"#,
            r#"{"subscribe":{},"x":1}"#,
            r#"{"subscribe":{"channel":"a"}"#,
            "{'logout':true}",
            "{\"logout\":true,}",
            // The value must be an object or a boolean, also of what nobody knows.
            r#"{"logout":null}"#,
            r#"{"logout":1}"#,
            r#"{"logout":"true"}"#,
            r#"{"logout":[]}"#,
            r#"{"disconnect":0}"#,
            r#"{"subscribe":"news"}"#,
            r#"{"nonsense":"x"}"#,
            r#"{"authenticate":null}"#,
            // Fields are needed.
            r#"{"subscribe":true}"#,
            r#"{"broadcast":false}"#,
            r#"{"authenticate":true}"#,
        ] {
            check(text, Err(&Reason::Payload));
        }
    }

    #[test]
    fn what_is_one() {
        check(r#"{"logout":true}"#, Ok(Verb::Logout));
        check(r#"{"logout":false}"#, Ok(Verb::Logout));
        check(r#" { "logout" : { } } "#, Ok(Verb::Logout));
        check(r#"{"disconnect":{"why":[1]}}"#, Ok(Verb::Disconnect));
        check(r#"{"subscribe":{"channel":5}}"#, Ok(Verb::Subscribe));
        check(r#"{"\u0073ubscribe":{}}"#, Ok(Verb::Subscribe));
        check(r#"{"logout":1,"logout":true}"#, Ok(Verb::Logout));
        check(r#"{"logout":true,"logout":1}"#, Err(&Reason::Payload));
        check(r#"{"ping":{}}"#, Err(&Reason::UnknownAction("ping".into())));
        check(r#"{"Subscribe":{}}"#, Err(&Reason::UnknownAction("Subscribe".into())));
        check(r#"{"":true}"#, Err(&Reason::UnknownAction(String::new())));
    }

    #[test]
    fn many_keys_cost_no_memory() {
        let keys: Vec<String> = (0..2000).map(|n| format!("\"k{n}\":{{}}")).collect();
        check(&format!("{{{}}}", keys.join(",")), Err(&Reason::Payload));
    }
}
