//! Requests of clients. The shape of a message says its dialect (P1): `seqId` and `path`, or `id` and `uri`.

use std::collections::BTreeMap;
use std::time::Duration;

use polysocket_socket::Incoming;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::{Codec, Failure, Name};

/// Longest channel name and event name, bytes.
const NAME_BYTES_MAX: usize = 512;
/// Longest `seqId` or `id`, bytes of JSON.
const ID_BYTES_MAX: usize = 256;
/// Longest `ttl`: a day.
const TTL_SECONDS_MAX: f64 = 86_400.0;

/// Which of the two texts a message follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum Dialect {
    /// `seqId`, `path`, frames of their own for data.
    #[default]
    Seed,
    /// `id`, `uri`, data in the reply, `update` events.
    Later,
}

/// A message that can be acted on.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) dialect: Dialect,
    /// `seqId` or `id`, as JSON.
    pub(crate) id: Option<Box<RawValue>>,
    pub(crate) action: Action,
}

#[derive(Debug)]
pub(crate) enum Action {
    Auth {
        token: String,
    },
    Bind {
        path: String,
        options: BindOptions,
    },
    Unbind {
        path: String,
    },
    Get {
        path: String,
    },
    Post {
        path: String,
        data: Option<Box<RawValue>>,
        idempotent: bool,
    },
    Put {
        path: String,
        data: Option<Box<RawValue>>,
    },
    Delete {
        path: String,
        data: Option<Box<RawValue>>,
    },
    Subscribe {
        channel: String,
    },
    Unsubscribe {
        channel: String,
    },
    /// An event for the others in a channel.
    Say {
        event: String,
        channel: String,
        data: Option<Box<RawValue>>,
    },
}

/// What a bind may ask for beyond the original, in its `data`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BindOptions {
    /// The current state at once.
    pub(crate) snapshot: bool,
    /// The `version` that the client has.
    pub(crate) since: Option<String>,
    /// `seq` and `version` in each frame.
    pub(crate) numbered: bool,
    pub(crate) patch: Option<PatchKind>,
    pub(crate) ttl: Option<Duration>,
}

impl Default for BindOptions {
    fn default() -> Self {
        Self { snapshot: true, since: None, numbered: false, patch: None, ttl: None }
    }
}

/// Changes instead of whole documents, where they are smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum PatchKind {
    /// RFC 7396.
    Merge,
    /// RFC 6902.
    Json,
}

/// A message that cannot be acted on, with what is needed to say so in its dialect.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) dialect: Dialect,
    pub(crate) id: Option<Box<RawValue>>,
    pub(crate) failure: Failure,
}

type Members = BTreeMap<String, Box<RawValue>>;

/// Reads one message.
pub(crate) fn read(message: &Incoming, codec: Codec) -> Result<Request, Refused> {
    let nameless = |failure| Refused { dialect: Dialect::Seed, id: None, failure };
    let members = members(message, codec).map_err(nameless)?;
    let has = |name: Name| members.contains_key(name.text(false));
    let dialect = if has(Name::Id) || has(Name::Uri) { Dialect::Later } else { Dialect::Seed };
    let mixed = dialect == Dialect::Later && (has(Name::SeqId) || has(Name::Path));
    let id_name = if has(Name::SeqId) { Name::SeqId } else { Name::Id };
    let id = members.get(id_name.text(false)).filter(|id| is_id(id)).cloned();
    let dialect = if has(Name::SeqId) { Dialect::Seed } else { dialect };
    let action = if mixed {
        Err(Failure::bad("a message has `seqId` and `path`, or `id` and `uri`, but not one of each"))
    } else if id.is_none() && members.contains_key(id_name.text(false)) {
        Err(Failure::bad(format!("`{}` is a number or a text of at most 256 bytes", id_name.text(false))))
    } else {
        action(&members, dialect)
    };
    match action {
        Ok(action) => Ok(Request { dialect, id, action }),
        Err(failure) => Err(Refused { dialect, id, failure }),
    }
}

fn is_id(id: &RawValue) -> bool {
    let text = id.get();
    text.len() <= ID_BYTES_MAX && text.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit())
}

fn members(message: &Incoming, codec: Codec) -> Result<Members, Failure> {
    let mut members = match (message, codec.binary) {
        (Incoming::Text(text), false) => serde_json::from_str::<Members>(text)
            .map_err(|_| Failure::bad("the message is not a JSON object"))?,
        (Incoming::Binary(bytes), true) => unpack(bytes)
            .ok_or_else(|| Failure::bad("the message is not a MessagePack map of JSON's types"))?,
        (Incoming::Text(_), true) => {
            return Err(Failure::bad("with this subprotocol messages are binary, in MessagePack"));
        }
        (Incoming::Binary(_), false) => {
            return Err(Failure::bad(
                "messages are text, in JSON; for MessagePack offer the subprotocol pogo.msgpack",
            ));
        }
    };
    if codec.short {
        members = members
            .into_iter()
            .map(|(name, value)| (Name::lengthen(&name).map_or(name, str::to_owned), value))
            .collect();
    }
    Ok(members)
}

fn unpack(bytes: &[u8]) -> Option<Members> {
    let mut rest = bytes;
    let values: BTreeMap<String, Value> = rmp_serde::from_read(&mut rest).ok()?;
    let raw = |(name, value)| Some((name, to_raw_value(&value).ok()?));
    if rest.is_empty() { values.into_iter().map(raw).collect() } else { None }
}

fn action(members: &Members, dialect: Dialect) -> Result<Action, Failure> {
    let event = text(members, Name::Event)?.ok_or_else(|| Failure::bad("`event` is missing"))?;
    let data = members.get("data").filter(|data| data.get() != "null").cloned();
    let path = || {
        let name = if dialect == Dialect::Later { Name::Uri } else { Name::Path };
        let missing = || Failure::bad(format!("`{event}` needs a `{}`", name.text(false)));
        text(members, name)?.ok_or_else(missing)
    };
    Ok(match event.as_str() {
        "auth" => Action::Auth { token: token(data.as_deref())? },
        "bind" => Action::Bind { path: path()?, options: options(data.as_deref())? },
        "unbind" => Action::Unbind { path: path()? },
        "get" | "index" | "show" | "list" | "retrieve" => Action::Get { path: path()? },
        "post" | "create" => Action::Post { path: path()?, data, idempotent: idempotent(members)? },
        "put" | "update" => Action::Put { path: path()?, data },
        "delete" => Action::Delete { path: path()?, data },
        _ => match event.split_once(':') {
            Some(("streama" | "channel" | "pogo", "subscribe")) => {
                Action::Subscribe { channel: channel(members, data.as_deref())? }
            }
            Some(("streama" | "channel" | "pogo", "unsubscribe")) => {
                Action::Unsubscribe { channel: channel(members, data.as_deref())? }
            }
            Some(("streama" | "channel" | "pogo", _)) => {
                return Err(Failure::bad(format!("`{event}` is reserved and unknown")));
            }
            _ => {
                let channel = text(members, Name::Channel)?.filter(|channel| !channel.is_empty());
                let channel = channel.ok_or_else(|| {
                    Failure::bad(format!("`{event}` is no event of Pogo, and has no `channel` to be sent to"))
                })?;
                check_name("channel", &channel)?;
                check_name("event", &event)?;
                Action::Say { event, channel, data: members.get("data").cloned() }
            }
        },
    })
}

fn text(members: &Members, name: Name) -> Result<Option<String>, Failure> {
    let Some(value) = members.get(name.text(false)) else { return Ok(None) };
    let wrong = |_| Failure::bad(format!("`{}` is not a text", name.text(false)));
    serde_json::from_str(value.get()).map(Some).map_err(wrong)
}

fn check_name(what: &str, name: &str) -> Result<(), Failure> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(Failure::bad(format!("`{what}` is a text of 1 to {NAME_BYTES_MAX} bytes")));
    }
    Ok(())
}

fn idempotent(members: &Members) -> Result<bool, Failure> {
    match members.get(Name::Idempotent.text(false)).map(|value| value.get()) {
        None | Some("false" | "null") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(Failure::bad("`idempotent` is not true or false")),
    }
}

fn object(data: Option<&RawValue>) -> Result<serde_json::Map<String, Value>, Failure> {
    let Some(data) = data else { return Ok(serde_json::Map::new()) };
    serde_json::from_str(data.get()).map_err(|_| Failure::bad("`data` is not an object"))
}

fn token(data: Option<&RawValue>) -> Result<String, Failure> {
    match object(data)?.remove("token") {
        Some(Value::String(token)) => Ok(token),
        _ => Err(Failure::bad("`auth` needs `data` with a `token`, a text")),
    }
}

fn channel(members: &Members, data: Option<&RawValue>) -> Result<String, Failure> {
    let channel = match text(members, Name::Channel)? {
        Some(channel) => channel,
        None => match object(data)?.remove("channel") {
            Some(Value::String(channel)) => channel,
            _ => return Err(Failure::bad("a `channel` is missing, in `data` or beside `event`")),
        },
    };
    check_name("channel", &channel)?;
    Ok(channel)
}

fn options(data: Option<&RawValue>) -> Result<BindOptions, Failure> {
    let mut options = BindOptions::default();
    for (name, value) in object(data)? {
        match (name.as_str(), value) {
            ("snapshot", Value::Bool(snapshot)) => options.snapshot = snapshot,
            ("seq", Value::Bool(numbered)) => options.numbered = numbered,
            ("since", Value::String(version)) => options.since = Some(version),
            ("patch", Value::String(kind)) if kind == "merge" => options.patch = Some(PatchKind::Merge),
            ("patch", Value::String(kind)) if kind == "json" => options.patch = Some(PatchKind::Json),
            ("ttl", Value::Number(seconds)) => options.ttl = Some(ttl(seconds.as_f64())?),
            ("snapshot" | "seq", _) => return Err(Failure::bad(format!("`{name}` is not true or false"))),
            ("since", _) => return Err(Failure::bad("`since` is the `version` of the last frame, a text")),
            ("patch", _) => return Err(Failure::bad("`patch` is \"merge\" or \"json\"")),
            ("ttl", _) => return Err(Failure::bad("`ttl` is a number of seconds")),
            // The original's clients send what they like.
            _ => {}
        }
    }
    options.numbered |= options.patch.is_some() || options.since.is_some();
    Ok(options)
}

fn ttl(seconds: Option<f64>) -> Result<Duration, Failure> {
    let seconds = seconds.filter(|seconds| *seconds > 0.0 && *seconds <= TTL_SECONDS_MAX);
    seconds
        .map(Duration::from_secs_f64)
        .ok_or_else(|| Failure::bad("`ttl` is more than 0 and at most 86400 seconds"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Code;

    fn text(json: &str) -> Result<Request, Refused> {
        read(&Incoming::Text(json.to_owned().into()), Codec::default())
    }

    #[test]
    fn the_shape_says_the_dialect() {
        let dialect = |json| text(json).map(|request| request.dialect).expect(json);
        assert_eq!(dialect(r#"{"seqId":1,"event":"get","path":"/a"}"#), Dialect::Seed);
        assert_eq!(dialect(r#"{"event":"get","path":"/a"}"#), Dialect::Seed);
        assert_eq!(dialect(r#"{"id":"x","event":"show","uri":"/a"}"#), Dialect::Later);
        assert_eq!(dialect(r#"{"event":"show","uri":"/a"}"#), Dialect::Later);
        assert_eq!(dialect(r#"{"id":1,"event":"auth","data":{"token":"t"}}"#), Dialect::Later);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (json, about) in [
            ("", "JSON"),
            ("[]", "JSON"),
            ("{}", "event"),
            (r#"{"event":7}"#, "event"),
            (r#"{"seqId":1,"event":"get","uri":"/a"}"#, "not one of each"),
            (r#"{"id":1,"event":"get","path":"/a"}"#, "not one of each"),
            (r#"{"seqId":{},"event":"get","path":"/a"}"#, "seqId"),
            (r#"{"seqId":1,"event":"get"}"#, "path"),
            (r#"{"id":1,"event":"get"}"#, "uri"),
            (r#"{"seqId":1,"event":"get","path":7}"#, "path"),
            (r#"{"seqId":1,"event":"auth"}"#, "token"),
            (r#"{"seqId":1,"event":"auth","data":{"token":1}}"#, "token"),
            (r#"{"event":"streama:subscribe"}"#, "channel"),
            (r#"{"event":"streama:subscribe","channel":""}"#, "channel"),
            (r#"{"event":"pogo:explode","channel":"c"}"#, "reserved"),
            (r#"{"event":"hello"}"#, "channel"),
            (r#"{"event":"bind","path":"/a","data":{"patch":"diff"}}"#, "patch"),
            (r#"{"event":"bind","path":"/a","data":{"ttl":0}}"#, "ttl"),
            (r#"{"event":"bind","path":"/a","data":{"since":4}}"#, "since"),
            (r#"{"event":"post","path":"/a","idempotent":1}"#, "idempotent"),
        ] {
            let refused = text(json).expect_err(json);
            assert_eq!(refused.failure.code, Code::BadRequest, "{json}");
            assert!(refused.failure.message.contains(about), "{json}: {}", refused.failure.message);
        }
    }

    #[test]
    fn names_that_are_reserved_are_no_user_events() {
        let say = text(r#"{"event":"someEvent","channel":"/c","data":{"test":""}}"#).expect("an event");
        assert!(
            matches!(say.action, Action::Say { event, channel, data: Some(_) } if event == "someEvent" && channel == "/c")
        );
        assert!(text(r#"{"event":"bind","channel":"/c"}"#).is_err());
    }

    #[test]
    fn short_names_and_msgpack() {
        let short = Codec { binary: false, short: true };
        let request = read(&Incoming::Text(r#"{"s":1,"e":"get","p":"/a"}"#.to_owned().into()), short);
        assert!(matches!(request.expect("a request").action, Action::Get { path } if path == "/a"));
        let packed = rmp_serde::to_vec(
            &serde_json::json!({"seqId": 1, "event": "put", "path": "/a", "data": {"n": 1.5}}),
        );
        let binary = Codec { binary: true, short: false };
        let request = read(&Incoming::Binary(packed.expect("packed").into()), binary).expect("a request");
        assert!(
            matches!(request.action, Action::Put { data: Some(data), .. } if data.get() == r#"{"n":1.5}"#)
        );
        assert!(read(&Incoming::Binary(vec![0xc1].into()), binary).is_err());
        assert!(read(&Incoming::Text("{}".to_owned().into()), binary).is_err());
        assert!(read(&Incoming::Binary(vec![0x80].into()), Codec::default()).is_err());
    }

    #[test]
    fn options_of_a_bind() {
        let options = |data: &str| {
            options(Some(&to_raw_value(&serde_json::from_str::<Value>(data).expect(data)).expect(data)))
        };
        assert_eq!(options("{}").expect("options"), BindOptions::default());
        let all = options(r#"{"snapshot":false,"since":"ab","patch":"merge","ttl":1.5,"else":{}}"#)
            .expect("options");
        let expected = BindOptions {
            snapshot: false,
            since: Some("ab".into()),
            numbered: true,
            patch: Some(PatchKind::Merge),
            ttl: Some(Duration::from_millis(1500)),
        };
        assert_eq!(all, expected);
    }
}
