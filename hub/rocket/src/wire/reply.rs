//! Answers, byte for byte.

use super::id::Id;
use super::reason::{Dialect, Reason};

/// An answer to a request. `id` repeats the client's, and asks for what the original does not tell.
#[derive(Debug)]
pub(crate) enum Reply<'a> {
    Authenticated { user: &'a str, token: Option<&'a str> },
    Subscribed { channel: &'a str, joined: Option<Joined<'a>>, members: Option<(&'a str, u64)> },
    Unsubscribed { channel: &'a str },
    Broadcasted { channel: &'a str, offset: u64, subscribers: u64 },
    DirectSent { client: &'a str },
    LoggedOut,
    Refused { reason: &'a Reason, dialect: Dialect },
}

/// Where a numbered subscription begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Joined<'a> {
    pub(crate) epoch: &'a str,
    pub(crate) offset: u64,
    /// Whether all that was missed follows; none when nothing was asked for.
    pub(crate) recovered: Option<bool>,
}

impl Reply<'_> {
    /// The text of the frame.
    pub(crate) fn encode(&self, id: Option<&Id>) -> Vec<u8> {
        let mut out = Object::new();
        match self {
            Self::Authenticated { user, token } => {
                out.text("authenticated", user);
                out.repeat(id);
                if let Some(token) = token {
                    out.text("token", token);
                }
            }
            Self::Subscribed { channel, joined, members } => {
                out.text("subscribed", channel);
                out.repeat(id);
                if let Some(joined) = joined {
                    if let Some(recovered) = joined.recovered {
                        out.json("recovered", if recovered { "true" } else { "false" });
                    }
                    out.text("epoch", joined.epoch);
                    out.number("offset", joined.offset);
                }
                if let Some((members, present)) = members {
                    out.json("members", members);
                    out.number("present", *present);
                }
            }
            Self::Unsubscribed { channel } => {
                out.text("unsubscribed", channel);
                out.repeat(id);
            }
            Self::Broadcasted { channel, offset, subscribers } => {
                out.text("broadcasted", channel);
                if id.is_some() {
                    out.repeat(id);
                    out.number("offset", *offset);
                    out.number("subscribers", *subscribers);
                }
            }
            Self::DirectSent { client } => {
                out.text("directSent", client);
                out.repeat(id);
            }
            Self::LoggedOut => {
                out.json("loggedOut", "true");
                out.repeat(id);
            }
            Self::Refused { reason, dialect } => {
                out.text("err", reason.name(*dialect));
                match reason {
                    Reason::UnknownAction(name) => out.text("event", name),
                    Reason::BadToken(why) => out.text("reason", why),
                    Reason::Limit(limit) => {
                        out.text("limit", limit.name);
                        out.number("max", limit.max);
                    }
                    _ => {}
                }
                out.repeat(id);
            }
        }
        out.end()
    }
}

/// Unasked, to a numbered subscription: messages before `offset` were lost and cannot be had any more.
pub(crate) fn gap(channel: &str, epoch: &str, offset: u64) -> Vec<u8> {
    let mut out = Object::new();
    out.text("gap", channel);
    out.json("recovered", "false");
    out.text("epoch", epoch);
    out.number("offset", offset);
    out.end()
}

/// Unasked, to those who see each other: `what` (`joined` or `left`) a channel somebody is.
pub(crate) fn presence(what: &str, channel: &str, member: &str) -> Vec<u8> {
    let mut out = Object::new();
    out.text(what, channel);
    out.json("member", member);
    out.end()
}

/// An object under construction. The protocol's are flat, and their keys need no escapes.
pub(crate) struct Object(Vec<u8>);

impl Object {
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(64))
    }

    fn key(&mut self, key: &str) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        self.0.push(b'"');
        self.0.extend_from_slice(key.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        // Writing text into memory cannot fail.
        let _ = serde_json::to_writer(&mut self.0, value);
    }

    pub(crate) fn number(&mut self, key: &str, value: u64) {
        self.json(key, &value.to_string());
    }

    pub(crate) fn json(&mut self, key: &str, value: &str) {
        self.key(key);
        self.0.extend_from_slice(value.as_bytes());
    }

    fn repeat(&mut self, id: Option<&Id>) {
        if let Some(id) = id {
            self.json("id", id.as_json());
        }
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::reason::Limit;
    use super::*;

    #[track_caller]
    fn check(reply: &Reply<'_>, plain: &str, with_id: &str) {
        let raw = serde_json::value::RawValue::from_string("7".into()).expect("JSON");
        let id = Id::read(&raw);
        assert_eq!(String::from_utf8(reply.encode(None)).expect("text"), plain);
        assert_eq!(String::from_utf8(reply.encode(id.as_ref())).expect("text"), with_id);
    }

    #[test]
    fn the_original_s_and_the_fuller_ones() {
        check(
            &Reply::Authenticated { user: "o\"k", token: None },
            r#"{"authenticated":"o\"k"}"#,
            r#"{"authenticated":"o\"k","id":7}"#,
        );
        check(
            &Reply::Authenticated { user: "u", token: Some("ab") },
            r#"{"authenticated":"u","token":"ab"}"#,
            r#"{"authenticated":"u","id":7,"token":"ab"}"#,
        );
        check(
            &Reply::Subscribed { channel: "c", joined: None, members: None },
            r#"{"subscribed":"c"}"#,
            r#"{"subscribed":"c","id":7}"#,
        );
        let joined = Joined { epoch: "e", offset: 5, recovered: Some(false) };
        check(
            &Reply::Subscribed { channel: "c", joined: Some(joined), members: Some(("[]", 0)) },
            r#"{"subscribed":"c","recovered":false,"epoch":"e","offset":5,"members":[],"present":0}"#,
            r#"{"subscribed":"c","id":7,"recovered":false,"epoch":"e","offset":5,"members":[],"present":0}"#,
        );
        check(
            &Reply::Unsubscribed { channel: "c" },
            r#"{"unsubscribed":"c"}"#,
            r#"{"unsubscribed":"c","id":7}"#,
        );
        check(
            &Reply::Broadcasted { channel: "c", offset: 3, subscribers: 2 },
            r#"{"broadcasted":"c"}"#,
            r#"{"broadcasted":"c","id":7,"offset":3,"subscribers":2}"#,
        );
        check(&Reply::DirectSent { client: "t" }, r#"{"directSent":"t"}"#, r#"{"directSent":"t","id":7}"#);
        check(&Reply::LoggedOut, r#"{"loggedOut":true}"#, r#"{"loggedOut":true,"id":7}"#);
    }

    #[test]
    fn refusals_in_both_dialects() {
        for (reason, readme, dev) in [
            (Reason::Payload, "INVALID_PAYLOAD", "INVALID_PAYLOAD"),
            (Reason::SecretField, "INVALID_PAYLOAD", "INVALID_PAYLOAD"),
            (Reason::ClientField, "INVALID_PAYLOAD", "INVALID_PAYLOAD"),
            (Reason::UserField, "INVALID_PAYLOAD", "INVALID_USER_NAME"),
            (Reason::ChannelField, "INVALID_PAYLOAD", "INVALID_CHANNEL_NAME"),
            (Reason::EventField, "INVALID_PAYLOAD", "INVALID_EVENT_NAME"),
            (Reason::UnknownUser, "INVALID_USER", "USER_NOT_FOUND"),
            (Reason::WrongSecret, "INVALID_CREDENTIALS", "INVALID_CREDENTIALS"),
            (Reason::Denied, "ACCESS_DENIED", "ACCESS_DENIED"),
            (Reason::UnknownChannel, "INVALID_CHANNEL", "CHANNEL_NOT_FOUND"),
            (Reason::EmptyChannel, "INVALID_CHANNEL", "INVALID_CHANNEL_NAME"),
            (Reason::UnknownClient, "INVALID_CLIENT", "INVALID_CLIENT"),
            (Reason::Unavailable, "UNAVAILABLE", "UNAVAILABLE"),
        ] {
            for (dialect, name) in [(Dialect::Readme, readme), (Dialect::Dev, dev)] {
                assert!(super::super::reason::NAMES.contains(&name), "{name}");
                check(
                    &Reply::Refused { reason: &reason, dialect },
                    &format!(r#"{{"err":"{name}"}}"#),
                    &format!(r#"{{"err":"{name}","id":7}}"#),
                );
            }
        }
    }

    #[test]
    fn refusals_that_say_more() {
        let dialect = Dialect::Readme;
        check(
            &Reply::Refused { reason: &Reason::UnknownAction("pi\"ng".into()), dialect },
            r#"{"err":"UNDEFINED_EVENT","event":"pi\"ng"}"#,
            r#"{"err":"UNDEFINED_EVENT","event":"pi\"ng","id":7}"#,
        );
        check(
            &Reply::Refused { reason: &Reason::BadToken("old".into()), dialect },
            r#"{"err":"INVALID_CREDENTIALS","reason":"old"}"#,
            r#"{"err":"INVALID_CREDENTIALS","reason":"old","id":7}"#,
        );
        check(
            &Reply::Refused { reason: &Reason::Limit(Limit { name: "x_max", max: 9 }), dialect },
            r#"{"err":"LIMIT_EXCEEDED","limit":"x_max","max":9}"#,
            r#"{"err":"LIMIT_EXCEEDED","limit":"x_max","max":9,"id":7}"#,
        );
    }

    #[test]
    fn what_comes_unasked() {
        assert_eq!(gap("c", "e", 9), br#"{"gap":"c","recovered":false,"epoch":"e","offset":9}"#);
        assert_eq!(presence("joined", "c", "{}"), br#"{"joined":"c","member":{}}"#);
    }
}
